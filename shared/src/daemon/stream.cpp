#include "smtpseal/daemon/stream.hpp"

#include <poll.h>

#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <span>
#include <utility>
#include <vector>

namespace smtpseal::daemon {
namespace {

constexpr std::size_t kScratch = 65536;  // one read; a few sealed records of a bulk transfer
constexpr std::size_t kKeep = 1024;      // what an idle stream may keep of its write buffer

std::array<char, kScratch>& scratch() {
  static std::array<char, kScratch> buffer;
  return buffer;
}

}  // namespace

struct Stream::State : std::enable_shared_from_this<State> {
  explicit State(Socket s) : socket(std::move(s)), timer(socket.get_executor()) {}

  // Cancels the running operation at `deadline`. The timer is only moved when it would fire too late; a
  // handler that finds the deadline moved on waits again, so that a busy stream pays one clock reading for
  // each operation.
  void arm(Seconds timeout) {
    timed_out = false;  // a stream whose peer was silent for too long can still be told so
    deadline = Clock::now() + timeout;
    if (waiting && timer.expiry() <= deadline) return;
    wait_until(deadline);
  }
  void disarm() { deadline = Clock::time_point::max(); }

  void wait_until(Clock::time_point when) {
    waiting = true;
    timer.expires_at(when);
    timer.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
      const auto self = weak.lock();
      if (self && error != asio::error::operation_aborted) self->on_timer();
    });
  }

  void on_timer() {
    waiting = false;
    if (deadline == Clock::time_point::max()) return;
    if (Clock::now() < deadline) return wait_until(deadline);
    timed_out = true;
    boost::system::error_code ignored;
    socket.cancel(ignored);
  }

  // One read without waiting, through TLS where it is there.
  Transfer receive(std::span<char> into) {
    if (tls) return tls->read(into);
    Transfer got;
    got.count = socket.read_some(asio::buffer(into.data(), into.size()), got.error);
    if (got.error == asio::error::would_block || got.error == asio::error::try_again)
      return {0, Transfer::Need::readable, {}};
    return got;
  }

  // Writes all through TLS.
  Task<Result<>> send_by_tls(std::string_view data) {
    while (!data.empty()) {
      if (timed_out) co_return ErrorCode(asio::error::timed_out);
      const Transfer sent = tls->write(data);
      if (sent.error) co_return sent.error;
      data.remove_prefix(sent.count);
      if (sent.need == Transfer::Need::nothing) continue;
      if (const auto waited = co_await wait_for(sent.need); !waited) co_return waited.error();
    }
    co_return Result<>();
  }

  Task<Result<>> wait_for(Transfer::Need need) {
    if (need == Transfer::Need::writable) return wait_socket(Socket::wait_write);
    return wait_readable();
  }

  Task<Result<>> wait_socket(Socket::wait_type what) {
    const auto [error] = co_await socket.async_wait(what, kAwait);
    if (error) co_return explain(error);
    co_return Result<>();
  }

  Task<Result<>> wait_readable() {
    if (std::exchange(interrupted, false)) co_return ErrorCode(asio::error::operation_aborted);
    reading = true;
    const auto waited = co_await wait_socket(Socket::wait_read);
    reading = false;
    interrupted = false;
    co_return waited;
  }

  ErrorCode explain(const ErrorCode& error) const {
    return timed_out && error == asio::error::operation_aborted ? ErrorCode(asio::error::timed_out) : error;
  }

  Socket socket;
  asio::steady_timer timer;
  Clock::time_point deadline = Clock::time_point::max();
  bool waiting = false;
  bool timed_out = false;
  bool reading = false;             // in wait_readable()
  bool interrupted = false;         // the next wait_readable() ends at once
  std::unique_ptr<TlsChannel> tls;  // works on the socket, so it goes first
  std::optional<session::SecurityLayer> layer;
  Bytes wire;
};

Stream::Stream(Socket socket) : state_(std::make_shared<State>(std::move(socket))) {
  boost::system::error_code ignored;
  state_->socket.non_blocking(true, ignored);
}
Stream::~Stream() {
  if (state_) close();
}
Stream::Stream(Stream&&) noexcept = default;
Stream& Stream::operator=(Stream&& other) noexcept {
  if (state_ && this != &other) close();
  state_ = std::move(other.state_);
  return *this;
}

