// The listed domains as Sendmail sees them: one answer for a socketmap lookup of FEATURE(mailertable), and
// the whole list as a mailertable and as entries of the access map. Sendmail's keys are domains, not
// addresses, so that address forms which hide a listed domain in the local part do not come into sight here.
#pragma once

#include <string>
#include <string_view>

#include "smtpseal/policy/policy_set.hpp"
#include "smtpseal/postfix/socketmap.hpp"

namespace smtpseal::policy {

// The two mailers that lead to the relay. `seven_bit` is the one whose LMTP listener announces no 8BITMIME,
// so that Sendmail converts (body=7bit and the exchange-5.x profiles).
struct MailerNames {
  std::string relay;
  std::string relay_seven_bit;
};

// The socketmap answer for a key of FEATURE(mailertable): OK "mailer:domain", or NOTFOUND. The keys for one
// recipient are `host.domain`, then `.domain`, `.tld` and `.` as long as the answer is NOTFOUND. A null set
// answers TEMP, never NOTFOUND.
postfix::SocketmapReply mailertable_lookup(const PolicySet* set, const MailerNames& mailers,
                                           std::string_view key);

// The same answers as a mailertable for makemap, U-labels and A-labels both. An exception below a listed
// domain goes to the hosts of its MX by the mailer esmtp, since a mailertable cannot say "as if not listed".
std::string export_mailertable(const PolicySet& set, const MailerNames& mailers);

// Entries of FEATURE(access_db) for smtpseal.m4, where Sendmail seals by itself: "SmtpSeal:domain" and the
// least strength of the seal, "none" for an exception, "SmtpSeal:" for all other domains. Sendmail finds an
// entry for its domain and, unless the feature has `lookupdotdomain`, for all domains below; so each name
// gets the strongest of what its rules ask of it and of what is below it.
std::string export_access(const PolicySet& set);

}  // namespace smtpseal::policy
