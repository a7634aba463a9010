// Asks a policy server or a socketmap server as Postfix does, one question at a time on each connection, and
// says how many answers came a second, how late they were, and how much processor time the server took.
//
// usage: policy-load PROTOCOL SOCKET PID CONNECTIONS RATE SECONDS DOMAIN ANSWER
//
// PROTOCOL is policy (a request of check_policy_service at RCPT) or socketmap (a lookup in the map
// `transport`). With RATE 0 every connection asks again as soon as it is answered; otherwise questions come
// up at random times, RATE of them a second, and wait for a free connection if they must: their latency
// counts from when they came up. Recipients are in DOMAIN; an answer that does not begin with ANSWER ends the
// run. PID is the server's.
//
// Prints, after half a second that does not count: answers a second, median and 99th percentile of latency in
// microseconds, answers for each second of the server's processor time.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <fstream>
#include <iostream>
#include <list>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "smtpseal/postfix/socketmap.hpp"

namespace {

using namespace smtpseal;
using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;

constexpr std::size_t kVariants = 64;  // different questions, taken in turn
constexpr std::chrono::milliseconds kWarmUp{500};
constexpr std::chrono::seconds kPatience{10};  // for an answer

void require(bool holds, const std::string& what) {
  if (!holds) throw std::runtime_error(what);
}

// As the smtpd of Postfix 3.7 sends it: all its attributes, empty ones too.
std::string policy_question(const std::string& user, const std::string& domain) {
  return "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\n"
         "client_address=198.51.100.7\nclient_name=mail.client.example\nclient_port=40112\n"
         "reverse_client_name=mail.client.example\nserver_address=192.0.2.2\nserver_port=25\n"
         "helo_name=mail.client.example\nsender=" +
         user + "@client.example\nrecipient=" + user + "@" + domain +
         "\nrecipient_count=0\nqueue_id=\ninstance=1a2b.65a0c3f1.4d5e6.0\nsize=5120\netrn_domain=\nstress=\n"
         "sasl_method=\nsasl_username=\nsasl_sender=\nccert_subject=\nccert_issuer=\nccert_fingerprint=\n"
         "ccert_pubkey_fingerprint=\nencryption_protocol=TLSv1.3\n"
         "encryption_cipher=TLS_AES_256_GCM_SHA384\nencryption_keysize=256\npolicy_context=\n\n";
}

struct Protocol {
  bool is_policy;
  std::string answer;  // what every answer begins with

  [[nodiscard]] std::vector<std::string> questions(const std::string& domain) const {
    std::vector<std::string> questions;
    for (std::size_t i = 0; i < kVariants; ++i) {
      const std::string user = "user" + std::to_string(i);
      questions.push_back(is_policy ? policy_question(user, domain)
                                    : postfix::format_socketmap_request({"transport", user + "@" + domain}));
    }
    return questions;
  }

  // Whether `input` is an answer. Throws if it is another one than expected.
  [[nodiscard]] bool is_answered(std::string_view input) const {
    if (!input.ends_with(is_policy ? "\n\n" : ",")) return false;
    std::size_t consumed = 0;
    postfix::NetstringReader reader;
    const auto text = reader.feed(input, consumed);
    const std::string_view got = is_policy ? input : text && *text ? **text : std::string_view();
    require(got.starts_with(answer), "unexpected answer: " + std::string(input));
    return true;
  }
};

class Connection {
 public:
  explicit Connection(const std::string& path)
      : descriptor_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    require(descriptor_ >= 0 && path.size() < sizeof address.sun_path, "no socket for " + path);
    path.copy(address.sun_path, path.size());
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    require(::connect(descriptor_, generic, sizeof address) == 0, path + ": " + std::strerror(errno));
  }
  ~Connection() { ::close(descriptor_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] Time asked() const { return asked_; }

  void ask(std::string_view question, Time came_up) {
    asked_ = came_up;
    input_.clear();
    const auto sent = ::send(descriptor_, question.data(), question.size(), MSG_NOSIGNAL);
    require(sent == static_cast<ssize_t>(question.size()), "the server takes no question");
  }
  // REQUIRES: there is something to read. Returns whether the answer is complete.
  bool receive(const Protocol& protocol) {
    std::array<char, 4096> octets{};
    const auto count = ::recv(descriptor_, octets.data(), octets.size(), 0);
    require(count > 0, "the server closed a connection");
    input_.append(octets.data(), static_cast<std::size_t>(count));
    return protocol.is_answered(input_);
  }

 private:
  int descriptor_;
  Time asked_;
  std::string input_;
};

// User and system time of a process, in seconds (proc(5)).
double processor_time(const std::string& pid) {
  std::ifstream file("/proc/" + pid + "/stat");
  std::string line;
  require(static_cast<bool>(std::getline(file, line)), "no process " + pid);
  std::istringstream fields(line.substr(line.rfind(')') + 1));
  std::string skipped;
  for (int i = 3; i < 14; ++i) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

class Load {
 public:
  Load(Protocol protocol, const std::string& path, std::size_t connections, const std::string& domain)
      : protocol_(std::move(protocol)), questions_(protocol_.questions(domain)), poller_(::epoll_create1(0)) {
    for (std::size_t i = 0; i < connections; ++i) {
      Connection& connection = connections_.emplace_back(path);
      free_.push_back(&connection);
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.ptr = &connection;
      require(::epoll_ctl(poller_, EPOLL_CTL_ADD, connection.descriptor(), &event) == 0, "epoll_ctl");
    }
  }
  ~Load() { ::close(poller_); }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  // Latencies in microseconds, unordered. `rate` 0: as fast as the answers come.
  std::vector<float> run(double rate, Clock::duration length) {
    latencies_.clear();
    const Time begin = Clock::now();
    const Time end = begin + length;
    Time next = begin;
    for (Time now = begin; now < end; now = Clock::now()) {
      if (rate == 0) waiting_.assign(free_.size(), now);
      for (; rate > 0 && next <= now; next += gap(rate)) waiting_.push_back(next);
      ask_what_waits();
      take_answers(rate == 0 ? end : std::min(next, end));
    }
    while (free_.size() < connections_.size() || !waiting_.empty()) {
      require(Clock::now() < end + kPatience, "the server does not answer");
      ask_what_waits();
      take_answers(end + kPatience);
    }
    return std::move(latencies_);
  }

 private:
  // Questions of many independent clients: the time between two is distributed exponentially.
  Clock::duration gap(double rate) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(gaps_(random_) / rate));
  }

