#include "outbound/resolver.hpp"

#include <ares.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <map>

#include "smtpseal/daemon/daemon.hpp"

namespace smtpseal::relay {

using daemon::Task;
namespace asio = daemon::asio;

namespace {

struct AddrInfoDeleter {
  void operator()(ares_addrinfo* info) const { ares_freeaddrinfo(info); }
};
struct AresDataDeleter {
  void operator()(void* data) const { ares_free_data(data); }
};

// Loaded once for the process, before any channel.
void load_library() {
  static const int status = ares_library_init(ARES_LIB_INIT_ALL);
  if (status != ARES_SUCCESS) throw daemon::StartupError(std::string("c-ares: ") + ares_strerror(status));
}

DnsStatus to_status(int status) {
  switch (status) {
    case ARES_SUCCESS:
      return DnsStatus::ok;
    case ARES_ENODATA:
      return DnsStatus::no_data;
    case ARES_ENOTFOUND:
      return DnsStatus::no_domain;
    default:
      return DnsStatus::temporary;
  }
}

std::string without_trailing_dot(std::string name) {
  if (!name.empty() && name.back() == '.') name.pop_back();
  return name;
}

MxAnswer parse_mx(const std::vector<unsigned char>& packet) {
  MxAnswer answer;
  ares_mx_reply* list = nullptr;
  const int status = ares_parse_mx_reply(packet.data(), static_cast<int>(packet.size()), &list);
  const std::unique_ptr<ares_mx_reply, AresDataDeleter> owned(list);
  answer.status = to_status(status);
  if (answer.status == DnsStatus::temporary) answer.problem = ares_strerror(status);
  for (const ares_mx_reply* entry = list; entry != nullptr; entry = entry->next)
    answer.hosts.push_back({entry->priority, without_trailing_dot(entry->host)});
  if (answer.status == DnsStatus::ok && answer.hosts.empty()) answer.status = DnsStatus::no_data;
  return answer;
}

}  // namespace

struct Resolver::State : std::enable_shared_from_this<State> {
  explicit State(asio::io_context& context) : io(context), timer(context) {}

  // One socket of c-ares. The descriptor belongs to c-ares and is only lent to Asio.
  struct Watched {
    explicit Watched(asio::io_context& io, int fd) : descriptor(io, fd) {}
    ~Watched() { descriptor.release(); }
    asio::posix::stream_descriptor descriptor;
    bool wants_read = false, wants_write = false;
    bool reading = false, writing = false;
  };

  static void on_socket(void* data, ares_socket_t fd, int readable, int writable) {
    static_cast<State*>(data)->watch(fd, readable != 0, writable != 0);
  }

  void watch(int fd, bool read, bool write) {
    if (!read && !write) {
      watched.erase(fd);
      return;
    }
    auto& entry = watched[fd];
    if (!entry) entry = std::make_shared<Watched>(io, fd);
    entry->wants_read = read;
    entry->wants_write = write;
    wait(fd, entry);
  }

  void wait(int fd, const std::shared_ptr<Watched>& entry) {
    using Wait = asio::posix::stream_descriptor;
    const auto start = [&](bool wanted, bool Watched::*running, Wait::wait_type type) {
      if (!wanted || entry.get()->*running) return;
      entry.get()->*running = true;
      entry->descriptor.async_wait(type, [weak = weak_from_this(), fd, held = std::weak_ptr(entry), running,
                                          type](const boost::system::error_code& e) {
        const auto self = weak.lock();
        const auto alive = held.lock();
        if (!self || !alive || e || self->channel == nullptr) return;
        alive.get()->*running = false;
        const bool is_read = type == Wait::wait_read;
        ares_process_fd(self->channel, is_read ? fd : ARES_SOCKET_BAD, is_read ? ARES_SOCKET_BAD : fd);
        const auto again = self->watched.find(fd);
        if (again != self->watched.end() && again->second == alive) self->wait(fd, alive);
        self->arm();
      });
    };
    start(entry->wants_read, &Watched::reading, Wait::wait_read);
    start(entry->wants_write, &Watched::writing, Wait::wait_write);
  }

