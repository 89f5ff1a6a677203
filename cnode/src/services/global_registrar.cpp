#include <cnode/protocol/local_node.hpp>
#include <cnode/protocol/term_text.hpp>

#include "application.hpp"
#include "global_locker.hpp"
#include "global_locks.hpp"
#include "service.hpp"

namespace cnode::services {

namespace {

// As global_locker.hpp has them; whoever knows our pid can send anything.
bool is_order(term what) {
  if (what.is_tuple(2)) return is(what[0], "unregister");
  if (what.is_tuple(4)) return (is(what[0], "register") || is(what[0], "re_register")) && what[2].is_pid();
  return what.is_tuple(5) && is(what[0], "register_ext") && what[2].is_pid() && what[4].is_atom();
}

class registrar final : public routine_process {
 public:
  registrar() : routine_process("loop_the_registrar") {}

 private:
  routine<void> main() override {
    for (;;) {
      const matcher order = [](term got) { return got.is_tuple(3) && is(got[0], "trans_all_known"); };
      const term m = co_await wait_for(order);
      if (!is_order(m[1]) || !is_from(m[2])) continue;
      const owned what(m[1]), from(m[2]);
      const auto id = owned(tuple(atom("global"), self().pid()));
      const auto nodes = co_await set_lock_known(id);
      const term result = co_await run(nodes, what);
      co_await delete_global_lock(*this, id, nodes);
      self().send(reply_target(from.get()), tuple(from.get()[1], result));
    }
  }

  // The lock on all known nodes, when no new one has become known meanwhile.
  routine<std::vector<term>> set_lock_known(const owned& id) {
    for (int times = 0;; ++times) {
      auto nodes = known();
      const auto before = nodes;
      nodes.insert(nodes.begin(), this_node().name);
      const std::vector<term> boss{the_boss(nodes)};
      const auto first = co_await set_lock_on(*this, id, boss);
      if (first.locked) {
        const auto all = co_await set_lock_on(*this, id, nodes);
        if (all.locked && without(known(), before).empty()) co_return nodes;
        const auto& locked = all.locked ? nodes : boss;
        co_await del_lock(*this, id, locked);
      }
      co_await random_sleep(*this, times);
    }
  }

  routine<term> run(const std::vector<term>& nodes, const owned& what) {
    const term w = what.get();
    const bool remove = is(w[0], "unregister"), again = is(w[0], "re_register"), external = is(w[0], "register_ext");
    if (!remove && !again && (taken(w[1]) || (!external && has_name(w[1], w[2])))) co_return atom("no");
    const owned request(again ? tuple(atom("register"), w[1], w[2], w[3]) : w);
    co_await ask_servers(*this, nodes, request);
    co_return remove ? ok() : atom("yes");
  }

  bool taken(term name) {
    const auto t = tables_of(node());
    return t && t->whereis(node(), heap(), name);
  }
  // global:check_dupname/2
  bool has_name(term name, term pid) {
    const auto t = tables_of(node());
    const auto others = t ? t->names_of(pid) : std::vector<owned>{};
    if (others.empty()) return false;
    const auto action = environment_of(node()).get(atom("kernel"), atom("global_multi_name_action"));
    if (action && is(get(action), "allow")) return false;
    std::string text = "global: " + to_text(pid) + " registered under several names: [" + to_text(name);
    for (const auto& o : others) text += "," + to_text(o.get());
    node().log(actors::log_level::error, text + "]");
    return true;
  }
  std::vector<term> known() const {
    const auto t = tables_of(node());
    return t ? t->known_nodes() : std::vector<term>{};
  }
};

}  // namespace

std::unique_ptr<actors::behaviour> make_registrar() { return std::make_unique<registrar>(); }

}  // namespace cnode::services