  // The connection that has been idle longest is asked first, so that all are used.
  void ask_what_waits() {
    for (; !waiting_.empty() && !free_.empty(); waiting_.pop_front(), free_.pop_front())
      free_.front()->ask(questions_[next_question_++ % questions_.size()], waiting_.front());
  }

  void take_answers(Time until) {
    const auto left = std::max(until - Clock::now(), Clock::duration::zero());
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    const timespec wait{seconds.count(), (left - seconds).count()};
    std::array<epoll_event, 128> events{};
    const int count = ::epoll_pwait2(poller_, events.data(), static_cast<int>(events.size()), &wait, nullptr);
    require(count >= 0, "epoll_pwait2");
    for (int i = 0; i < count; ++i) {
      auto& connection = *static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
      if (!connection.receive(protocol_)) continue;
      const std::chrono::duration<float, std::micro> latency = Clock::now() - connection.asked();
      latencies_.push_back(latency.count());
      free_.push_back(&connection);
    }
  }

  Protocol protocol_;
  std::vector<std::string> questions_;
  std::size_t next_question_ = 0;
  int poller_;
  std::list<Connection> connections_;
  std::deque<Connection*> free_;
  std::deque<Time> waiting_;  // when the questions came up that are not asked yet
  std::vector<float> latencies_;
  std::mt19937_64 random_;
  std::exponential_distribution<double> gaps_;
};

float percentile(std::vector<float>& latencies, double part) {
  const auto at = static_cast<std::ptrdiff_t>(part * static_cast<double>(latencies.size() - 1));
  std::nth_element(latencies.begin(), latencies.begin() + at, latencies.end());
  return latencies[static_cast<std::size_t>(at)];
}

int measure(char** arguments) {
  const std::string protocol = arguments[1];
  const std::string pid = arguments[3];
  const double rate = std::stod(arguments[5]);
  const std::chrono::seconds length(std::stol(arguments[6]));
  require(protocol == "policy" || protocol == "socketmap", "no protocol " + protocol);
  Load load({protocol == "policy", arguments[8]}, arguments[2], std::stoul(arguments[4]), arguments[7]);

  load.run(rate, kWarmUp);
  const double before = processor_time(pid);
  const Time begin = Clock::now();
  auto latencies = load.run(rate, length);
  const std::chrono::duration<double> took = Clock::now() - begin;
  const double spent = processor_time(pid) - before;
  require(!latencies.empty() && spent > 0, "too short to tell anything");
  const auto answers = static_cast<double>(latencies.size());
  std::cout << answers / took.count() << ' ' << percentile(latencies, 0.5) << ' '
            << percentile(latencies, 0.99) << ' ' << answers / spent << '\n';
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 9) {
    std::cerr << "usage: policy-load PROTOCOL SOCKET PID CONNECTIONS RATE SECONDS DOMAIN ANSWER\n";
    return 64;
  }
  try {
    return measure(arguments);
  } catch (const std::exception& problem) {
    std::cerr << "policy-load: " << problem.what() << '\n';
    return 1;
  }
}
