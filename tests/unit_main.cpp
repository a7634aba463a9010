#define BOOST_TEST_MODULE smtpseal
#include <boost/test/unit_test.hpp>
