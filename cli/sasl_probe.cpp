#include "sasl_probe.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <sasl/sasl.h>
#include <sasl/saslplug.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <sstream>

#include "command_run.hpp"
#include "context.hpp"

namespace smtpseal::cli {
namespace {

constexpr unsigned kTimeLimit = 10;  // seconds
constexpr auto kHost = "localhost.localdomain";

// ---- the child: everything it finds goes to the parent line by line, so that what came before a crash
// counts

class Child {
 public:
  Child(const SaslProbeOptions& options, int output) : options_(options), output_(output) {}

  void run() {
    ::alarm(kTimeLimit);
    // Not through a callback: libsasl2 asks that one for the directory of configuration files too.
    ::sasl_set_path(SASL_PATH_TYPE_PLUGIN, const_cast<char*>(options_.plugin_dir.c_str()));
    try_to_load();
    look_at_client();
    look_at_server();
    say("done", "");
  }

 private:
  void say(const std::string& subject, std::string text) const {
    for (char& c : text) {
      if (c == '\n') c = ' ';
    }
    const std::string line = subject + " " + text + "\n";
    if (::write(output_, line.data(), line.size()) < 0) ::_exit(kProblem);
  }

  // As libsasl2 does, which tells the reason to syslog alone.
  void try_to_load() const {
    const std::string file = options_.plugin_dir + "/libsmtpseal.so";
    struct stat status {};
    if (::lstat(file.c_str(), &status) != 0 || ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL) != nullptr)
      return;
    say("load-error", ::dlerror());
  }

  static int on_option(void* context, const char* /*plugin*/, const char* name, const char** value,
                       unsigned* length) {
    const auto& file = static_cast<Child*>(context)->options_.config_file;
    if (std::strcmp(name, "smtpseal_config") != 0 || file.empty()) return SASL_FAIL;
    *value = file.c_str();
    if (length != nullptr) *length = static_cast<unsigned>(file.size());
    return SASL_OK;
  }

  // What a trial says does not belong into the mail log.
  static int on_log(void* /*context*/, int /*level*/, const char* /*text*/) { return SASL_OK; }

  // sasl_callback_t has one type for all callbacks.
  template <typename Function>
  static int (*untyped(Function* function))() {
    return reinterpret_cast<int (*)()>(reinterpret_cast<void (*)()>(function));
  }

  template <typename Mechanism>
  static void on_plugin(Mechanism* found, sasl_info_callback_stage_t stage, void* report) {
    if (stage != SASL_INFO_LIST_MECH) return;
    const auto& [child, side] = *static_cast<std::pair<Child*, const char*>*>(report);
    child->say(std::string(side) + "-plugin",
               std::to_string(max_ssf(*found)) + " " + (found->plugname == nullptr ? "?" : found->plugname));
  }
  static sasl_ssf_t max_ssf(const client_sasl_mechanism_t& found) { return found.plug->max_ssf; }
  static sasl_ssf_t max_ssf(const server_sasl_mechanism_t& found) { return found.plug->max_ssf; }

  // What Sendmail asks for: any layer, none being enough.
  static void ask_for_layer(sasl_conn_t* login) {
    sasl_security_properties_t properties{};
    properties.max_ssf = 0x7FFFFFFF;
    properties.maxbufsize = 8192;
    ::sasl_setprop(login, SASL_SEC_PROPS, &properties);
  }

  void judge(const char* side, int status, sasl_conn_t* login) const {
    const bool has_begun = status == SASL_OK || status == SASL_CONTINUE || status == SASL_INTERACT;
    if (has_begun) return;
    const std::string text =
        login == nullptr ? ::sasl_errstring(status, nullptr, nullptr) : ::sasl_errdetail(login);
    // What libsasl2 puts before our own words says less than they do.
    constexpr std::string_view kOurWords = "NTLM (smtpseal): ";
    const auto at = text.find(kOurWords);
    say(std::string(side) + "-problem", at == std::string::npos ? text : text.substr(at + kOurWords.size()));
  }

