// sys:suspend and the others to many processes at once: all are asked, then the answers are waited for.
#include <chrono>

#include "session.hpp"

namespace cnode::release_handler {

routine<std::vector<system_answer>> ask_all(session& s, const terms& pids, const terms& requests, std::int64_t timeout_ms) {
  std::vector<system_answer> out(pids.size());
  const term ref = s.node().make_ref(s.heap());
  terms monitors;
  for (std::size_t i = 0; i < pids.size(); ++i) {
    // Who answers and whose DOWN it is: {Ref, Index} in both.
    const term tag = s.tuple(ref, small(static_cast<std::int64_t>(i)));
    actors::monitor_options how;
    how.tag = tag;
    monitors.push_back(s.keep(s.t.self().monitor(pids[i], how)));
    const term from = make_tuple_of(s.t.heap(), s.t.self().pid(), tag);
    s.t.self().send(pids[i], make_tuple_of(s.t.heap(), atom("system"), from, requests[i]));
  }
  const auto tag_of = [ref](term m) -> term {
    if (!m.is_tuple() || (m.size() != 2 && m.size() != 5)) return {};
    const term tag = m[0];
    return tag.is_tuple(2) && tag[1].is_small() && exactly_equal(tag[0], ref) ? tag : term{};
  };
  const talk::matcher ours = [tag_of](term m) { return static_cast<bool>(tag_of(m)); };
  std::vector<bool> done(pids.size(), false);
  std::size_t open = pids.size();
  while (open > 0) {
    const term m = co_await s.t.wait_for(ours, timeout_ms);
    if (!m) break;
    const auto i = static_cast<std::size_t>(tag_of(m)[1].small());
    if (i >= done.size() || done[i]) continue;
    done[i] = true;
    --open;
    if (m.size() == 2) out[i].value = s.keep(m[1]);
    else out[i].reason = s.keep(m[4]);
  }
  for (std::size_t i = 0; i < pids.size(); ++i) {
    s.t.self().demonitor(monitors[i], true);
    if (!done[i]) out[i].reason = atom("timeout");
  }
  co_return out;
}

}  // namespace cnode::release_handler
