#include "smtpseal/session/security_layer.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "smtpseal/bytes.hpp"
#include "smtpseal/ntlm/wire.hpp"
#include "smtpseal/secret.hpp"

namespace smtpseal::session {

namespace {

using ntlm::kSignatureSize;

// What an idle session may keep of its record buffer: most hosts have far more idle sessions than busy ones.
constexpr std::size_t kKeptCapacity = 1024;

class Category final : public boost::system::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "seal"; }
  [[nodiscard]] std::string message(int value) const override {
    switch (static_cast<errc>(value)) {
      case errc::record_too_long:
        return "sealed record longer than allowed";
      case errc::record_too_short:
        return "sealed record shorter than its signature";
      case errc::unrecognised_framing:
        return "the first octets are no sealed record of this session in any known framing";
      case errc::record_mismatch:
        return "sealed record altered, replayed, reordered or truncated";
      case errc::layer_dead:
        return "security layer used after a failure";
    }
    return "unknown security layer error";
  }
};

std::size_t load_length(const std::byte* from, LengthOrder order) {
  return order == LengthOrder::big_endian ? load_u32be(from) : load_u32le(from);
}

void store_length(std::size_t length, LengthOrder order, std::byte* to) {
  const auto value = static_cast<std::uint32_t>(length);
  order == LengthOrder::big_endian ? store_u32be(value, to) : store_u32le(value, to);
}

// Decrypts one record into `plain`. On a mismatch `plain` is as it was: what did not verify is never seen.
bool open_record(ntlm::SealContext& context, SignaturePlace place, ByteSpan record, std::string& plain) {
  const bool is_leading = place == SignaturePlace::leading;
  const std::size_t size = record.size() - kSignatureSize;
  const ByteSpan sealed = is_leading ? record.subspan(kSignatureSize) : record.first(size);
  const auto signature = is_leading ? record.first<kSignatureSize>() : record.last<kSignatureSize>();

  const std::size_t before = plain.size();
  plain.append(as_text(sealed));
  const auto data = std::as_writable_bytes(std::span(plain.data() + before, size));
  if (context.unseal(data, signature)) return true;
  wipe(data.data(), data.size());
  plain.resize(before);
  return false;
}

}  // namespace

const boost::system::error_category& category() {
  static const Category instance;
  return instance;
}

struct SecurityLayer::State {
  State(std::shared_ptr<const crypto::Engine> the_engine, ntlm::Role the_role, const ntlm::Outcome& outcome,
        std::optional<Framing> the_framing, LayerLimits the_limits)
      : engine(std::move(the_engine)),
        role(the_role),
        flags(outcome.flags),
        session_key(outcome.exported_session_key.clone()),
        limits(the_limits),
        framing(the_framing),
        context(make_context(ntlm::HalfDuplexState::shared)) {}

  [[nodiscard]] bool has_ess() const { return (flags & ntlm::kExtendedSessionSecurity) != 0; }
  [[nodiscard]] ntlm::SealContext make_context(ntlm::HalfDuplexState state) const {
    return {*engine, role, flags, session_key.octets(), state};
  }

  Result<> advance(std::string& plain);
  Result<std::size_t> record_size(ByteSpan header) const;
  Result<> recognise_framing(std::string& plain);
  bool try_order(LengthOrder order, std::string& plain);
  Result<> open(ByteSpan record, std::string& plain);
  bool open_with_separate_state(ByteSpan record, std::string& plain);
  void replay_sent(ntlm::SealContext& fresh) const;
  void settle();
  void forget_partial();

  std::shared_ptr<const crypto::Engine> engine;
  ntlm::Role role;
  std::uint32_t flags;
  crypto::Key16 session_key;  // until nothing can have to be derived from it any more
  LayerLimits limits;
  std::optional<Framing> framing;
  ntlm::HalfDuplexState half_duplex = ntlm::HalfDuplexState::shared;
  bool accepts_separate_state = false;
  ntlm::SealContext context;
  bool is_dead = false;
  bool is_settled = false;  // the first record was unwrapped

