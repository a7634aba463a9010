#include "gss_peer.hpp"

#include <gssapi/gssapi_ext.h>

#include <array>
#include <stdexcept>

namespace smtpseal::testing {

namespace {

gss_OID_desc oid(const char* elements, unsigned length) {
  return {length, const_cast<char*>(elements)};
}

gss_OID ntlmssp() {
  static gss_OID_desc mechanism = oid("\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a", 10);
  return &mechanism;
}

gss_OID_set only_ntlmssp() {
  static gss_OID_set_desc set{1, ntlmssp()};
  return &set;
}

// gss-ntlmssp's private option of a credential, 1.3.6.1.4.1.7165.655.1.5.
gss_OID negotiate_flags_option() {
  static gss_OID_desc option = oid("\x2b\x06\x01\x04\x01\xb7\x7d\x85\x0f\x01\x05", 11);
  return &option;
}

gss_buffer_desc borrow(ByteSpan bytes) {
  return {bytes.size(), const_cast<std::byte*>(bytes.data())};
}

Bytes take(gss_buffer_desc& buffer) {
  const auto* begin = static_cast<const std::byte*>(buffer.value);
  Bytes bytes(begin, begin + buffer.length);
  OM_uint32 minor = 0;
  gss_release_buffer(&minor, &buffer);
  return bytes;
}

std::string describe(OM_uint32 code, int type) {
  OM_uint32 minor = 0;
  OM_uint32 more = 0;
  gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
  gss_display_status(&minor, code, type, ntlmssp(), &more, &text);
  return std::string(as_text(take(text)));
}

void require(OM_uint32 major, OM_uint32 minor, const char* what) {
  if (GSS_ERROR(major) == 0) return;
  throw std::runtime_error(std::string(what) + ": " + describe(major, GSS_C_GSS_CODE) + ", " +
                           describe(minor, GSS_C_MECH_CODE));
}

class Name {
 public:
  Name(const std::string& text, gss_OID type) {
    gss_buffer_desc buffer = borrow(as_bytes(text));
    OM_uint32 minor = 0;
    require(gss_import_name(&minor, &buffer, type, &name_), minor, "gss_import_name");
  }
  ~Name() {
    OM_uint32 minor = 0;
    gss_release_name(&minor, &name_);
  }
  Name(const Name&) = delete;
  Name& operator=(const Name&) = delete;
  [[nodiscard]] gss_name_t get() const { return name_; }