Task<Result<std::size_t>> Stream::read(std::string& into, Seconds timeout) {
  const auto state = state_;
  const std::size_t before = into.size();
  bool has_waited = false;
  state->arm(timeout);
  for (;;) {
    if (state->timed_out) co_return ErrorCode(asio::error::timed_out);
    const Transfer got = state->receive(scratch());
    if (got.need != Transfer::Need::nothing) {
      if (const auto waited = co_await state->wait_for(got.need); !waited) co_return waited.error();
      has_waited = true;
      continue;
    }
    if (got.error == asio::error::eof && state->layer && state->layer->has_partial_record())
      co_return session::make_error_code(session::errc::record_mismatch);
    if (got.error) co_return got.error;
    const std::string_view octets(scratch().data(), got.count);
    if (!state->layer) {
      into.append(octets);
    } else if (const auto result = state->layer->unwrap(as_bytes(octets), into); !result) {
      co_return result.error();
    }
    if (into.size() > before) break;
    // Records without plaintext cost the peer little and us the whole thread, unless others get their turn in
    // between.
    if (Clock::now() >= state->deadline) co_return ErrorCode(asio::error::timed_out);
    co_await asio::post(kAwait);
  }
  state->disarm();
  // A peer that always has more ready must not keep the thread for itself.
  if (!has_waited) co_await asio::post(kAwait);
  co_return into.size() - before;
}

Task<Result<>> Stream::write(std::string_view data, Seconds timeout) {
  const auto state = state_;
  if (data.empty()) co_return Result<>();
  asio::const_buffer out = asio::buffer(data);
  if (state->layer) {
    state->wire.clear();
    state->layer->wrap(as_bytes(data), state->wire);
    out = asio::buffer(state->wire);
  }
  state->arm(timeout);
  if (state->timed_out) co_return ErrorCode(asio::error::timed_out);
  if (state->tls) {
    const auto sent = co_await state->send_by_tls({static_cast<const char*>(out.data()), out.size()});
    state->disarm();
    co_return sent;
  }
  const auto [error, count] = co_await asio::async_write(state->socket, out, kAwait);
  state->disarm();
  if (error) co_return state->explain(error);
  co_return Result<>();
}

Task<Result<>> Stream::start_tls(SslSession ssl, Seconds timeout) {
  const auto state = state_;
  auto tls = std::make_unique<TlsChannel>(std::move(ssl), state->socket.native_handle());
  state->arm(timeout);
  for (;;) {
    const Transfer step = tls->handshake();
    if (step.error) co_return step.error;
    if (step.need == Transfer::Need::nothing) break;
    if (state->timed_out) co_return ErrorCode(asio::error::timed_out);
    if (const auto waited = co_await state->wait_for(step.need); !waited) co_return waited.error();
  }
  state->disarm();
  state->tls = std::move(tls);
  co_return Result<>();
}

const TlsChannel* Stream::tls() const {
  return state_->tls.get();
}

void Stream::install(session::SecurityLayer layer) {
  state_->layer.emplace(std::move(layer));
}

const session::SecurityLayer* Stream::layer() const {
  return state_->layer ? &*state_->layer : nullptr;
}

bool Stream::has_pending_input() {
  if (state_->tls) return state_->tls->has_pending_input();
  pollfd entry{state_->socket.native_handle(), POLLIN, 0};
  return ::poll(&entry, 1, 0) != 0;
}

void Stream::interrupt() {
  state_->interrupted = true;
  boost::system::error_code ignored;
  if (state_->reading) state_->socket.cancel(ignored);  // never a write, which would be cut in the middle
}

void Stream::trim() {
  if (state_->wire.capacity() > kKeep) Bytes().swap(state_->wire);
}

void Stream::close() {
  boost::system::error_code ignored;
  state_->timer.cancel();
  state_->disarm();
  state_->tls.reset();  // says so to the peer
  state_->socket.close(ignored);
}

}  // namespace smtpseal::daemon
