#include "peer_connection.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include <cnode/actors/output_wait.hpp>
#include <cnode/protocol/atom_table.hpp>

#include "text.hpp"

namespace cnode::node {
namespace {

constexpr std::size_t read_size = 64 * 1024;
// What one turn reads or writes before others have theirs.
constexpr std::size_t turn_budget = 1 << 20;
constexpr std::size_t max_pieces = 64;
constexpr unsigned tick_intensity = 4;

}  // namespace

peer_connection::peer_connection(event_poller& poller, int descriptor, actors::runtime& runtime, settings s,
                                 gone_function gone, std::unique_ptr<tls_stream> tls)
    : poller_(poller),
      runtime_(runtime),
      settings_(std::move(s)),
      gone_(std::move(gone)),
      in_(settings_.handshake.negotiated, {.max_frame = settings_.max_frame}),
      descriptor_(descriptor),
      tls_(std::move(tls)),
      out_(settings_.handshake.negotiated, {.max_frame = settings_.max_frame}) {
  in_.set_peer(settings_.node);
  if (tls_) tls_->allow_renegotiation();
}

peer_connection::~peer_connection() { ::close(descriptor_); }

void peer_connection::start(const std::string& already_read) {
  if (!already_read.empty())
    in_.receive({reinterpret_cast<const std::uint8_t*>(already_read.data()), already_read.size()});
  bytes_in_ += already_read.size();
  std::unique_lock lock(mutex_);
  if (closed_) return;
  watch_ = poller_.add(shared_from_this(), descriptor_, room_wanted_);
  const auto id = watch_;
  lock.unlock();
  if (id == 0) {
    runtime_.log(actors::log_level::error, "cannot watch the connection to node " + printable(atom_text(settings_.node)));
    return close(atom("connection_closed"));
  }
  // On a scheduler thread, as every later frame.
  if (tls_ || !already_read.empty()) poller_.again(id);
}

// ---- reading

void peer_connection::on_readable(bool ends) {
  {
    std::lock_guard lock(mutex_);
    if (closed_) return;
    reading_ = true;
  }
  ends_ = ends_ || ends;
  std::size_t budget = turn_budget;
  bool drained = false;
  bool open = handle_frames();
  while (open && !drained && budget > 0) {
    const auto got = receive(in_.prepare_pieces(read_size, budget));
    if (got.size > 0) {
      in_.commit(got.size);
      bytes_in_.fetch_add(got.size, std::memory_order_relaxed);
      budget -= std::min(budget, got.size);
      open = handle_frames();
    }
    if (!open) break;
    // Under TLS what we read may be all the peer's handshakes; they take their part of the turn.
    if (got.size == 0) budget -= std::min(budget, read_size);
    drained = got.now == tls_stream::state::would_block && !(ends_ && got.size > 0);
    if (got.now == tls_stream::state::failed)
      runtime_.log(actors::log_level::error, "TLS with node " + printable(atom_text(settings_.node)) + " failed: " + tls_->text());
    if (got.now == tls_stream::state::failed || got.now == tls_stream::state::closed) {
      close(atom("connection_closed"));
      open = false;
    }
  }
  std::unique_lock lock(mutex_);
  reading_ = false;
  if (closed_) {
    const auto reason = reason_;
    lock.unlock();
    report_end(reason);
    return;
  }
  if (!drained) poller_.again(watch_);
  if (!tls_) return;
  // What we read may have been a handshake: its answer must leave, and a writer may have waited for its end.
  const bool waited = std::exchange(needs_input_, false);
  if (waited) blocked_ = false;
  if (waited || tls_->unsent() > 0) write(lock);
}

peer_connection::transfer peer_connection::receive(std::span<const std::span<std::uint8_t>> room) {
  using state = tls_stream::state;
  if (tls_) {
    const auto got = tls_->read(room.front());
    return {got.size, got.now};
  }
  std::array<iovec, max_pieces> vectors;
  const auto count = std::min(room.size(), max_pieces);
  std::size_t asked = 0;
  for (std::size_t i = 0; i < count; ++i) {
    vectors[i] = {room[i].data(), room[i].size()};
    asked += room[i].size();
  }
  msghdr header{};
  header.msg_iov = vectors.data();
  header.msg_iovlen = count;
  for (;;) {
    const auto n = count == 1 ? ::recv(descriptor_, vectors[0].iov_base, asked, MSG_DONTWAIT) : ::recvmsg(descriptor_, &header, MSG_DONTWAIT);
    if (n > 0) {
      const auto size = static_cast<std::size_t>(n);
      return {size, size < asked ? state::would_block : state::progress};
    }
    if (n == 0) return {0, state::closed};
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {0, state::would_block};
    if (errno != EINTR) return {0, state::closed};
  }
}

bool peer_connection::handle_frames() {
  actors::arrivals found(runtime_);
  dist::frame_event event;
  while (!closed_.load(std::memory_order_relaxed)) {
    const auto there = in_.next_event(event);
    if (!there) {
      found.deliver();
      malformed(there.error());
      return false;
    }
    if (!*there) return true;
    runtime_.receive(settings_.node, std::move(event), found);
  }
  return false;
}

void peer_connection::malformed(const failure& why) {
  runtime_.log(actors::log_level::error, "invalid distribution message from node " + printable(atom_text(settings_.node)) +
                                             ", connection closed: " + printable(to_string(why)));
  close(atom("connection_closed"));
}

// ---- writing

void peer_connection::send(const dist::control_message& m, term message) {
  if (closed_) return;
  if (const auto* unlink = std::get_if<dist::unlink_id>(&m); unlink && !(settings_.handshake.negotiated & dist::dist_flag::unlink_id)) {
    // It goes out as UNLINK, which nobody acknowledges: it holds from now on.
    dist::frame_event ack;
    ack.block = block::make(16);
    ack.control = dist::unlink_id_ack{unlink->id, copy(*ack.block, unlink->to), unlink->from};
    runtime_.receive(settings_.node, std::move(ack));
  }
  // Encoded before the lock is taken: a large message keeps no other sender waiting.
  thread_local dist::encoded_message encoded;
  auto sent = encoded.encode(m, message, settings_.handshake.negotiated);
  std::unique_lock lock(mutex_, std::defer_lock);
  std::size_t waited = 0;
  if (sent) {
    lock.lock();
    if (closed_) return;
    waited = out_.waiting();
    sent = out_.send(encoded);
  }
  if (!sent) {
    if (lock) lock.unlock();
    // errc::unsupported: a peer without the flag has no use for the message; BEAM drops it too. But who asks for a process must hear.
    if (sent.error().code == errc::unsupported) {
      if (const auto* request = std::get_if<dist::spawn_request>(&m)) {
        dist::frame_event reply;
        reply.block = block::make(16);
        reply.control = dist::spawn_reply{copy(*reply.block, request->req_id), request->from, 0, atom("notsup"), {}};
        runtime_.receive(settings_.node, std::move(reply));
      }
      return;
    }
    runtime_.log(actors::log_level::error, "cannot send to node " + printable(atom_text(settings_.node)) + ": " +
                                               printable(to_string(sent.error())));
    if (sent.error().code == errc::too_large) close(atom("connection_closed"));
    return;
  }
  // Who has sent a large message waits for that one; others are kept only by what is in front of theirs.
  if (out_.waiting() > std::max(waited, settings_.busy_limit)) suspend_sender(large_senders_);
  else if (sending_size_ + out_.output().size() > settings_.busy_limit) suspend_sender(senders_);
  if (unsent() > settings_.max_queued_output) {
    lock.unlock();
    runtime_.log(actors::log_level::error, "node " + printable(atom_text(settings_.node)) +
                                               " does not read: connection closed with " +
                                               std::to_string(queued()) + " bytes unsent");
    return close(atom("connection_closed"));
  }
  if (blocked_) return;  // written when the socket has room
  if (!event_poller::mark_dirty(*this)) return write(lock);
  // The callback that runs next on this thread may be a slow one: then the sweep writes.
  lock.unlock();
  poller_.arm();
}

void peer_connection::flush() {
  std::unique_lock lock(mutex_);
  write(lock);
}

void peer_connection::write(std::unique_lock<std::mutex>& lock) {
  if (writing_ || blocked_ || closed_) return;  // whoever writes takes along what we appended
  writing_ = true;
  std::size_t budget = turn_budget;
  bool full = false, broken = false;
  while (!closed_ && !full && !broken) {
    if (sending_size_ == 0) {
      // Some fragments of large messages with each write: what is small goes between them.
      out_.fill_output();
      if (out_.output().size() > 0) {
        std::swap(sending_, out_.output());
        sending_size_ = sending_.size();
      } else if (!tls_ || tls_->unsent() == 0) {
        break;
      }
    }
    lock.unlock();
    const auto sent = transmit();
    sending_.consume(sent.size);
    bytes_out_.fetch_add(sent.size, std::memory_order_relaxed);
    full = sent.now == tls_stream::state::would_block || sent.size >= budget;
    broken = sent.now == tls_stream::state::failed || sent.now == tls_stream::state::closed;
    budget -= std::min(budget, sent.size);
    lock.lock();
    sending_size_ -= sent.size;
    if (sent.now == tls_stream::state::needs_input && !closed_) {
      blocked_ = needs_input_ = true;
      // The reader looks when it has read, which it may have done before we said so.
      if (tls_->renegotiating()) break;
      blocked_ = needs_input_ = false;
    }
  }
  writing_ = false;
  if (broken && !closed_) {
    lock.unlock();
    close(atom("connection_closed"));
    lock.lock();
  } else if (full && !blocked_ && !closed_ && unsent() > 0) {
    blocked_ = true;
    await_room();
  }
  std::vector<term> free;
  const auto free_limit = settings_.busy_limit / 2;
  if (sending_size_ + out_.output().size() <= free_limit) free.swap(senders_);
  if (out_.waiting() <= free_limit) {
    free.insert(free.end(), large_senders_.begin(), large_senders_.end());
    large_senders_.clear();
  }
  if (free.empty()) return;
  lock.unlock();
  for (const auto pid : free) actors::resume_process(runtime_, pid);
  lock.lock();
}

void peer_connection::await_room() {
  room_wanted_ = true;
  // Before the start it is told with the first event.
  if (watch_) poller_.await_room(watch_, descriptor_);
}

void peer_connection::on_room() {
  if (!room_wanted_.load(std::memory_order_relaxed) || !room_wanted_.exchange(false)) return;
  std::unique_lock lock(mutex_);
  blocked_ = false;
  write(lock);
}

peer_connection::transfer peer_connection::transmit() {
  using state = tls_stream::state;
  const auto pieces = sending_.pieces();
  if (tls_) {
    const auto sent = tls_->write(pieces);
    return {sent.size, sent.now};
  }
  std::array<iovec, max_pieces> vectors;
  const auto count = std::min(pieces.size(), max_pieces);
  std::size_t offered = 0;
  for (std::size_t i = 0; i < count; ++i) {
    vectors[i] = {const_cast<std::uint8_t*>(pieces[i].data), pieces[i].size};
    offered += pieces[i].size;
  }
  msghdr header{};
  header.msg_iov = vectors.data();
  header.msg_iovlen = count;
  const auto n = ::sendmsg(descriptor_, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n >= 0) return {static_cast<std::size_t>(n), static_cast<std::size_t>(n) < offered ? state::would_block : state::progress};
  if (errno == EAGAIN || errno == EWOULDBLOCK) return {0, state::would_block};
  return {0, errno == EINTR ? state::progress : state::closed};
}

// mutex_ held
void peer_connection::suspend_sender(std::vector<term>& list) {
  if (const auto pid = actors::suspend_running_process()) list.push_back(pid);
}

std::size_t peer_connection::queued() const {
  std::lock_guard lock(mutex_);
  return closed_ ? 0 : unsent();
}

bool peer_connection::busy() const {
  std::lock_guard lock(mutex_);
  return !closed_ && sending_size_ + const_cast<dist::connection&>(out_).output().size() > settings_.busy_limit;
}

std::size_t peer_connection::unsent() const {
  return sending_size_ + const_cast<dist::connection&>(out_).output().size() + out_.waiting() + (tls_ ? tls_->unsent() : 0);
}

// ---- ending

void peer_connection::close(term reason) {
  std::unique_lock lock(mutex_);
  if (closed_) return;
  closed_ = true;
  reason_ = reason;
  // The descriptor stays ours until nobody can be using it; both directions end now.
  if (tls_) tls_->shutdown();
  ::shutdown(descriptor_, SHUT_RDWR);
  out_.clear_output();
  auto free = std::exchange(senders_, {});
  free.insert(free.end(), large_senders_.begin(), large_senders_.end());
  large_senders_.clear();
  const bool reading = reading_;
  lock.unlock();
  for (const auto pid : free) actors::resume_process(runtime_, pid);
  if (reading) return;  // the reader reports when its last frame is handed on
  report_end(reason);
}

void peer_connection::report_end(term reason) {
  const auto self = shared_from_this();
  std::unique_lock lock(mutex_);
  const auto id = std::exchange(watch_, 0);
  lock.unlock();
  if (id) poller_.remove(id, descriptor_);
  gone_(self, reason);
}

bool peer_connection::ended() const {
  tcp_info info{};
  socklen_t size = sizeof info;
  return closed() || (::getsockopt(descriptor_, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && info.tcpi_state != TCP_ESTABLISHED);
}

// ---- ticking

void peer_connection::tick() {
  auto read = bytes_in();
  const auto t = ticks_.tick + 1;
  if (read == ticks_.read) {
    // Schedulers that are all busy leave bytes in the socket; the peer is alive nevertheless.
    int unread = 0;
    if (::ioctl(descriptor_, FIONREAD, &unread) != 0 || unread < 0) unread = 0;
    if (tls_ && tls_->holds_input()) unread = 1;
    if (unread > 0) ticks_.ticked = t;
    if (ticks_.ticked == t && unread <= 0) {
      runtime_.log(actors::log_level::error, "node " + printable(atom_text(settings_.node)) +
                                                 " not responding, removing (timedout) connection");
      return close(atom("net_tick_timeout"));
    }
  } else {
    ticks_.ticked = t;
  }
  auto written = bytes_out();
  {
    std::unique_lock lock(mutex_);
    if (closed_) return;
    const bool idle = written == ticks_.write && unsent() == 0;
    // Primitive hidden nodes tick only when they are ticked.
    const bool hidden_and_silent = !visible() && read == ticks_.read;
    if (idle || hidden_and_silent) {
      out_.tick();
      write(lock);
    }
  }
  ticks_.write = bytes_out();
  ticks_.read = read;
  ticks_.tick = t % tick_intensity;
}

// dist_util:send_aux_tick/2
void peer_connection::aux_tick() {
  std::unique_lock lock(mutex_);
  if (closed_ || (visible() && unsent() > 0)) return;
  out_.tick();
  write(lock);
}

}  // namespace cnode::node
