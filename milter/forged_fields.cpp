#include "forged_fields.hpp"

#include <algorithm>
#include <boost/algorithm/string/predicate.hpp>

#include "smtpseal/status/authentication_results.hpp"
#include "smtpseal/status/forged.hpp"
#include "smtpseal/status/status_header.hpp"

namespace smtpseal::milter {
namespace {

constexpr std::array<std::string_view, 2> kFieldNames{status::kStatusHeader, status::kResultsHeader};

}  // namespace

void ForgedFields::add(std::string_view name, std::string_view value, std::string_view authserv_id) {
  if (!status::is_one_field(value)) has_stray_line_end_ = true;
  if (!status::is_status_field(name)) return;
  // is_status_field() has compared the whole name, blanks before the colon aside.
  Name& field = names_.at(boost::algorithm::istarts_with(name, status::kStatusHeader) ? 0 : 1);
  ++field.seen;
  if (!status::is_forged(name, value, authserv_id)) return;
  ++count_;
  if (!is_excessive()) field.forged.push_back(field.seen);
}

std::vector<ForgedFields::Removal> ForgedFields::removals() const {
  std::vector<Removal> found;
  const auto* name = kFieldNames.begin();
  for (const auto& [seen, ordinals] : names_) {
    std::for_each(ordinals.rbegin(), ordinals.rend(), [&](int ordinal) {
      found.push_back({*name, ordinal});
    });
    ++name;
  }
  return found;
}

}  // namespace smtpseal::milter