 private:
  gss_name_t name_ = GSS_C_NO_NAME;
};

}  // namespace

struct GssCredential::Handle {
  Handle() = default;
  ~Handle() {
    OM_uint32 minor = 0;
    gss_release_cred(&minor, &credential);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  gss_cred_id_t credential = GSS_C_NO_CREDENTIAL;
};

GssCredential::GssCredential(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {}
GssCredential::~GssCredential() = default;
GssCredential::GssCredential(GssCredential&&) noexcept = default;
GssCredential& GssCredential::operator=(GssCredential&&) noexcept = default;

GssCredential GssCredential::from_password(const std::string& domain, const std::string& user,
                                           const std::string& password) {
  const Name name(domain + "\\" + user, GSS_C_NT_USER_NAME);
  gss_buffer_desc secret = borrow(as_bytes(password));
  auto handle = std::make_unique<Handle>();
  OM_uint32 minor = 0;
  require(gss_acquire_cred_with_password(&minor, name.get(), &secret, GSS_C_INDEFINITE, only_ntlmssp(),
                                         GSS_C_INITIATE, &handle->credential, nullptr, nullptr),
          minor, "gss_acquire_cred_with_password");
  return GssCredential(std::move(handle));
}

GssCredential GssCredential::from_hash(const std::string& user, const std::string& nt_hash) {
  const Name name(user, GSS_C_NT_USER_NAME);
  std::array<gss_key_value_element_desc, 1> elements{{{"ntlmssp_nthash", nt_hash.c_str()}}};
  const gss_key_value_set_desc store{elements.size(), elements.data()};
  auto handle = std::make_unique<Handle>();
  OM_uint32 minor = 0;
  require(gss_acquire_cred_from(&minor, name.get(), GSS_C_INDEFINITE, only_ntlmssp(), GSS_C_INITIATE, &store,
                                &handle->credential, nullptr, nullptr),
          minor, "gss_acquire_cred_from");
  return GssCredential(std::move(handle));
}

void GssCredential::set_negotiate_flags(std::uint32_t flags) {
  gss_buffer_desc value{sizeof flags, &flags};
  OM_uint32 minor = 0;
  require(gss_set_cred_option(&minor, &handle_->credential, negotiate_flags_option(), &value), minor,
          "gss_set_cred_option");
}

struct GssPeer::State {
  State() = default;
  ~State() {
    OM_uint32 minor = 0;
    gss_delete_sec_context(&minor, &context, GSS_C_NO_BUFFER);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  gss_cred_id_t credential = GSS_C_NO_CREDENTIAL;  // of the initiating side
  std::string channel;
  bool initiates = false;
  bool established = false;
  bool bound = false;
  gss_ctx_id_t context = GSS_C_NO_CONTEXT;
  std::string why;
};

GssPeer::GssPeer(std::unique_ptr<State> state) : state_(std::move(state)) {}
GssPeer::~GssPeer() = default;
GssPeer::GssPeer(GssPeer&&) noexcept = default;
GssPeer& GssPeer::operator=(GssPeer&&) noexcept = default;

GssPeer GssPeer::initiator(const GssCredential& credential, std::string channel) {
  auto state = std::make_unique<State>();
  state->credential = credential.handle_->credential;
  state->channel = std::move(channel);
  state->initiates = true;
  return GssPeer(std::move(state));
}

GssPeer GssPeer::acceptor(std::string channel) {
  auto state = std::make_unique<State>();
  state->channel = std::move(channel);
  return GssPeer(std::move(state));
}

std::optional<Bytes> GssPeer::step(ByteSpan token) {
  gss_buffer_desc input = borrow(token);
  gss_buffer_desc output = GSS_C_EMPTY_BUFFER;
  gss_channel_bindings_struct channel{};
  channel.application_data = borrow(as_bytes(state_->channel));
  const gss_channel_bindings_t bindings = state_->channel.empty() ? GSS_C_NO_CHANNEL_BINDINGS : &channel;
  OM_uint32 minor = 0;
  OM_uint32 major = 0;
  OM_uint32 flags = 0;
  if (state_->initiates) {
    static const Name target("smtp@mail.partner.example", GSS_C_NT_HOSTBASED_SERVICE);
    const OM_uint32 wanted = GSS_C_CONF_FLAG | GSS_C_INTEG_FLAG | GSS_C_SEQUENCE_FLAG;
    major = gss_init_sec_context(&minor, state_->credential, &state_->context, target.get(), ntlmssp(),
                                 wanted, 0, bindings, &input, nullptr, &output, &flags, nullptr);
  } else {
    major = gss_accept_sec_context(&minor, &state_->context, GSS_C_NO_CREDENTIAL, &input, bindings, nullptr,
                                   nullptr, &output, &flags, nullptr, nullptr);
  }
  Bytes answer = take(output);
  if (GSS_ERROR(major) != 0) {
    state_->why = describe(major, GSS_C_GSS_CODE) + ", " + describe(minor, GSS_C_MECH_CODE);
    return std::nullopt;
  }
  state_->established = major == GSS_S_COMPLETE;
  state_->bound = (flags & GSS_C_CHANNEL_BOUND_FLAG) != 0;
  return answer;
}

bool GssPeer::is_established() const {
  return state_->established;
}

bool GssPeer::is_bound() const {
  return state_->bound;
}

const std::string& GssPeer::why() const {
  return state_->why;
}

Bytes GssPeer::wrap(ByteSpan plain) {
  gss_buffer_desc input = borrow(plain);
  gss_buffer_desc output = GSS_C_EMPTY_BUFFER;
  OM_uint32 minor = 0;
  int sealed = 0;
  require(gss_wrap(&minor, state_->context, 1, GSS_C_QOP_DEFAULT, &input, &sealed, &output), minor,
          "gss_wrap");
  if (sealed == 0) throw std::runtime_error("gss_wrap did not seal");
  return take(output);
}

std::optional<Bytes> GssPeer::unwrap(ByteSpan record) {
  gss_buffer_desc input = borrow(record);
  gss_buffer_desc output = GSS_C_EMPTY_BUFFER;
  OM_uint32 minor = 0;
  const OM_uint32 major = gss_unwrap(&minor, state_->context, &input, &output, nullptr, nullptr);
  if (GSS_ERROR(major) != 0) {
    state_->why = describe(major, GSS_C_GSS_CODE) + ", " + describe(minor, GSS_C_MECH_CODE);
    return std::nullopt;
  }
  return take(output);
}

}  // namespace smtpseal::testing
