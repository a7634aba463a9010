#include "unseal.hpp"

#include <algorithm>
#include <utility>

#include "messages.hpp"
#include "smtpseal/ntlm/outcome.hpp"
#include "smtpseal/ntlm/wire.hpp"

namespace smtpseal::analyze {

namespace {

using ntlm::HalfDuplexState;
using ntlm::kSignatureSize;
using ntlm::Role;
using session::kLengthSize;
using session::LengthOrder;
using session::SignaturePlace;

// More than any sender is known to put into a record: a length beyond is none.
constexpr std::size_t kMaxRecord = std::size_t{1024} * 1024;

struct KeyChoice {
  std::uint32_t flags;
  std::string name;
};

constexpr std::uint32_t kStrengths = ntlm::k128 | ntlm::k56;

struct Strength {
  std::uint32_t flags;
  unsigned bits;
};
constexpr std::array<Strength, 3> kEveryStrength{{{ntlm::k128, 128}, {ntlm::k56, 56}, {0, 40}}};

std::vector<KeyChoice> choices_with_ess(std::uint32_t flags) {
  std::vector<KeyChoice> choices{{flags, "as agreed"}};
  for (const auto& strength : kEveryStrength) {
    if (strength.bits != ntlm::seal_strength(flags))
      choices.push_back({(flags & ~kStrengths) | strength.flags, std::to_string(strength.bits) + " bit"});
  }
  const bool is_encrypted = (flags & ntlm::kKeyExch) != 0;
  choices.push_back({flags ^ ntlm::kKeyExch, is_encrypted ? "checksum in clear" : "checksum encrypted"});
  choices.push_back({flags & ~std::uint32_t{ntlm::kExtendedSessionSecurity}, "without ESS"});
  return choices;
}

std::vector<KeyChoice> choices_without_ess(std::uint32_t flags) {
  std::vector<KeyChoice> choices{{flags, "as agreed"}};
  const bool has_lm_key = (flags & ntlm::kLmKey) != 0;
  const bool is_56 = (flags & ntlm::k56) != 0;
  if (has_lm_key) choices.push_back({flags & ~std::uint32_t{ntlm::kLmKey}, "no LM_KEY"});
  if (!has_lm_key || !is_56) choices.push_back({flags | ntlm::kLmKey | ntlm::k56, "LM_KEY, 56 bit"});
  if (!has_lm_key || is_56)
    choices.push_back({(flags | ntlm::kLmKey) & ~std::uint32_t{ntlm::k56}, "LM_KEY, 40 bit"});
  choices.push_back({flags | ntlm::kExtendedSessionSecurity, "with ESS"});
  return choices;
}

bool is_text_octet(std::byte octet) {
  const auto c = std::to_integer<unsigned>(octet);
  return (c >= 0x20 && c < 0x7F) || c == '\r' || c == '\n' || c == '\t';
}

bool reads_as_text(ByteSpan data) {
  return !data.empty() && std::ranges::all_of(data, is_text_octet);
}

// One direction's octets, from which records are taken.
class RecordCutter {
 public:
  explicit RecordCutter(session::Framing framing) : framing_(framing) {}

  void feed(ByteSpan data) {
    pending_.erase(pending_.begin(),
                   pending_.begin() + static_cast<std::ptrdiff_t>(std::exchange(begin_, 0)));
    append(pending_, data);
  }
  [[nodiscard]] std::size_t left() const { return pending_.size() - begin_; }

  // Signature and data of the next record; nullopt where it is not whole, or cannot be one: `problem`.
  std::optional<ByteSpan> next(std::string& problem) {
    if (left() < kLengthSize) return std::nullopt;
    const std::byte* header = pending_.data() + begin_;
    const std::size_t size =
        framing_.length == LengthOrder::big_endian ? load_u32be(header) : load_u32le(header);
    if (size < kSignatureSize || size > kMaxRecord) {
      problem = hex_text(ByteSpan(header, kLengthSize)) + " is no length of a record";
      return std::nullopt;
    }
    if (left() < kLengthSize + size) return std::nullopt;
    begin_ += kLengthSize + size;
    return ByteSpan(pending_).subspan(begin_ - size, size);
  }

 private:
  session::Framing framing_;
  Bytes pending_;
  std::size_t begin_ = 0;
};

class Unsealer {
 public:
  Unsealer(const crypto::Engine& engine, const crypto::Key16& key, const Variant& variant)
      : shares_state_(variant.shares_state()),
        is_leading_(variant.framing.signature == SignaturePlace::leading),
        cutters_{RecordCutter(variant.framing), RecordCutter(variant.framing)},
        // What the client sealed the server opens, and the other way round.
        contexts_{ntlm::SealContext(engine, Role::server, variant.flags, key.octets(), variant.state),
                  ntlm::SealContext(engine, Role::client, variant.flags, key.octets(), variant.state)} {
    attempt_.variant = variant;
  }