  // c-ares' own retransmission and time-out clock.
  void arm() {
    timeval most{1, 0}, buffer{};
    if (watched.empty()) return;
    const timeval* next = ares_timeout(channel, &most, &buffer);
    timer.expires_after(std::chrono::seconds(next->tv_sec) + std::chrono::microseconds(next->tv_usec));
    timer.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
      const auto self = weak.lock();
      if (!self || error || self->channel == nullptr) return;
      ares_process_fd(self->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
      self->arm();
    });
  }

  asio::io_context& io;
  asio::steady_timer timer;
  ares_channel channel = nullptr;
  std::map<int, std::shared_ptr<Watched>> watched;
};

namespace {

// Carries a C callback's result to a coroutine. c-ares may call back before the query function returns, so
// the result is always posted.
template <class T>
struct Pending {
  asio::any_completion_handler<void(T)> handler;
  asio::any_io_executor executor;

  void complete(T value) {
    asio::post(executor,
               [h = std::move(handler), v = std::move(value)]() mutable { std::move(h)(std::move(v)); });
  }
};

template <class T, class Start>
auto await_callback(asio::io_context& io, Start start) {
  return asio::async_initiate<decltype(asio::use_awaitable), void(T)>(
      [&io, start](auto handler) {
        auto* pending =
            new Pending<T>{asio::any_completion_handler<void(T)>(std::move(handler)), io.get_executor()};
        start(pending);
      },
      asio::use_awaitable);
}

struct Packet {
  int status = ARES_SUCCESS;
  std::vector<unsigned char> data;
};

void on_packet(void* argument, int status, int, unsigned char* data, int size) {
  const std::unique_ptr<Pending<Packet>> pending(static_cast<Pending<Packet>*>(argument));
  Packet packet{status, {}};
  if (data != nullptr && size > 0) packet.data.assign(data, data + size);
  pending->complete(std::move(packet));
}

void on_addresses(void* argument, int status, int, ares_addrinfo* info) {
  const std::unique_ptr<Pending<AddressAnswer>> pending(static_cast<Pending<AddressAnswer>*>(argument));
  const std::unique_ptr<ares_addrinfo, AddrInfoDeleter> owned(info);
  AddressAnswer answer;
  answer.status = to_status(status);
  if (answer.status == DnsStatus::temporary) answer.problem = ares_strerror(status);
  for (const auto* node = info != nullptr ? info->nodes : nullptr; node != nullptr; node = node->ai_next) {
    asio::ip::tcp::endpoint endpoint;
    if (node->ai_addrlen > endpoint.capacity()) continue;
    endpoint.resize(node->ai_addrlen);
    std::memcpy(endpoint.data(), node->ai_addr, node->ai_addrlen);
    answer.addresses.push_back(endpoint.address());
  }
  if (answer.status == DnsStatus::ok && answer.addresses.empty()) answer.status = DnsStatus::no_data;
  pending->complete(std::move(answer));
}

void on_host(void* argument, int status, int, hostent* host) {
  const std::unique_ptr<Pending<std::string>> pending(static_cast<Pending<std::string>*>(argument));
  pending->complete(status == ARES_SUCCESS && host != nullptr && host->h_name != nullptr
                        ? without_trailing_dot(host->h_name)
                        : std::string());
}

constexpr std::array kFamilies{AF_INET6, AF_INET};

}  // namespace

Resolver::Resolver(asio::io_context& io, const std::vector<std::string>& servers, daemon::Seconds timeout)
    : state_(std::make_shared<State>(io)) {
  load_library();
  ares_options options{};
  options.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_EDNS;
  options.ndomains =
      0;  // ares_getaddrinfo of c-ares 1.18 heeds the search list in spite of ARES_FLAG_NOSEARCH
  options.timeout = static_cast<int>(std::chrono::milliseconds(timeout).count());
  options.tries = 2;
  options.sock_state_cb = &State::on_socket;
  options.sock_state_cb_data = state_.get();
  const int mask =
      ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB | ARES_OPT_DOMAINS;
  if (const int status = ares_init_options(&state_->channel, &options, mask); status != ARES_SUCCESS)
    throw daemon::StartupError(std::string("c-ares: ") + ares_strerror(status));
  if (servers.empty()) return;
  std::string list;
  for (const auto& server : servers) list += (list.empty() ? "" : ",") + server;
  if (const int status = ares_set_servers_ports_csv(state_->channel, list.c_str()); status != ARES_SUCCESS)
    throw daemon::StartupError("relay.dns_servers: \"" + list + "\": " + ares_strerror(status));
}

