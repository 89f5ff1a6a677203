#include "global_locks.hpp"

#include <algorithm>
#include <random>

#include <cnode/protocol/local_node.hpp>

#include "modules.hpp"

namespace cnode::services {

std::int64_t stall_limit(const actors::runtime& node) {
  const auto* host = host_of(node);
  return host ? std::clamp<std::int64_t>(host->net_ticktime().count() / 8, 2'000, 15'000) : 15'000;
}

routine<std::vector<server_answer>> ask_servers(talk& t, const std::vector<term>& nodes, const owned& request) {
  std::vector<server_answer> answers;
  std::vector<owned> refs;
  const term server = atom("global_name_server");
  for (const term node : nodes) {
    const term target = node.same(this_node().name) ? server : t.tuple(server, node);
    actors::monitor_options how;
    how.alias = actors::monitor_options::reply_demonitor;
    const owned ref(t.self().monitor(target, how));
    t.self().send(target, t.tuple(atom("$gen_call"), t.tuple(t.self().pid(), make_cons(t.heap(), atom("alias"), ref.get())), request.get()));
    refs.push_back(ref);
    answers.push_back({node});
  }
  const auto deadline = t.node().now() + std::chrono::milliseconds(stall_limit(t.node()));
  for (std::size_t i = 0; i < refs.size(); ++i) {
    const auto& ref = refs[i];
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - t.node().now()).count();
    const talk::matcher answer = [&ref](term got) {
      if (got.is_tuple(2)) return got[0].is_cons() && is(got[0].head(), "alias") && exactly_equal(got[0].tail(), ref.get());
      return got.is_tuple(5) && is(got[0], "DOWN") && exactly_equal(got[1], ref.get());
    };
    const term m = co_await t.wait_for(answer, std::max<std::int64_t>(left, 0));
    if (!m) answers[i].said = server_answer::silent;
    else if (m.is_tuple(2)) answers[i].said = is(m[1], "false") ? server_answer::no : server_answer::yes;
    t.self().demonitor(ref.get(), true);
  }
  co_return answers;
}

namespace {

owned request_of(talk& t, std::string_view what, const owned& id) { return owned(t.tuple(atom(what), id.get())); }

}  // namespace

routine<lock_attempt> set_lock_on(talk& t, const owned& id, const std::vector<term>& nodes) {
  if (nodes.empty()) co_return lock_attempt{true, {}};
  const bool here = std::any_of(nodes.begin(), nodes.end(), [](term n) { return n.same(this_node().name); });
  // A look at our own lock first, to see if the others need be troubled.
  if (const auto tables = tables_of(t.node()); here && nodes.size() > 1 && tables && !tables->can_lock(id.get()[0], id.get()[1])) co_return lock_attempt{};
  const owned request = request_of(t, "set_lock", id);
  const auto answers = co_await ask_servers(t, nodes, request);
  lock_attempt result{true, {}};
  std::vector<term> locked;
  for (const auto& a : answers) {
    if (a.said == server_answer::silent) result.silent.push_back(a.node);
    if (a.said == server_answer::yes) locked.push_back(a.node);
    if (a.said == server_answer::no || a.said == server_answer::silent) result.locked = false;
  }
  if (result.locked) co_return result;
  co_await del_lock(t, id, locked);
  // It may come to it yet; then this comes behind.
  for (const term node : result.silent)
    t.self().send(t.tuple(atom("global_name_server"), node),
                  t.tuple(atom("$gen_call"), t.tuple(t.self().pid(), t.node().make_ref(t.heap())), t.tuple(atom("del_lock"), id.get())));
  co_return result;
}

routine<bool> set_lock(talk& t, const owned& id, const std::vector<term>& nodes, std::int64_t retries) {
  for (int times = 1;; ++times) {
    const auto attempt = co_await set_lock_on(t, id, nodes);
    if (attempt.locked) co_return true;
    if (retries == 0) co_return false;
    if (retries > 0) --retries;
    co_await random_sleep(t, times);
  }
}

routine<bool> del_lock(talk& t, const owned& id, const std::vector<term>& nodes) {
  const owned request = request_of(t, "del_lock", id);
  if (!nodes.empty()) co_await ask_servers(t, nodes, request);
  co_return true;
}

routine<bool> delete_global_lock(talk& t, const owned& id, const std::vector<term>& nodes) {
  const std::vector<term> boss(1, the_boss(nodes));
  const auto others = without(nodes, boss);
  co_await del_lock(t, id, others);
  co_return co_await del_lock(t, id, boss);
}

term the_boss(const std::vector<term>& nodes) {
  return *std::max_element(nodes.begin(), nodes.end(), [](term a, term b) { return compare(a, b) < 0; });
}

routine<bool> random_sleep(talk& t, int times) {
  thread_local std::minstd_rand random(std::random_device{}());
  const std::int64_t most = times > 5 ? 8000 : (std::int64_t{1} << times) * 1000 / 8;
  const talk::matcher nothing = [](term) { return false; };
  co_await t.wait_for(nothing, std::uniform_int_distribution<std::int64_t>(1, most)(random));
  co_return true;
}

std::vector<term> without(std::vector<term> nodes, const std::vector<term>& others) {
  std::erase_if(nodes, [&](term n) { return std::any_of(others.begin(), others.end(), [&](term o) { return o.same(n); }); });
  return nodes;
}

}  // namespace cnode::services
