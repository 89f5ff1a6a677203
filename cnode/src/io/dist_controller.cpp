// The controller's life and the senders' side. Who comes in and who is called: dist_links.cpp.
#include "dist_controller.hpp"

#include <unistd.h>

#include <csignal>
#include <future>
#include <random>

#include <boost/asio/post.hpp>

#include <cnode/actors/output_wait.hpp>
#include <cnode/protocol/atom_table.hpp>

#include "text.hpp"

namespace cnode::node {

namespace asio = boost::asio;
using error_code = boost::system::error_code;

namespace {

// How long output or sockets may be without a thread that looks after them.
constexpr std::chrono::milliseconds sweep_delay{5};
// What a stopping node waits for peers to take its last words.
constexpr std::chrono::milliseconds farewell{1'000};

}  // namespace

std::uint32_t random_u32() {
  thread_local std::random_device device;
  return device();
}

std::uint32_t random_creation() {
  for (;;)
    if (const auto c = random_u32(); c > 3) return c;
}

dist_controller::dist_controller(const node_config& config, actors::runtime& runtime, event_poller& poller)
    : config_(config),
      runtime_(runtime),
      poller_(poller),
      control_(1),
      work_(asio::make_work_guard(control_)),
      listener_(control_),
      registration_(control_, config),
      ticker_(
          control_, config.net_ticktime,
          [this] {
            for (const auto& p : peers()) p->tick();
          },
          [this] {
            for (const auto& p : peers()) p->aux_tick();
          }),
      sweeper_(control_),
      signals_(control_),
      cookie_(config.cookie) {
  poller_.on_arm([this] { arm_sweep(); });
}

dist_controller::~dist_controller() {
  stop();
  poller_.on_arm({});
}

template <class F>
void dist_controller::on_control(F f) {
  std::promise<void> over;
  asio::post(control_, [&] {
    f();
    over.set_value();
  });
  over.get_future().wait();
}

// ---- life

std::optional<start_error> dist_controller::open() {
  if (over_tls(config_.proto_dist)) {
    tls_options options;
    if (auto e = read_tls_options(config_.ssl_dist_optfile, options)) return e;
    if (auto e = tls_context::make(options, tls_)) return e;
  }
  if (auto e = listener_.open(config_)) return e;
  thread_ = std::thread([this] { control_.run(); });
  if (config_.no_epmd) {
    creation_ = random_creation();
    return {};
  }
  const auto at = config_.name.find('@');
  std::promise<std::optional<start_error>> answer;
  auto answered = answer.get_future();
  asio::post(control_, [&] {
    registration_.start(
        config_.name.substr(0, at), config_.name.substr(at + 1), listener_.port(),
        [&](std::uint32_t creation, std::optional<start_error> e) {
          creation_ = creation;
          answer.set_value(std::move(e));
        },
        [this](actors::log_level level, const std::string& text) { runtime_.log(level, text); });
  });
  return answered.get();
}

void dist_controller::begin(term own_name) {
  own_name_ = own_name;
  running_ = true;
  asio::post(control_, [this] { ticker_.start(); });
}

void dist_controller::accept() {
  asio::post(control_, [this] {
    if (doors_closed_) return;
    listener_.accept([this](asio::ip::tcp::socket s) { accepted(std::move(s)); },
                     [this](std::string text) {
                       if (auto line = strangers_log_.admit(std::move(text)))
                         runtime_.log(actors::log_level::error, *line);
                     });
  });
}

void dist_controller::on_signal(std::function<void()> f) {
  asio::post(control_, [this, f = std::move(f)] {
    error_code ignored;
    signals_.add(SIGTERM, ignored);
    signals_.add(SIGINT, ignored);
    signals_.async_wait([f](const error_code& e, int) {
      if (!e) f();
    });
  });
}

void dist_controller::close_doors() {
  if (!thread_.joinable()) return;
  on_control([this] {
    doors_closed_ = true;
    listener_.close();
    for (const auto& s : std::exchange(strangers_, {})) s->cancel();
    for (const auto& [node, attempt] : std::exchange(attempts_, {})) attempt->cancel();
    for (const auto& [node, e] : std::exchange(next_, {})) ::close(e.descriptor);
  });
}

void dist_controller::stop() {
  if (!thread_.joinable()) return;
  close_doors();
  // The schedulers are gone: their work on the sockets is ours for a moment.
  const auto until = std::chrono::steady_clock::now() + farewell;
  for (bool unsent = true; unsent && std::chrono::steady_clock::now() < until;) {
    unsent = false;
    for (const auto& p : peers()) {
      p->flush();
      unsent = unsent || p->queued() > 0;
    }
    if (unsent) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    poller_.poll();
  }
  running_ = false;
  for (const auto& p : peers()) p->close(atom("net_kernel_terminated"));
  poller_.poll();
  on_control([this] {
    ticker_.cancel();
    sweeper_.cancel();
    signals_.cancel();
    registration_.stop();
  });
  work_.reset();
  control_.stop();
  thread_.join();
  std::unique_lock lock(peers_mutex_);
  peers_.clear();
}

// ---- sweeps

void dist_controller::arm_sweep() {
  if (sweep_armed_.load(std::memory_order_relaxed) || sweep_armed_.exchange(true)) return;
  asio::post(control_, [this] {
    sweeper_.expires_after(sweep_delay);
    sweeper_.async_wait([this](const error_code& e) {
      if (!e) sweep();
    });
  });
}

void dist_controller::sweep() {
  sweep_armed_ = false;
  poller_.offer_leadership();
  for (const auto& p : peers()) p->flush();
}

// ---- senders

dist_controller::peer_ptr dist_controller::find(term node) const {
  std::shared_lock lock(peers_mutex_);
  const auto it = peers_.find(node.word());
  return it == peers_.end() ? nullptr : it->second;
}

std::vector<dist_controller::peer_ptr> dist_controller::peers() const {
  std::shared_lock lock(peers_mutex_);
  std::vector<peer_ptr> all;
  all.reserve(peers_.size());
  for (const auto& [name, p] : peers_) all.push_back(p);
  return all;
}

bool dist_controller::legal(term node) const {
  if (!running_ || !node.is_atom() || node.same(own_name_)) return false;
  const auto text = atom_text(node);
  const auto at = text.find('@');
  return at != text.npos && at > 0 && at + 1 < text.size() && text.find('@', at + 1) == text.npos;
}

bool dist_controller::send(term node, const dist::control_message& m, term message) {
  if (auto* p = poller_.sent_to(node)) {
    p->send(m, message);
    return true;
  }
  if (const auto p = find(node)) {
    p->send(m, message);
    return true;
  }
  if (!legal(node)) return false;
  std::unique_lock lock(pending_mutex_);
  if (const auto p = find(node)) {
    lock.unlock();
    p->send(m, message);
    return true;
  }
  const auto [it, first] = pending_.try_emplace(node.word());
  auto& waiting = it->second;
  if (waiting.given_up) return true;
  waiting.messages.push_back(queue_copy(m, message));
  waiting.bytes += waiting.messages.back().bytes();
  if (waiting.messages.size() > config_.limits.max_pending_messages || waiting.bytes > config_.limits.max_pending_bytes) {
    waiting.given_up = true;
    waiting.messages.clear();
    asio::post(control_, [this, node] { attempt_failed(node, "too much is waiting for the connection"); });
    return true;
  }
  // As behind a connection that is up and busy.
  if (waiting.bytes > config_.limits.busy_limit)
    if (const auto pid = actors::suspend_running_process()) waiting.suspended.push_back(pid);
  lock.unlock();
  if (first) asio::post(control_, [this, node] { start_attempt(node, false); });
  return true;
}

void dist_controller::connect(term node, std::function<void(bool)> done, bool hidden) {
  if (running_ && node.same(own_name_)) return done(true);
  if (!legal(node)) return done(false);
  {
    std::lock_guard lock(pending_mutex_);
    if (!is_connected(node)) {
      const auto [it, first] = pending_.try_emplace(node.word());
      if (first) it->second.hidden = hidden;
      it->second.waiting.push_back(std::move(done));
      if (first) asio::post(control_, [this, node, hidden] { start_attempt(node, hidden); });
      return;
    }
  }
  done(true);
}

std::vector<term> dist_controller::nodes(bool visible, bool hidden) const {
  std::vector<term> names;
  for (const auto& p : peers())
    if (!p->closed() && (p->visible() ? visible : hidden)) names.push_back(p->about().node);
  return names;
}

bool dist_controller::is_connected(term node) const {
  const auto p = find(node);
  return p && !p->closed();
}

bool dist_controller::is_busy(term node) const {
  const auto p = find(node);
  return p && p->busy();
}

bool dist_controller::disconnect_node(term node) {
  const auto p = find(node);
  if (!p || p->closed()) return false;
  p->close(atom("disconnect"));
  return true;
}

// ---- settings

void dist_controller::epmd_names(const std::string& host, std::function<void(result<node::names>)> done) {
  asio::post(control_, [this, host, done = std::move(done)] { ask_names(control_, config_, host, done); });
}

std::string dist_controller::cookie(const std::string& peer) const {
  std::lock_guard lock(settings_mutex_);
  const auto it = cookies_.find(peer);
  return it == cookies_.end() ? cookie_ : it->second;
}

void dist_controller::set_cookie(const std::string& peer, const std::string& cookie) {
  std::lock_guard lock(settings_mutex_);
  if (peer.empty()) cookie_ = cookie;
  else cookies_[peer] = cookie;
}

void dist_controller::allow(std::vector<std::string> nodes) {
  std::lock_guard lock(settings_mutex_);
  allowed_ = std::move(nodes);
}

}  // namespace cnode::node