  Attempt run(const std::vector<Turn>& sealed) {
    for (const Turn& turn : sealed) take(turn);
    for (const Side side : {Side::client, Side::server}) {
      const std::size_t left = cutters_[index(side)].left();
      if (left > 0 && progress(side).is_whole())
        progress(side).problem =
            "the capture ends inside a record, of which it has " + std::to_string(left) + " octets";
    }
    return std::move(attempt_);
  }

 private:
  static std::size_t index(Side side) { return static_cast<std::size_t>(side); }
  Progress& progress(Side side) { return attempt_.progress[index(side)]; }

  void take(const Turn& turn) {
    if (turn.missing > 0)
      stop(turn.side, std::to_string(turn.missing) + " octets are missing in the capture");
    if (!progress(turn.side).is_whole()) return;
    cutters_[index(turn.side)].feed(turn.data);
    std::string problem;
    while (progress(turn.side).is_whole()) {
      const auto record = cutters_[index(turn.side)].next(problem);
      if (!problem.empty()) stop(turn.side, problem);
      if (!record) return;
      open(turn.side, *record);
    }
  }

  void open(Side side, ByteSpan record) {
    const std::size_t size = record.size() - kSignatureSize;
    const ByteSpan sealed = is_leading_ ? record.last(size) : record.first(size);
    const auto signature = is_leading_ ? record.first<kSignatureSize>() : record.last<kSignatureSize>();
    Bytes data(sealed.begin(), sealed.end());
    // A shared state is that of one context, whoever sealed.
    auto& context = contexts_[shares_state_ ? 0 : index(side)];
    if (!context.unseal(data, signature)) {
      stop(side, reads_as_text(data)
                     ? "the signature is wrong, but the data read as text: the key stream is right"
                     : "the signature is wrong");
      return;
    }
    Progress& so_far = progress(side);
    ++so_far.records;
    so_far.octets += size;
    so_far.wire_octets += kLengthSize + record.size();
    attempt_.opened.push_back({side, std::string(as_text(data))});
  }

  // Without what one direction has lost a shared state is lost for the other one too.
  void stop(Side side, const std::string& problem) {
    const Side other = side == Side::client ? Side::server : Side::client;
    if (progress(side).is_whole()) progress(side).problem = problem;
    if (shares_state_ && progress(other).is_whole())
      progress(other).problem = "the shared RC4 state was lost in the other direction";
  }

  bool shares_state_;
  bool is_leading_;
  std::array<RecordCutter, 2> cutters_;
  std::array<ntlm::SealContext, 2> contexts_;
  Attempt attempt_;
};

}  // namespace

std::vector<Variant> variants_for(std::uint32_t flags) {
  std::vector<Variant> variants;
  const bool agreed_on_ess = (flags & ntlm::kExtendedSessionSecurity) != 0;
  for (const auto& key : agreed_on_ess ? choices_with_ess(flags) : choices_without_ess(flags)) {
    for (const auto state : {HalfDuplexState::shared, HalfDuplexState::separate}) {
      const bool has_ess = (key.flags & ntlm::kExtendedSessionSecurity) != 0;
      if (has_ess && state == HalfDuplexState::shared) continue;
      for (const auto length : {LengthOrder::big_endian, LengthOrder::little_endian}) {
        for (const auto signature : {SignaturePlace::leading, SignaturePlace::trailing})
          variants.push_back({{length, signature}, state, key.flags, key.name});
      }
    }
  }
  return variants;
}

Attempt attempt(const crypto::Engine& engine, const crypto::Key16& session_key, const Variant& variant,
                const std::vector<Turn>& sealed) {
  return Unsealer(engine, session_key, variant).run(sealed);
}

std::vector<Attempt> attempt_all(const crypto::Engine& engine, const crypto::Key16& session_key,
                                 std::uint32_t flags, const std::vector<Turn>& sealed) {
  std::vector<Attempt> attempts;
  for (const auto& variant : variants_for(flags))
    attempts.push_back(attempt(engine, session_key, variant, sealed));
  std::ranges::stable_sort(attempts, std::ranges::greater(), &Attempt::records);
  // Only the best one's plaintext is wanted.
  for (std::size_t i = 1; i < attempts.size(); ++i) attempts[i].opened.clear();
  return attempts;
}

bool begins_in_clear(const std::vector<Turn>& sealed, Side side) {
  const auto first = std::ranges::find(sealed, side, &Turn::side);
  if (first == sealed.end() || first->data.size() < kLengthSize) return false;
  return reads_as_text(ByteSpan(first->data).first(std::min<std::size_t>(first->data.size(), 64)));
}

}  // namespace smtpseal::analyze
