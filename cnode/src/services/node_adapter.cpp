// What the services ask of a node, answered by node::node.
#include <chrono>
#include <future>
#include <memory>
#include <mutex>
#include <vector>

#include <cnode/node/node.hpp>

#include <cnode/actors/applications.hpp>
#include <cnode/actors/sys.hpp>
#include <cnode/protocol/dist_flags.hpp>

#include "services.hpp"

namespace cnode::services {

namespace {

constexpr std::chrono::seconds patience{10};

class node_adapter final : public node_host {
 public:
  node_adapter(node::node& n, std::vector<std::string> arguments) : node_(n), arguments_(std::move(arguments)) {}
  actors::runtime& runtime() override { return node_.runtime(); }
  std::string cookie(const std::string& peer) const override { return node_.cookie(peer); }
  void set_cookie(const std::string& peer, const std::string& cookie) override { node_.set_cookie(peer, cookie); }
  std::chrono::milliseconds net_ticktime() const override { return node_.net_ticktime(); }
  bool net_ticktime_changing() const override { return node_.net_ticktime_changing(); }
  ticktime_change set_net_ticktime(std::chrono::milliseconds t, std::chrono::milliseconds transition) override {
    switch (node_.set_net_ticktime(t, transition)) {
      case node::ticktime_change::unchanged: return ticktime_change::unchanged;
      case node::ticktime_change::change_initiated: return ticktime_change::change_initiated;
      case node::ticktime_change::ongoing_change_to: break;
    }
    return ticktime_change::ongoing_change_to;
  }
  bool long_names() const override { return node_.config().long_names; }
  std::vector<peer> peers() const override {
    std::vector<peer> out;
    for (const auto& p : node_.peers()) out.push_back({p.name, p.address, p.visible, p.bytes_in, p.bytes_out});
    return out;
  }
  void connect(term node, bool hidden, std::function<void(bool)> done) override { node_.connect(node, std::move(done), hidden); }
  bool disconnect(term node) override { return node_.disconnect(node); }
  void allow(std::vector<std::string> nodes) override { node_.allow(std::move(nodes)); }
  void epmd_names(std::string host, names_done done) override { node_.epmd_names(std::move(host), std::move(done)); }
  std::vector<std::string> arguments() const override { return arguments_; }
  void stop(int status) override { node_.request_stop(status); }

 private:
  node::node& node_;
  std::vector<std::string> arguments_;
};

}  // namespace

void start(node::node& n, const start_options& options) {
  // A program has one node at a time and ends with it; the adapter stays so that late callers find it.
  static std::mutex lock;
  static std::vector<std::unique_ptr<node_adapter>> adapters;
  std::lock_guard guard(lock);
  auto& host = *adapters.emplace_back(std::make_unique<node_adapter>(n, options.arguments));
  // Only OTP 28 and later offer this; what is older shows in the size of its aliases.
  actors::sys::set_otp_release_of_node([&n](term node) {
    const auto p = n.peer(node);
    return p && p->flags & dist::dist_flag::altact_sig ? 28 : 0;
  });
  add_node_builtins(host);
  actors::configure_applications(n.runtime(), options.config);
  auto there = start_services(host).share();
  n.before_others([&n, there] {
    if (there.wait_for(patience) == std::future_status::timeout)
      n.runtime().log(actors::log_level::error, "net_kernel, rex, global_name_server: not all have begun, and other nodes come in");
  });
}

}  // namespace cnode::services
