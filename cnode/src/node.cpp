#include <cnode/node/node.hpp>

#include <condition_variable>
#include <mutex>

#include <cnode/protocol/atom_table.hpp>
#include <cnode/protocol/local_node.hpp>

#include "io/dist_controller.hpp"
#include "io/event_poller.hpp"

namespace cnode::node {

struct node::impl {
  node_config config;
  event_poller* poller;  // owned by the runtime
  actors::runtime runtime;
  dist_controller controller;  // after the runtime: its connections live in the runtime's poller
  term name;
  bool started = false, stopped = false;
  std::function<void()> before_others, stopped_hook;

  std::mutex mutex;
  std::condition_variable stop_wanted;
  std::optional<int> status;

  explicit impl(node_config c)
      : config(std::move(c)), poller(nullptr), runtime(settings()), controller(config, runtime, *poller) {
    runtime.set_distribution(&controller);
  }
  // Processes that are left end with the runtime, after the controller.
  ~impl() { runtime.set_distribution(nullptr); }

  actors::runtime_config settings() {
    auto events = std::make_unique<event_poller>();
    poller = events.get();
    actors::runtime_config r;
    r.schedulers = config.schedulers;
    r.log = config.log;
    r.events = std::move(events);
    return r;
  }

  static peer_info describe(const peer_connection& p) {
    const auto& a = p.about();
    return {a.node,    p.visible(), a.outgoing,   a.handshake.peer_creation, a.handshake.negotiated,
            a.address, p.bytes_in(), p.bytes_out(), p.queued()};
  }
};

node::node(node_config config) : impl_(std::make_unique<impl>(std::move(config))) {}
node::~node() { stop(); }

std::optional<start_error> node::start(std::function<void(node&)> services) {
  auto& n = *impl_;
  if (auto e = complete_name(n.config)) return e;
  if (n.config.handle_signals) n.controller.on_signal([this] { request_stop(); });
  if (auto e = n.controller.open()) {
    n.controller.stop();
    return e;
  }
  n.name = atom(n.config.name);
  set_this_node(n.name, n.controller.creation());
  n.controller.begin(n.name);
  n.started = true;
  if (services) services(*this);
  n.runtime.start();
  if (n.before_others) n.before_others();
  n.controller.accept();
  return {};
}

void node::stop() {
  auto& n = *impl_;
  if (std::exchange(n.stopped, true)) return;
  n.controller.close_doors();
  if (n.started) n.runtime.stop();
  if (n.stopped_hook) n.stopped_hook();
  n.controller.stop();
}

void node::before_others(std::function<void()> f) { impl_->before_others = std::move(f); }
void node::at_stop(std::function<void()> f) { impl_->stopped_hook = std::move(f); }

void node::request_stop(int status) {
  std::lock_guard lock(impl_->mutex);
  if (!impl_->status) impl_->status = status;
  impl_->stop_wanted.notify_all();
}

int node::wait() {
  std::unique_lock lock(impl_->mutex);
  impl_->stop_wanted.wait(lock, [this] { return impl_->status.has_value(); });
  return *impl_->status;
}

actors::runtime& node::runtime() { return impl_->runtime; }
const node_config& node::config() const { return impl_->config; }
term node::name() const { return impl_->name; }
std::uint32_t node::creation() const { return impl_->controller.creation(); }
std::uint16_t node::port() const { return impl_->controller.port(); }

std::optional<peer_info> node::peer(term name) const {
  const auto p = impl_->controller.find(name);
  if (!p || p->closed()) return {};
  return impl::describe(*p);
}

std::vector<peer_info> node::peers() const {
  std::vector<peer_info> all;
  for (const auto& p : impl_->controller.peers())
    if (!p->closed()) all.push_back(impl::describe(*p));
  return all;
}

void node::connect(term name, std::function<void(bool)> done, bool hidden) {
  impl_->controller.connect(name, std::move(done), hidden);
}
bool node::disconnect(term name) { return impl_->controller.disconnect_node(name); }
std::chrono::milliseconds node::net_ticktime() const { return impl_->controller.net_ticktime(); }
bool node::net_ticktime_changing() const { return impl_->controller.net_ticktime_changing(); }
ticktime_change node::set_net_ticktime(std::chrono::milliseconds t, std::chrono::milliseconds transition) {
  return impl_->controller.set_net_ticktime(t, transition);
}
void node::epmd_names(const std::string& host, std::function<void(result<names>)> done) {
  impl_->controller.epmd_names(host, std::move(done));
}
std::string node::cookie(const std::string& peer) const { return impl_->controller.cookie(peer); }
void node::set_cookie(const std::string& peer, const std::string& cookie) { impl_->controller.set_cookie(peer, cookie); }
void node::allow(std::vector<std::string> nodes) { impl_->controller.allow(std::move(nodes)); }

}  // namespace cnode::node