  Bytes partial;                     // the beginning of the next record, length included
  std::size_t needed = kLengthSize;  // octets of `partial` at which there is something to decide

  std::uint64_t records_sent = 0;
  std::uint64_t octets_sealed = 0;
  std::uint64_t octets_unsealed = 0;
};

// REQUIRES: `partial` has the octets that were needed.
Result<> SecurityLayer::State::advance(std::string& plain) {
  if (!framing) return recognise_framing(plain);
  const auto size = record_size(partial);
  if (!size) return size.error();
  needed = kLengthSize + *size;
  if (partial.size() < needed) return {};
  const auto opened = open(ByteSpan(partial).subspan(kLengthSize), plain);
  forget_partial();
  return opened;
}

// The length that `header` declares, if it is allowed.
Result<std::size_t> SecurityLayer::State::record_size(ByteSpan header) const {
  const std::size_t size = load_length(header.data(), framing->length);
  if (size < kSignatureSize) return make_error_code(errc::record_too_short);
  if (size > limits.max_record) return make_error_code(errc::record_too_long);
  return size;
}

// Tries the length orders as soon as the record that each would mean is there, the shorter one first.
Result<> SecurityLayer::State::recognise_framing(std::string& plain) {
  std::size_t next = 0;
  for (const LengthOrder order : {LengthOrder::big_endian, LengthOrder::little_endian}) {
    const std::size_t size = load_length(partial.data(), order);
    if (size < kSignatureSize || size > limits.max_record) continue;
    const std::size_t end = kLengthSize + size;
    if (end > partial.size()) {
      next = next == 0 ? end : std::min(next, end);
    } else if (end == partial.size() && try_order(order, plain)) {
      forget_partial();
      return {};
    }
  }
  if (next == 0) return make_error_code(errc::unrecognised_framing);
  needed = next;
  return {};
}

bool SecurityLayer::State::try_order(LengthOrder order, std::string& plain) {
  const ByteSpan record = ByteSpan(partial).subspan(kLengthSize);
  for (const SignaturePlace place : {SignaturePlace::leading, SignaturePlace::trailing}) {
    // The first record of the client is the first thing ever sealed in the session, so a fresh state is the
    // right one.
    ntlm::SealContext candidate = make_context(ntlm::HalfDuplexState::shared);
    if (!open_record(candidate, place, record, plain)) continue;
    context = std::move(candidate);
    framing = Framing{order, place};
    octets_unsealed += record.size() - kSignatureSize;
    settle();
    return true;
  }
  return false;
}

Result<> SecurityLayer::State::open(ByteSpan record, std::string& plain) {
  if (!open_record(context, framing->signature, record, plain) && !open_with_separate_state(record, plain)) {
    return make_error_code(errc::record_mismatch);
  }
  octets_unsealed += record.size() - kSignatureSize;
  settle();
  return {};
}

bool SecurityLayer::State::open_with_separate_state(ByteSpan record, std::string& plain) {
  if (is_settled || !accepts_separate_state || has_ess() || role != ntlm::Role::client) return false;
  ntlm::SealContext separate = make_context(ntlm::HalfDuplexState::separate);
  replay_sent(separate);
  if (!open_record(separate, framing->signature, record, plain)) return false;
  context = std::move(separate);
  half_duplex = ntlm::HalfDuplexState::separate;
  return true;
}

// Brings a fresh context to where ours is for sending. Only the number of records and of octets matters to
// it.
void SecurityLayer::State::replay_sent(ntlm::SealContext& fresh) const {
  Bytes scratch(limits.send_data);
  std::array<std::byte, kSignatureSize> signature{};
  std::uint64_t octets_left = octets_sealed;
  for (std::uint64_t i = 0; i < records_sent; ++i) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(octets_left, scratch.size()));
    fresh.seal(std::span(scratch).first(size), signature);
    octets_left -= size;
  }
}

