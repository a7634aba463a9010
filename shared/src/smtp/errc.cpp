#include "smtpseal/smtp/errc.hpp"

#include <string>

namespace smtpseal::smtp {

namespace {

class Category final : public boost::system::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "smtp"; }
  [[nodiscard]] std::string message(int value) const override {
    switch (static_cast<errc>(value)) {
      case errc::line_too_long:
        return "line too long";
      case errc::stray_line_end:
        return "CR or LF outside CRLF";
      case errc::nul_octet:
        return "NUL octet in a line";
      case errc::bad_syntax:
        return "syntax error in arguments";
      case errc::bad_path:
        return "malformed address";
      case errc::bad_parameter:
        return "malformed, repeated or out-of-range parameter";
      case errc::malformed_reply:
        return "malformed SMTP reply";
      case errc::reply_too_long:
        return "SMTP reply too long";
      case errc::bad_base64:
        return "malformed base64";
      case errc::parser_finished:
        return "input after the parser's end";
    }
    return "unknown SMTP error";
  }
};

}  // namespace

const boost::system::error_category& category() {
  static const Category instance;
  return instance;
}

}  // namespace smtpseal::smtp
