// The two halves of check_postfix().
#pragma once

#include "checks.hpp"
#include "postfix_view.hpp"

namespace smtpseal::cli {

struct PostfixCheck {
  Context& context;
  const policy::PolicySet& set;
  const PostfixSetup& setup;
  PostfixView& view;
  Findings& findings;
};

// Whether mail for listed domains goes to the relay, whatever else main.cf says.
void check_outbound(const PostfixCheck& check);
// Whether what comes in is judged, and whether Postfix stands behind the relay as it should.
void check_inbound(const PostfixCheck& check);

}  // namespace smtpseal::cli
