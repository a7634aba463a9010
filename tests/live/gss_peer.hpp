// One side of an NTLMSSP session as gss-ntlmssp has it, reached through GSS-API: the peer of live tests and
// the measure of benchmarks. Accounts of the accepting side come from the file that NTLM_USER_FILE names;
// what kinds of response are used or taken is the LM_COMPAT_LEVEL of the environment.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "smtpseal/bytes.hpp"

namespace smtpseal::testing {

// Who the initiating side is. Made once, used for any number of sessions.
class GssCredential {
 public:
  static GssCredential from_password(const std::string& domain, const std::string& user,
                                     const std::string& password);
  // `nt_hash` in upper-case hexadecimal: what a server that stores no passwords would have.
  static GssCredential from_hash(const std::string& user, const std::string& nt_hash);
  ~GssCredential();
  GssCredential(GssCredential&&) noexcept;
  GssCredential& operator=(GssCredential&&) noexcept;

  // The flags of NEGOTIATE, in place of gss-ntlmssp's own choice.
  void set_negotiate_flags(std::uint32_t flags);

 private:
  friend class GssPeer;
  struct Handle;
  explicit GssCredential(std::unique_ptr<Handle> handle);
  std::unique_ptr<Handle> handle_;
};

class GssPeer {
 public:
  // The initiating side, asking for confidentiality. `credential` must outlive it. `channel`: the application
  // data of the channel bindings, such as "tls-server-end-point:" and a hash; empty: no bindings.
  static GssPeer initiator(const GssCredential& credential, std::string channel = {});
  static GssPeer acceptor(std::string channel = {});
  ~GssPeer();
  GssPeer(GssPeer&&) noexcept;
  GssPeer& operator=(GssPeer&&) noexcept;

  // The next message for the peer's last one (none at the initiating side's start). nullopt: refused; why()
  // says how.
  std::optional<Bytes> step(ByteSpan token = {});
  [[nodiscard]] bool is_established() const;
  // Whether an acceptor has found its own channel's bindings in the initiator's last message.
  [[nodiscard]] bool is_bound() const;
  [[nodiscard]] const std::string& why() const;

  // A sealed record: signature, then data. REQUIRES: established.
  Bytes wrap(ByteSpan plain);
  // nullopt: the record is refused.
  std::optional<Bytes> unwrap(ByteSpan record);

 private:
  struct State;
  explicit GssPeer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace smtpseal::testing
