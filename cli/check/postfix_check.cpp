#include "postfix_parts.hpp"

namespace smtpseal::cli {

void check_postfix(Context& context, const policy::PolicySet& set, const PostfixSetup& setup,
                   Findings& findings) {
  findings.begin("Postfix " + setup.directory());
  PostfixView view(setup, findings);
  const PostfixCheck check{context, set, setup, view, findings};
  check_outbound(check);
  check_inbound(check);
}

}  // namespace smtpseal::cli