Resolver::~Resolver() {
  // Destroying the channel answers every open query, whose handlers may still look at the state.
  if (auto* const channel = std::exchange(state_->channel, nullptr); channel != nullptr)
    ares_destroy(channel);
  state_->timer.cancel();
}

Task<MxAnswer> Resolver::mx(std::string domain) {
  const auto state = state_;
  const auto start = [state, &domain](Pending<Packet>* pending) {
    ares_query(state->channel, domain.c_str(), ns_c_in, ns_t_mx, &on_packet, pending);
    state->arm();
  };
  const auto packet = co_await await_callback<Packet>(state->io, start);
  if (packet.status == ARES_SUCCESS) co_return parse_mx(packet.data);
  MxAnswer answer;
  answer.status = to_status(packet.status);
  if (answer.status == DnsStatus::temporary) answer.problem = ares_strerror(packet.status);
  co_return answer;
}

// One family a query: asked for both, c-ares reports the status of whichever ends last, and a failure could
// pass for "no such record".
Task<AddressAnswer> Resolver::addresses(std::string host, AddressFamilies families) {
  AddressAnswer answer;
  answer.status = DnsStatus::no_domain;
  for (const int family : kFamilies) {
    const bool is_wanted =
        families == AddressFamilies::any || (families == AddressFamilies::ipv4) == (family == AF_INET);
    if (!is_wanted) continue;
    const AddressAnswer part = co_await addresses_of_family(host, family);
    answer.addresses.insert(answer.addresses.end(), part.addresses.begin(), part.addresses.end());
    const bool is_telling = part.status == DnsStatus::temporary || answer.status == DnsStatus::no_domain;
    if (is_telling) answer.status = part.status;
    if (!part.problem.empty()) answer.problem = part.problem;
  }
  if (!answer.addresses.empty() && answer.status != DnsStatus::temporary) answer.status = DnsStatus::ok;
  co_return answer;
}

Task<AddressAnswer> Resolver::addresses_of_family(std::string host, int family) {
  const auto state = state_;
  ares_addrinfo_hints hints{};
  hints.ai_family = family;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = ARES_AI_NOSORT;
  const auto start = [state, &host, &hints](Pending<AddressAnswer>* pending) {
    ares_getaddrinfo(state->channel, host.c_str(), nullptr, &hints, &on_addresses, pending);
    state->arm();
  };
  co_return co_await await_callback<AddressAnswer>(state->io, start);
}

Task<std::string> Resolver::verified_name(asio::ip::address address) {
  const auto state = state_;
  const auto start = [state, &address](Pending<std::string>* pending) {
    if (address.is_v4()) {
      const auto octets = address.to_v4().to_bytes();
      ares_gethostbyaddr(state->channel, octets.data(), octets.size(), AF_INET, &on_host, pending);
    } else {
      const auto octets = address.to_v6().to_bytes();
      ares_gethostbyaddr(state->channel, octets.data(), octets.size(), AF_INET6, &on_host, pending);
    }
    state->arm();
  };
  const auto name = co_await await_callback<std::string>(state->io, start);
  if (name.empty()) co_return name;
  const auto forward =
      co_await addresses(name, address.is_v4() ? AddressFamilies::ipv4 : AddressFamilies::ipv6);
  const bool leads_back =
      std::find(forward.addresses.begin(), forward.addresses.end(), address) != forward.addresses.end();
  co_return leads_back ? name : std::string();
}

}  // namespace smtpseal::relay
