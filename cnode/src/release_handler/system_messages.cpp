// sys:suspend and the others to many processes at once. A process of a behaviour is asked on its own thread, without a message or a monitor:
// for as long as that takes all of them stand still. Who cannot do it just then, or is of another kind, is sent sys's message.
#include <atomic>
#include <thread>

#include "session.hpp"

namespace cnode::release_handler {

namespace {

// What becomes of one request: its process's thread answers, unless the handler has given it up before.
struct pending {
  enum state : std::uint8_t { open, answering, answered, by_message, given_up };
  std::atomic<state> now{open};
  block_ptr answer;  // none: ok
  std::shared_ptr<actors::saved_state> before;  // once it is saved
  std::atomic<bool> saved{false};

  bool take(state s) {
    auto expected = open;
    return now.compare_exchange_strong(expected, s);
  }
};

struct pending_requests {
  pending_requests(term r, std::size_t n, save_before s) : request(copy_to_block(r)), save(s), all(n) {}
  const block_ptr request;
  const save_before save;
  std::vector<pending> all;
  std::atomic<std::size_t> progress{0};
};

// Held by whoever has still to answer; the handler hears of it when the last one lets go.
struct questions {
  std::shared_ptr<pending_requests> requests;
  std::function<void()> done;
};

void ask_here(actors::process& p, const std::shared_ptr<questions>& q, std::size_t i) {
  auto& one = q->requests->all[i];
  if (one.now.load() != pending::open) return;
  std::function<void(term)> answered = [q, i](term t) {
    auto& answering = q->requests->all[i];
    if (!answering.take(pending::answering)) return;
    if (!release::is(t, "ok")) answering.answer = copy_to_block(t);
    answering.now.store(pending::answered);
    q->requests->progress.fetch_add(1);
  };
  auto* behaviour = dynamic_cast<actors::upgradable*>(p.current_behaviour());
  if (behaviour && q->requests->save == save_before::yes) {
    one.before = behaviour->save(p);
    one.saved.store(true);
  }
  if (!behaviour || !behaviour->system_request(p, q->requests->request->root, answered)) one.take(pending::by_message);
}

// The answers of those that could do it at once; the others are left without answer and reason.
routine<std::vector<system_answer>> ask_here(session& s, const terms& pids, term request, std::int64_t timeout_ms, save_before save) {
  std::vector<system_answer> out(pids.size());
  const auto requests = std::make_shared<pending_requests>(request, pids.size(), save);
  const std::function<void(std::function<void()>)> start = [&](std::function<void()> done) {
    const auto q = std::make_shared<questions>(requests, std::move(done));
    for (std::size_t i = 0; i < pids.size(); ++i) s.node().run_in(pids[i], [q, i](actors::process& p) { ask_here(p, q, i); });
  };
  const std::function<std::size_t()> progress = [&] { return requests->progress.load(); };
  const bool all = co_await s.finished(start, timeout_ms, progress);
  for (std::size_t i = 0; i < pids.size(); ++i) {
    auto& one = requests->all[i];
    if (!all && one.take(pending::given_up)) out[i].reason = atom("timeout");
    while (one.now.load() == pending::answering) std::this_thread::yield();
    if (one.now.load() == pending::answered) out[i].value = one.answer ? s.keep(one.answer->root) : atom("ok");
    if (one.saved.load()) out[i].before = std::move(one.before);
  }
  co_return out;
}

// By messages of sys, with monitors: to those that have neither answer nor reason yet.
routine<void> ask_by_messages(session& s, const terms& pids, term request, std::int64_t timeout_ms, std::vector<system_answer>& out) {
  const term ref = s.node().make_ref(s.heap());
  std::vector<term> monitors(pids.size());
  std::size_t open = 0;
  for (std::size_t i = 0; i < pids.size(); ++i) {
    if (out[i].value || out[i].reason) continue;
    // Who answers and whose DOWN it is: {Ref, Index} in both.
    const term tag = s.tuple(ref, small(static_cast<std::int64_t>(i)));
    actors::monitor_options how;
    how.tag = tag;
    monitors[i] = s.keep(s.t.self().monitor(pids[i], how));
    const term from = make_tuple_of(s.t.heap(), s.t.self().pid(), tag);
    s.t.self().send(pids[i], make_tuple_of(s.t.heap(), atom("system"), from, request));
    ++open;
  }
  const auto tag_of = [ref](term m) -> term {
    if (!m.is_tuple() || (m.size() != 2 && m.size() != 5)) return {};
    const term tag = m[0];
    return tag.is_tuple(2) && tag[1].is_small() && exactly_equal(tag[0], ref) ? tag : term{};
  };
  const talk::matcher ours = [tag_of](term m) { return static_cast<bool>(tag_of(m)); };
  while (open > 0) {
    const term m = co_await s.t.wait_for(ours, timeout_ms);
    if (!m) break;
    const auto i = static_cast<std::size_t>(tag_of(m)[1].small());
    if (i >= out.size() || out[i].value || out[i].reason) continue;
    --open;
    if (m.size() == 2) out[i].value = s.keep(m[1]);
    else out[i].reason = s.keep(m[4]);
  }
  for (std::size_t i = 0; i < pids.size(); ++i) {
    if (!monitors[i]) continue;
    s.t.self().demonitor(monitors[i], true);
    if (!out[i].value && !out[i].reason) out[i].reason = atom("timeout");
  }
}

}  // namespace

routine<std::vector<system_answer>> ask_all(session& s, const terms& pids, term request, std::int64_t timeout_ms, save_before save) {
  auto out = co_await ask_here(s, pids, request, timeout_ms, save);
  co_await ask_by_messages(s, pids, request, timeout_ms, out);
  co_return out;
}

}  // namespace cnode::release_handler