  void look_at_client() {
    const int status = ::sasl_client_init(callbacks_);
    if (status != SASL_OK) return judge("client", status, nullptr);
    std::pair<Child*, const char*> report{this, "client"};
    ::sasl_client_plugin_info("NTLM", &Child::on_plugin<client_sasl_mechanism_t>, &report);
    sasl_conn_t* login = nullptr;
    ::sasl_client_new("smtp", kHost, nullptr, nullptr, prompts_, 0, &login);
    ask_for_layer(login);
    sasl_interact_t* prompts = nullptr;
    const char* output = nullptr;
    const char* mechanism = nullptr;
    unsigned length = 0;
    judge("client", ::sasl_client_start(login, "NTLM", &prompts, &output, &length, &mechanism), login);
  }

  void look_at_server() {
    const int status = ::sasl_server_init(callbacks_, options_.application.c_str());
    if (status != SASL_OK) return judge("server", status, nullptr);
    std::pair<Child*, const char*> report{this, "server"};
    ::sasl_server_plugin_info("NTLM", &Child::on_plugin<server_sasl_mechanism_t>, &report);
    sasl_conn_t* login = nullptr;
    ::sasl_server_new("smtp", kHost, nullptr, nullptr, nullptr, nullptr, 0, &login);
    ask_for_layer(login);
    const char* output = nullptr;
    unsigned length = 0;
    judge("server", ::sasl_server_start(login, "NTLM", nullptr, 0, &output, &length), login);
  }

  const SaslProbeOptions& options_;
  int output_;
  // Without a function: the account is to be asked for, which comes after what is looked at here.
  const sasl_callback_t prompts_[4] = {{SASL_CB_USER, nullptr, nullptr},
                                       {SASL_CB_AUTHNAME, nullptr, nullptr},
                                       {SASL_CB_PASS, nullptr, nullptr},
                                       {SASL_CB_LIST_END, nullptr, nullptr}};
  sasl_callback_t callbacks_[3] = {{SASL_CB_GETOPT, untyped(&Child::on_option), this},
                                   {SASL_CB_LOG, untyped(&Child::on_log), this},
                                   {SASL_CB_LIST_END, nullptr, nullptr}};
};

// ---- the parent

class Parent {
 public:
  SaslProbe read(int input) {
    std::istringstream lines(read_to_end(input));
    for (std::string line; std::getline(lines, line);) take(line);
    if (!is_done_ && probe_.failure.empty()) probe_.failure = "ended early";
    return std::move(probe_);
  }

 private:
  void take(const std::string& line) {
    const auto space = line.find(' ');
    const auto subject = line.substr(0, space);
    const auto text = space == std::string::npos ? std::string() : line.substr(space + 1);
    SaslSide& side = subject.starts_with("client") ? probe_.client : probe_.server;
    if (subject.ends_with("-plugin")) {
      const auto gap = text.find(' ');
      side.ntlm.push_back({text.substr(gap + 1), static_cast<unsigned>(std::stoul(text))});
    } else if (subject.ends_with("-problem")) {
      side.problem = text;
    } else if (subject == "load-error") {
      probe_.load_error = text;
    } else if (subject == "done") {
      is_done_ = true;
    }
  }

  SaslProbe probe_;
  bool is_done_ = false;
};

std::string ending(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFSIGNALED(status)) return {};
  if (WTERMSIG(status) == SIGALRM) return "took longer than " + std::to_string(kTimeLimit) + " seconds";
  return std::string("ended by signal ") + std::to_string(WTERMSIG(status)) + " (" +
         ::strsignal(WTERMSIG(status)) + ")";
}

}  // namespace

SaslProbe probe_sasl(const SaslProbeOptions& options) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw Failure(std::string("pipe: ") + std::strerror(errno));
  const pid_t child = ::fork();
  if (child < 0) throw Failure(std::string("fork: ") + std::strerror(errno));
  if (child == 0) {
    ::close(ends[0]);
    Child(options, ends[1]).run();
    ::_exit(kSuccess);  // no destructors of the plugins, none of the parent's
  }
  ::close(ends[1]);
  auto probe = Parent().read(ends[0]);
  ::close(ends[0]);
  if (const auto text = ending(child); !text.empty()) probe.failure = text;
  return probe;
}

}  // namespace smtpseal::cli
