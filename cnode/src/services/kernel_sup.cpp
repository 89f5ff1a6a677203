#include "kernel_sup.hpp"

#include <chrono>
#include <deque>
#include <utility>

#include <cnode/protocol/term_text.hpp>

#include "modules.hpp"
#include "pg.hpp"
#include "service.hpp"

namespace cnode::services {

namespace {

using clock = std::chrono::steady_clock;

constexpr std::int64_t look_again_ms = 1;
constexpr std::size_t safe_intensity = 4;
constexpr std::chrono::hours safe_period{1};

class kernel_sup final : public service {
 public:
  kernel_sup(node_host& host, std::promise<void> began) : service("kernel_sup"), host_(host), began_(std::move(began)) {
    for (const char* name : {"net_kernel", "rex", "logger_proxy"}) children_.push_back({atom(name), {}, true});
    if (const auto gen_server = host.runtime().code().find(atom("gen_server"), atom("start"), 4)) {
      gen_server.version->release();
      children_.push_back({atom("global_name_server"), {}, true});
    }
    if (pg_wanted(host.runtime())) children_.push_back({atom("pg"), {}, false});
  }

 private:
  struct child {
    term name, pid;
    bool permanent;  // the node ends with it
  };

  void start(actors::process& self) override {
    service::start(self);
    link_to_children(self);
  }

  void timeout(actors::process& self) override { link_to_children(self); }

  void link_to_children(actors::process& self) {
    bool missing = false;
    for (auto& c : children_) {
      if (c.pid) continue;
      c.pid = self.node().whereis(c.name);
      if (c.pid) self.link(c.pid);
      else missing = true;
    }
    if (missing) return self.set_timeout(look_again_ms);
    if (!std::exchange(told_, true)) began_.set_value();
  }

  void handle_info(actors::process& self, term m) override {
    // shutdown: the node stops, and all with it.
    if (!m.is_tuple(3) || !is(m[0], "EXIT") || is(m[2], "shutdown")) return;
    for (auto& c : children_) {
      if (!c.pid || !c.pid.same(m[1])) continue;
      c.pid = {};
      if (!c.permanent && may_restart()) {
        self.node().log(actors::log_level::error, std::string(atom_text(c.name)) + " ended and is started again: " + to_text(m[2]));
        start_pg(self.node());
        break;
      }
      self.node().log(actors::log_level::error, "Kernel pid terminated: " + std::string(atom_text(c.name)) + " ended: " + to_text(m[2]));
      host_.stop(1);
      return;
    }
    link_to_children(self);
  }

  bool may_restart() {
    const auto now = clock::now();
    while (!restarts_.empty() && now - restarts_.front() > safe_period) restarts_.pop_front();
    restarts_.push_back(now);
    return restarts_.size() <= safe_intensity;
  }

  // supervisor:which_children/1, count_children/1
  bool handle_call(actors::process& self, term, term request, term& reply) override {
    auto& b = self.scratch();
    if (is(request, "which_children")) {
      std::vector<term> all;
      for (const auto& c : children_)
        all.push_back(make_tuple_of(b, c.name, c.pid ? c.pid : atom("restarting"), atom("worker"), make_list_of(b, c.name)));
      return reply = make_list(b, all.data(), all.size()), true;
    }
    if (is(request, "count_children")) {
      std::int64_t active = 0;
      for (const auto& c : children_) active += bool(c.pid);
      const auto n = static_cast<std::int64_t>(children_.size());
      const auto count = [&](const char* what, std::int64_t number) { return make_tuple_of(b, atom(what), small(number)); };
      return reply = make_list_of(b, count("specs", n), count("active", active), count("supervisors", 0), count("workers", n)), true;
    }
    return false;
  }

  node_host& host_;
  std::promise<void> began_;
  bool told_ = false;  // began_ is set
  std::vector<child> children_;
  std::deque<clock::time_point> restarts_;  // of pg
};

}  // namespace

std::future<void> start_kernel_sup(node_host& host) {
  std::promise<void> began;
  auto there = began.get_future();
  spawn_service(host.runtime(), "kernel_sup", std::make_unique<kernel_sup>(host, std::move(began)));
  return there;
}

}  // namespace cnode::services
