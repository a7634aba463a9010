#include "filter.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <memory>

#include "message_log.hpp"
#include "smtpseal/log/log.hpp"

namespace smtpseal::milter {
namespace {

using policy::InboundVerdict;
using Kind = InboundVerdict::Kind;

// What the filter cannot work without: Postfix since 2.6 and Sendmail since 8.14 offer it.
constexpr unsigned long kActions = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_SETSYMLIST;
constexpr unsigned long kSteps =
    SMFIP_NOHELO | SMFIP_NORCPT | SMFIP_NODATA | SMFIP_NOBODY | SMFIP_NOUNKNOWN | SMFIP_NOEOH;
constexpr unsigned long kNoReply =
    SMFIP_NR_CONN | SMFIP_NR_HDR;  // libmilter answers where the MTA must have it

constexpr const char* kConnectMacros = "v {daemon_addr} {daemon_port}";
// `j` has always a value, so that every MAIL has macros of its own: libmilter keeps those of the message
// before where none come.
constexpr const char* kMailMacros =
    "i j {auth_type} {auth_authen} {auth_ssf} {tls_version} {cipher} {cipher_bits}";
constexpr const char* kEndMacros =
    "i";  // Postfix has no queue id at MAIL; Sendmail has it there and does not repeat it

constexpr std::size_t kMaxReplyText = 480;  // with code and CRLF in RFC 5321's 512; libmilter takes 980

FilterContext* context = nullptr;

// One of the connections that are served at once, where there is room for it.
class Place {
 public:
  Place() : is_granted_(++context->connections <= context->client_limit && !context->stopping) {
    if (!is_granted_) --context->connections;
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() {
    if (is_granted_) --context->connections;
  }
  [[nodiscard]] bool is_granted() const { return is_granted_; }

 private:
  bool is_granted_;
};

struct Connection {
  Session session{context->settings, context->ask};
  Place place;
  bool is_broken = false;  // a header could not be looked at: the message must not pass
};

// libmilter's functions take char* where they only read.
char* text(const char* constant) {
  return const_cast<char*>(constant);
}

std::string macro(SMFICTX* ctx, const char* name) {
  const char* value = smfi_getsymval(ctx, text(name));
  return value == nullptr ? std::string() : value;
}

Connection* connection(SMFICTX* ctx) {
  return static_cast<Connection*>(smfi_getpriv(ctx));
}

// Sendmail may end one connection and begin the next without negotiating again.
Connection& connection_or_new(SMFICTX* ctx) {
  if (auto* existing = connection(ctx)) return *existing;
  auto made = std::make_unique<Connection>();
  if (smfi_setpriv(ctx, made.get()) != MI_SUCCESS) throw std::bad_alloc();
  return *made.release();
}

template <class Body>
sfsistat guarded(Body body) noexcept {
  try {
    return body();
  } catch (...) {
    return SMFIS_TEMPFAIL;
  }
}

// Text for smfi_setreply(): printable ASCII of one line, and "%" doubled, since Sendmail uses it as a format.
std::string reply_text(const smtp::Reply& reply) {
  std::string joined;
  for (const auto& line : reply.lines) joined += (joined.empty() ? "" : " ") + line;
  std::string escaped;
  for (const char c : std::string_view(joined).substr(0, kMaxReplyText)) {
    escaped += c >= ' ' && c <= '~' ? c : '?';
    if (c == '%') escaped += '%';
  }
  return escaped;
}

sfsistat answer(SMFICTX* ctx, const InboundVerdict& verdict) {
  if (verdict.kind == Kind::pass || verdict.kind == Kind::report) return SMFIS_CONTINUE;
  std::string code = std::to_string(verdict.reply.code);
  std::string status = verdict.reply.status;
  std::string words = reply_text(verdict.reply);
  // Where libmilter does not take the reply, the mail server's own says the same with fewer words.
  smfi_setreply(ctx, code.data(), status.data(), words.data());
  return verdict.kind == Kind::refuse ? SMFIS_REJECT : SMFIS_TEMPFAIL;
}

void warn_of_limit() {
  context->metrics.connections_refused(Limit::clients).Increment();
  if (!context->limit_warning.is_due()) return;
  log::warning("connection-refused")
      .field("reason", "milter.client_limit reached")
      .field("limit", static_cast<std::uint64_t>(context->client_limit));
}

void count_message(const session::SessionSecurity& security, const InboundVerdict& verdict) {
  context->metrics.messages(security.protection, verdict.kind).Increment();
}

// The message cannot be looked at or edited as a whole.
sfsistat fail() {
  context->metrics.failures().Increment();
  return SMFIS_TEMPFAIL;
}

Peer peer_from(SMFICTX* ctx, const char* name, const sockaddr* address) {
  Peer peer;
  std::array<char, INET6_ADDRSTRLEN> printed{};
  if (address != nullptr && address->sa_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(address);
    ::inet_ntop(AF_INET, &v4->sin_addr, printed.data(), printed.size());
    peer.port = std::to_string(ntohs(v4->sin_port));
  } else if (address != nullptr && address->sa_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address);
    ::inet_ntop(AF_INET6, &v6->sin6_addr, printed.data(), printed.size());
    peer.port = std::to_string(ntohs(v6->sin6_port));
  }
  peer.address = printed.data();
  // A client without a name is "unknown" to Postfix, and its address in brackets to Sendmail.
  const std::string_view known = name == nullptr ? "" : name;
  if (known != "unknown" && !known.starts_with('[')) peer.name = known;
  peer.server_address = macro(ctx, "{daemon_addr}");
  peer.server_port = macro(ctx, "{daemon_port}");
  return peer;
}

// Sendmail's `v` is its version, Postfix's begins with a name.
bool is_sendmail(SMFICTX* ctx) {
  const std::string version = macro(ctx, "v");
  return !version.empty() && version.front() >= '0' && version.front() <= '9';
}

session::MtaView view_from(SMFICTX* ctx) {
  return {macro(ctx, "{auth_type}"), macro(ctx, "{auth_authen}"),
          macro(ctx, "{auth_ssf}"),  macro(ctx, "{tls_version}"),
          macro(ctx, "{cipher}"),    macro(ctx, "{cipher_bits}"),
          is_sendmail(ctx)};
}

sfsistat edit(SMFICTX* ctx, Ending& ending) {
  for (const auto& removal : ending.removals) {
    if (smfi_chgheader(ctx, text(removal.name.data()), removal.ordinal, nullptr) != MI_SUCCESS)
      return SMFIS_TEMPFAIL;
  }
  for (auto& field : ending.insertions) {
    if (smfi_insheader(ctx, 0, text(field.name.data()), field.value.data()) != MI_SUCCESS)
      return SMFIS_TEMPFAIL;
  }
  return SMFIS_CONTINUE;
}

bool ask_for_macros(SMFICTX* ctx) {
  return smfi_setsymlist(ctx, SMFIM_CONNECT, text(kConnectMacros)) == MI_SUCCESS &&
         smfi_setsymlist(ctx, SMFIM_ENVFROM, text(kMailMacros)) == MI_SUCCESS &&
         smfi_setsymlist(ctx, SMFIM_EOM, text(kEndMacros)) == MI_SUCCESS;
}

sfsistat on_negotiate(SMFICTX* ctx, unsigned long actions, unsigned long steps, unsigned long, unsigned long,
                      unsigned long* wanted_actions, unsigned long* wanted_steps, unsigned long* wanted2,
                      unsigned long* wanted3) noexcept {
  return guarded([&]() -> sfsistat {
    if ((actions & kActions) != kActions) {
      log::error("mail-server-refused")
          .field("reason", "it does not let a milter add and change headers and name its macros");
      return SMFIS_REJECT;
    }
    *wanted_actions = kActions;
    *wanted_steps = steps & (kSteps | kNoReply);
    *wanted2 = *wanted3 = 0;
    // One for which there is no place is to be told so at once.
    if (!connection_or_new(ctx).place.is_granted()) *wanted_steps &= ~SMFIP_NR_CONN;
    return ask_for_macros(ctx) ? SMFIS_CONTINUE : SMFIS_REJECT;
  });
}

sfsistat on_connect(SMFICTX* ctx, char* name, sockaddr* address) noexcept {
  return guarded([&]() -> sfsistat {
    Connection& here = connection_or_new(ctx);
    here.session.begin(peer_from(ctx, name, address));
    log::debug("connected")
        .field("client", here.session.peer().address)
        .field("name", here.session.peer().name);
    if (here.place.is_granted()) return SMFIS_NOREPLY;
    if (!context->stopping) warn_of_limit();
    return SMFIS_TEMPFAIL;
  });
}

sfsistat on_mail(SMFICTX* ctx, char** arguments) noexcept {
  return guarded([&]() -> sfsistat {
    Connection& here = connection_or_new(ctx);
    here.is_broken = false;
    if (!here.place.is_granted()) return SMFIS_TEMPFAIL;
    const auto verdict = here.session.on_mail(context->policy.current(), arguments[0], view_from(ctx));
    log_verdict({here.session.peer(), here.session.sender(), macro(ctx, "i")}, here.session.security(),
                verdict);
    const auto result = answer(ctx, verdict);
    if (result != SMFIS_CONTINUE) count_message(here.session.security(), verdict);
    return result;
  });
}

sfsistat on_header(SMFICTX* ctx, char* name, char* value) noexcept {
  auto* here = connection(ctx);
  const auto result = guarded([&]() -> sfsistat {
    if (here != nullptr) here->session.on_header(name, value);
    return SMFIS_NOREPLY;
  });
  if (result == SMFIS_TEMPFAIL && here != nullptr) here->is_broken = true;
  return SMFIS_NOREPLY;
}

sfsistat on_end(SMFICTX* ctx) noexcept {
  return guarded([&]() -> sfsistat {
    Connection& here = connection_or_new(ctx);
    const std::string sender(here.session.sender());
    const std::string queue_id = macro(ctx, "i");
    Ending ending = here.session.on_end();
    if (here.is_broken) return fail();
    count_message(ending.security, ending.verdict);
    const Envelope envelope{here.session.peer(), sender, queue_id};
    const auto result = answer(ctx, ending.verdict);
    if (result != SMFIS_CONTINUE) {
      log_verdict(envelope, ending.security, ending.verdict);
      return result;
    }
    log_message(envelope, ending);
    if (edit(ctx, ending) != SMFIS_CONTINUE) return fail();
    context->metrics.forged_headers_removed().Increment(static_cast<double>(ending.removals.size()));
    return SMFIS_CONTINUE;
  });
}

sfsistat on_abort(SMFICTX* ctx) noexcept {
  if (auto* here = connection(ctx)) here->session.reset();
  return SMFIS_CONTINUE;
}

sfsistat on_close(SMFICTX* ctx) noexcept {
  const std::unique_ptr<Connection> here(connection(ctx));
  smfi_setpriv(ctx, nullptr);
  return SMFIS_CONTINUE;
}

}  // namespace

smfiDesc describe_filter(FilterContext& filter_context) {
  context = &filter_context;
  static char name[] = "smtpseal-milter";
  smfiDesc filter{};
  filter.xxfi_name = name;
  filter.xxfi_version = SMFI_VERSION;
  filter.xxfi_flags = kActions;
  filter.xxfi_connect = on_connect;
  filter.xxfi_envfrom = on_mail;
  filter.xxfi_header = on_header;
  filter.xxfi_eom = on_end;
  filter.xxfi_abort = on_abort;
  filter.xxfi_close = on_close;
  filter.xxfi_negotiate = on_negotiate;
  return filter;
}

}  // namespace smtpseal::milter
