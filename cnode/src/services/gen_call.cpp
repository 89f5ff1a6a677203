#include "gen_call.hpp"

#include <atomic>

#include <cnode/protocol/term_order.hpp>

namespace cnode::services {

bool timeout_of(term t, std::int64_t& ms) {
  if (is(t, "infinity")) {
    ms = -1;
    return true;
  }
  if (!t.is_small() || t.small() < 0 || t.small() > 0xffffffff) return false;
  ms = t.small();
  return true;
}

term gen_call(call& c, term server, term request, std::int64_t timeout_ms, after_call then) {
  auto& self = c.self();
  actors::monitor_options options;
  options.alias = actors::monitor_options::reply_demonitor;
  const auto ref = keep(self.monitor(server, options));
  const term tag = make_cons(c.heap(), atom("alias"), get(ref));
  self.send(server, c.tuple(atom("$gen_call"), c.tuple(self.pid(), tag), request));
  auto matches = [ref](term m) {
    if (m.is_tuple(2)) return m[0].is_cons() && is(m[0].head(), "alias") && exactly_equal(m[0].tail(), get(ref));
    return m.is_tuple(5) && is(m[0], "DOWN") && exactly_equal(m[1], get(ref));
  };
  return c.wait(when(matches,
                     [ref, then = std::move(then)](call& again, term m) {
                       if (m && m.is_tuple(5)) return then(again, {}, m[4]);
                       again.self().demonitor(get(ref), true);
                       return then(again, m ? m[1] : term{}, {});
                     }),
                timeout_ms);
}

namespace {

// One answer, by whoever holds a copy last if nobody gave one.
struct answer_slot {
  actors::runtime* node;
  term to;
  kept ref, lost;
  std::atomic<bool> given{false};

  void give(const std::function<term(block&)>& build) {
    if (given.exchange(true)) return;
    auto b = block::make(24);
    const term value = build(*b);
    b->root = make_tuple_of(*b, atom("$services_answer"), copy(*b, get(ref)), value);
    node->send(to, std::move(b));
  }
  ~answer_slot() {
    give([this](block& b) { return copy(b, get(lost)); });
  }
};

}  // namespace

term await(call& c, term lost, const std::function<void(give_answer)>& start, std::function<term(call&, term)> then) {
  auto slot = std::make_shared<answer_slot>();
  slot->node = &c.node();
  slot->to = c.self().pid();
  slot->ref = keep(c.node().make_ref(c.heap()));
  slot->lost = keep(lost);
  const auto ref = slot->ref;
  start([slot](const std::function<term(block&)>& build) { slot->give(build); });
  slot.reset();
  return c.wait(when([ref](term m) { return m.is_tuple(3) && is(m[0], "$services_answer") && exactly_equal(m[1], get(ref)); },
                     [then = std::move(then)](call& again, term m) { return then(again, m[2]); }));
}

}  // namespace cnode::services
