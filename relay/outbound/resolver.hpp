// DNS for next hops and client names: c-ares, driven by the daemon's io_context.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "settings.hpp"
#include "smtpseal/daemon/async.hpp"

namespace smtpseal::relay {

enum class DnsStatus {
  ok,
  no_data,    // the name exists and has no record of the type
  no_domain,  // the name does not exist
  temporary,  // no usable answer: never to be taken for "no record"
};

struct MxHost {
  std::uint16_t preference = 0;
  std::string host;  // without trailing dot; empty: null MX (RFC 7505)
};

struct MxAnswer {
  DnsStatus status = DnsStatus::temporary;
  std::vector<MxHost> hosts;
  std::string problem;  // in words, for temporary
};

// Addresses may be there with status temporary too: then there may be more.
struct AddressAnswer {
  DnsStatus status = DnsStatus::temporary;
  std::vector<boost::asio::ip::address> addresses;
  std::string problem;
};

class Resolver {
 public:
  // `servers`: "ADDRESS" or "ADDRESS:PORT"; empty: those of /etc/resolv.conf. Throws daemon::StartupError.
  Resolver(daemon::asio::io_context& io, const std::vector<std::string>& servers, daemon::Seconds timeout);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  daemon::Task<MxAnswer> mx(std::string domain);
  daemon::Task<AddressAnswer> addresses(std::string host, AddressFamilies families);
  // The name of `address` whose own address record leads back to it; empty where there is none or it cannot
  // be told now.
  daemon::Task<std::string> verified_name(boost::asio::ip::address address);

 private:
  daemon::Task<AddressAnswer> addresses_of_family(std::string host, int family);

  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace smtpseal::relay
