// The least that a filter at the place of smtpseal-milter can cost: the same steps, actions, macros and
// answers (milter/filter.cpp), and nothing done in them. tests/bench/run holds that both negotiate the same.
//
// usage: empty-milter SOCKET_PATH
#include <libmilter/mfapi.h>
#include <sys/stat.h>

#include <iostream>
#include <string>

namespace {

constexpr unsigned long kActions = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_SETSYMLIST;
constexpr unsigned long kSteps = SMFIP_NOHELO | SMFIP_NORCPT | SMFIP_NODATA | SMFIP_NOBODY | SMFIP_NOUNKNOWN |
                                 SMFIP_NOEOH | SMFIP_NR_CONN | SMFIP_NR_HDR;

bool ask_for(SMFICTX* context, int stage, std::string macros) {
  return smfi_setsymlist(context, stage, macros.data()) == MI_SUCCESS;
}

sfsistat on_negotiate(SMFICTX* context, unsigned long, unsigned long steps, unsigned long, unsigned long,
                      unsigned long* wanted_actions, unsigned long* wanted_steps, unsigned long* wanted2,
                      unsigned long* wanted3) {
  *wanted_actions = kActions;
  *wanted_steps = steps & kSteps;
  *wanted2 = *wanted3 = 0;
  const bool is_done = ask_for(context, SMFIM_CONNECT, "v {daemon_addr} {daemon_port}") &&
                       ask_for(context, SMFIM_ENVFROM,
                               "i j {auth_type} {auth_authen} {auth_ssf} {tls_version} {cipher} {cipher_bits}") &&
                       ask_for(context, SMFIM_EOM, "i");
  return is_done ? SMFIS_CONTINUE : SMFIS_REJECT;
}

sfsistat on_connect(SMFICTX*, char*, sockaddr*) {
  return SMFIS_NOREPLY;
}
sfsistat on_mail(SMFICTX*, char**) {
  return SMFIS_CONTINUE;
}
sfsistat on_header(SMFICTX*, char*, char*) {
  return SMFIS_NOREPLY;
}
sfsistat on_event(SMFICTX*) {
  return SMFIS_CONTINUE;
}

int serve(std::string socket) {
  static char name[] = "empty-milter";
  smfiDesc filter{};
  filter.xxfi_name = name;
  filter.xxfi_version = SMFI_VERSION;
  filter.xxfi_flags = kActions;
  filter.xxfi_negotiate = on_negotiate;
  filter.xxfi_connect = on_connect;
  filter.xxfi_envfrom = on_mail;
  filter.xxfi_header = on_header;
  filter.xxfi_eom = on_event;
  filter.xxfi_abort = on_event;
  filter.xxfi_close = on_event;
  ::umask(0);  // Postfix runs as another user
  if (smfi_register(filter) != MI_SUCCESS || smfi_setconn(socket.data()) != MI_SUCCESS) return 1;
  return smfi_main() == MI_SUCCESS ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::cerr << "usage: empty-milter SOCKET_PATH\n";
    return 64;
  }
  return serve("unix:" + std::string(arguments[1]));
}