void SecurityLayer::State::settle() {
  if (is_settled) return;
  is_settled = true;
  session_key.clear();
}

void SecurityLayer::State::forget_partial() {
  needed = kLengthSize;
  if (partial.capacity() > kKeptCapacity) {
    Bytes().swap(partial);
  } else {
    partial.clear();
  }
}

SecurityLayer::SecurityLayer(std::shared_ptr<const crypto::Engine> engine, ntlm::Role role,
                             const ntlm::Outcome& outcome, std::optional<Framing> framing, LayerLimits limits)
    : state_(std::make_unique<State>(std::move(engine), role, outcome, framing, limits)) {}
SecurityLayer::~SecurityLayer() = default;
SecurityLayer::SecurityLayer(SecurityLayer&&) noexcept = default;
SecurityLayer& SecurityLayer::operator=(SecurityLayer&&) noexcept = default;

void SecurityLayer::accept_separate_state() {
  state_->accepts_separate_state = true;
}

void SecurityLayer::wrap(ByteSpan plain, Bytes& wire) {
  State& state = *state_;
  if (state.is_dead || !state.framing) return;
  const bool is_leading = state.framing->signature == SignaturePlace::leading;
  const std::size_t records = (plain.size() + state.limits.send_data - 1) / state.limits.send_data;
  const std::size_t before = wire.size();
  wire.resize(before + plain.size() + records * (kLengthSize + kSignatureSize));
  std::span<std::byte> rest = std::span(wire).subspan(before);

  state.octets_sealed += plain.size();
  state.records_sent += records;
  while (!plain.empty()) {
    const std::size_t size = std::min(plain.size(), state.limits.send_data);
    store_length(size + kSignatureSize, state.framing->length, rest.data());
    const std::span<std::byte> record = rest.subspan(kLengthSize, kSignatureSize + size);
    state.context.seal(plain.first(size), is_leading ? record.last(size) : record.first(size),
                       is_leading ? record.first<kSignatureSize>() : record.last<kSignatureSize>());
    plain = plain.subspan(size);
    rest = rest.subspan(kLengthSize + record.size());
  }
}

Result<> SecurityLayer::unwrap(ByteSpan wire, std::string& plain) {
  State& state = *state_;
  if (state.is_dead) return make_error_code(errc::layer_dead);
  while (!wire.empty()) {
    if (state.partial.empty() && state.framing && wire.size() >= kLengthSize) {
      const auto size = state.record_size(wire);
      // A whole record is opened where it is.
      if (size && kLengthSize + *size <= wire.size()) {
        if (const auto opened = state.open(wire.subspan(kLengthSize, *size), plain); !opened)
          return fail(opened.error());
        wire = wire.subspan(kLengthSize + *size);
        continue;
      }
    }
    const ByteSpan taken = wire.first(std::min(wire.size(), state.needed - state.partial.size()));
    append(state.partial, taken);
    wire = wire.subspan(taken.size());
    if (state.partial.size() < state.needed) continue;
    if (const auto advanced = state.advance(plain); !advanced) return fail(advanced.error());
  }
  return {};
}

ErrorCode SecurityLayer::fail(ErrorCode error) {
  state_->is_dead = true;
  state_->session_key.clear();
  Bytes().swap(state_->partial);
  return error;
}

std::optional<Framing> SecurityLayer::framing() const {
  return state_->framing;
}

bool SecurityLayer::has_partial_record() const {
  return !state_->partial.empty();
}

bool SecurityLayer::is_half_duplex() const {
  return !state_->has_ess() && state_->half_duplex == ntlm::HalfDuplexState::shared;
}

ntlm::HalfDuplexState SecurityLayer::half_duplex_state() const {
  return state_->half_duplex;
}

std::uint64_t SecurityLayer::octets_sealed() const {
  return state_->octets_sealed;
}

std::uint64_t SecurityLayer::octets_unsealed() const {
  return state_->octets_unsealed;
}

}  // namespace smtpseal::session
