// What the services ask of a node, answered by node::node.
#include <fstream>
#include <iterator>
#include <memory>
#include <mutex>
#include <vector>

#include <cnode/node/node.hpp>

#include "services.hpp"

namespace cnode::services {

namespace {

class node_adapter final : public node_host {
 public:
  explicit node_adapter(node::node& n) : node_(n) {}
  actors::runtime& runtime() override { return node_.runtime(); }
  std::string cookie(const std::string& peer) const override { return node_.cookie(peer); }
  void set_cookie(const std::string& peer, const std::string& cookie) override { node_.set_cookie(peer, cookie); }
  std::chrono::milliseconds net_ticktime() const override { return node_.net_ticktime(); }
  void set_net_ticktime(std::chrono::milliseconds t) override { node_.set_net_ticktime(t); }
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
  std::vector<std::string> arguments() const override {
    std::ifstream file("/proc/self/cmdline", std::ios::binary);
    const std::string all{std::istreambuf_iterator<char>(file), {}};
    std::vector<std::string> out;
    for (std::size_t at = 0; at < all.size(); at += out.back().size() + 1) out.emplace_back(all.c_str() + at);
    if (!out.empty()) out.erase(out.begin());
    return out;
  }
  void stop(int status) override { node_.request_stop(status); }

 private:
  node::node& node_;
};

}  // namespace

void start(node::node& n) {
  // A program has one node at a time and ends with it; the adapter stays so that late callers find it.
  static std::mutex lock;
  static std::vector<std::unique_ptr<node_adapter>> adapters;
  std::lock_guard guard(lock);
  auto& host = *adapters.emplace_back(std::make_unique<node_adapter>(n));
  add_node_builtins(host);
  start_services(host);
}

}  // namespace cnode::services
