// The groups of `smtpseal check`. Each adds what it finds; none changes anything.
#pragma once

#include "../context.hpp"
#include "../postfix_setup.hpp"
#include "findings.hpp"

namespace smtpseal::cli {

// The tables as they were loaded: every problem and weak entry, and what does not fit together.
void check_tables(Context& context, const policy::PolicyLoad& load, Findings& findings);
// process.user: whether there is one, and whether it can read and write what the daemons have to.
void check_access(Context& context, const policy::PolicyLoad& load, Findings& findings);
// Every socket in smtpseal.toml: whether a daemon answers.
void check_daemons(Context& context, Findings& findings);
// main.cf and master.cf, and whether the programs of Postfix reach the daemons, as their user and from within
// their chroot. REQUIRES: load.set.
void check_postfix(Context& context, const policy::PolicySet& set, const PostfixSetup& setup,
                   Findings& findings);
// sendmail.cf. REQUIRES: load.set.
void check_sendmail(Context& context, const policy::PolicySet& set, const std::string& sendmail_cf,
                    Findings& findings);
// Which NTLM programs with libsasl2 get, where [sasl] is set.
void check_plugin(Context& context, Findings& findings);
// NTLMv2 carries the time.
void check_clock(Findings& findings);

}  // namespace smtpseal::cli
