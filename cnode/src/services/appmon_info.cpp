// appmon_info: the applications and their processes, as observer's page of applications asks for them. start_link2 starts a server; to
//   {'$gen_cast', {From, app_ctrl, Node, true, Opts}}   it answers {delivery, Server, app_ctrl, Node, [{Master, Name, {Name, Text, Vsn}}]}
//   {'$gen_cast', {From, app, Name, true, Opts}}        and {delivery, Server, app, Name, {Root, [{Pid, Text}], Links, OtherLinks}}
// again whenever the answer has changed, until the same with false comes or all clients have gone. The tree is that of appmon_info.erl: processes
// linked with the master, and so on; a link to another than the parent is an "other" one.
#include <algorithm>
#include <chrono>
#include <deque>
#include <set>

#include "modules.hpp"
#include "routine.hpp"
#include "spawn.hpp"

namespace cnode::services {

namespace {

constexpr std::int64_t default_interval_ms = 2000;

routine<owned> applied_to(talk& t, std::string_view module, std::string_view function, term args) {
  const auto& a = co_await t.apply(atom(module), atom(function), args);
  owned value = a.value ? owned(a.value) : owned{};
  co_return value;
}

// An item of process_info; none when the process has ended.
routine<owned> item_of(talk& t, term pid, std::string_view item) {
  const owned got = co_await applied_to(t, "erlang", "process_info", t.list(pid, atom(item)));
  owned value = got.get() && got.get().is_tuple(2) ? owned(got.get()[1]) : owned{};
  co_return value;
}

routine<owned> shown(talk& t, term pid) {
  if (pid.is_local_pid()) {
    const owned name = co_await item_of(t, pid, "registered_name");
    if (name.get() && name.get().is_atom()) co_return owned(make_charlist(t.heap(), atom_text(name.get())));
  }
  owned text = co_await applied_to(t, "erlang", "pid_to_list", t.list(pid));
  if (pid.is_local_pid()) co_return text;
  std::string with_node;
  to_string(text.get(), with_node);
  co_return owned(make_charlist(t.heap(), with_node + " " + std::string(atom_text(node_of(pid).node))));
}

class tree {
 public:
  explicit tree(term root) { queue_.push_back(owned(root)); }

  routine<owned> found(talk& t) {
    const owned root = queue_.front();
    const owned leader = co_await item_of(t, root.get(), "group_leader");
    while (!queue_.empty()) {
      const owned pid = queue_.front();
      queue_.pop_front();
      if (!processes_.insert(pid).second || !pid.get().is_local_pid()) continue;
      const owned links = co_await item_of(t, pid.get(), "links");
      for (term l = links.get() ? links.get() : nil; l.is_cons(); l = l.tail()) {
        const owned child(l.head());
        co_await add(t, pid, child, leader);
      }
    }
    const owned text = co_await shown(t, root.get());
    term list = nil;
    for (const auto& p : processes_) {
      const owned name = co_await shown(t, p.get());
      list = make_cons(t.heap(), t.tuple(p.get(), copy(t.heap(), name.get())), list);
    }
    const owned primary = co_await named(t, links_);
    const owned other = co_await named(t, other_links_);
    co_return owned(t.tuple(text.get(), list, primary.get(), other.get()));
  }

 private:
  using link_set = std::set<std::pair<owned, owned>>;

  routine<void> add(talk& t, const owned& parent, const owned& child, const owned& leader) {
    const term pid = child.get();
    if (!pid.is_pid() || processes_.count(child) || pid.same(t.self().pid())) co_return;
    if (!pid.is_local_pid()) {
      other_links_.emplace(parent, child);
      queue_.push_back(child);
      co_return;
    }
    if (pid.same(t.node().whereis(atom("application_controller"))) || pid.same(t.node().whereis(atom("init")))) co_return;
    const owned dictionary = co_await item_of(t, pid, "dictionary");
    for (term l = dictionary.get() ? dictionary.get() : nil; l.is_cons(); l = l.tail()) {
      if (!l.head().is_tuple(2) || !is(l.head()[0], "$ancestors") || !l.head()[1].is_cons()) continue;
      const term first = l.head()[1].head();
      const term ancestor = first.is_atom() ? t.node().whereis(first) : first;
      if (ancestor && ancestor.is_local_pid() && !t.node().alive(ancestor)) break;  // who started it has gone
      if (ancestor && ancestor.same(parent.get())) queue_.push_back(child), links_.emplace(parent, child);
      else other_links_.emplace(parent, child);
      co_return;
    }
    const owned its_leader = co_await item_of(t, pid, "group_leader");
    if (its_leader.get() && leader.get() && !exactly_equal(its_leader.get(), leader.get())) co_return;
    const bool waits = std::find(queue_.begin(), queue_.end(), child) != queue_.end();
    if (!waits) queue_.push_back(child);
    (waits ? other_links_ : links_).emplace(parent, child);
  }

  routine<owned> named(talk& t, const link_set& set) {
    term list = nil;
    for (const auto& [from, to] : set) {
      const owned a = co_await shown(t, from.get());
      const owned b = co_await shown(t, to.get());
      list = make_cons(t.heap(), t.tuple(copy(t.heap(), a.get()), copy(t.heap(), b.get())), list);
    }
    co_return owned(list);
  }

  std::deque<owned> queue_;
  std::set<owned> processes_;
  link_set links_, other_links_;
};

// The process at an application's root; none when there is none.
routine<owned> root_of(talk& t, term application) {
  const owned master = co_await applied_to(t, "application_controller", "get_master", t.list(application));
  if (master.get() && master.get().is_pid()) co_return master;
  // The node's own run without a master.
  const term supervisor = is(application, "kernel") ? atom("kernel_sup") : is(application, "cnode") ? atom("cnode_sup") : term{};
  const term pid = supervisor ? t.node().whereis(supervisor) : term{};
  co_return pid ? owned(pid) : owned{};
}

routine<owned> applications(talk& t) {
  const owned all = co_await applied_to(t, "application", "which_applications", nil);
  term list = nil;
  for (term l = all.get() ? all.get() : nil; l.is_cons(); l = l.tail()) {
    if (!l.head().is_tuple(3)) continue;
    const owned root = co_await root_of(t, l.head()[0]);
    if (root.get()) list = make_cons(t.heap(), t.tuple(root.get(), l.head()[0], l.head()), list);
  }
  co_return owned(list);
}

routine<owned> tree_of(talk& t, term application) {
  const owned root = co_await root_of(t, application);
  if (!root.get()) co_return owned(t.tuple(nil, nil, nil, nil));
  tree processes(root.get());
  owned all = co_await processes.found(t);
  co_return all;
}

struct task_of_client {
  owned command, about, client, last;
  std::int64_t interval_ms;  // negative: once
  std::chrono::steady_clock::time_point due;
};

routine<void> work(talk& t, task_of_client& w) {
  const heap_use use(t);
  const bool all = is(w.command.get(), "app_ctrl");
  auto made = all ? applications(t) : tree_of(t, w.about.get());
  const owned result = co_await made;
  if (!w.last.get() || !exactly_equal(w.last.get(), result.get()))
    t.self().send(w.client.get(), t.tuple(atom("delivery"), t.self().pid(), w.command.get(), w.about.get(), result.get()));
  w.last = result;
  w.due = t.node().now() + std::chrono::milliseconds(w.interval_ms);
}

std::int64_t interval_of(term options) {
  for (; options.is_cons(); options = options.tail())
    if (const term o = options.head(); o.is_tuple(2) && is(o[0], "timeout")) return is(o[1], "at_most_once") ? -1 : o[1].is_small() ? std::max<std::int64_t>(o[1].small(), 10) : default_interval_ms;
  return default_interval_ms;
}

routine<term> serve(talk& t, owned client) {
  t.self().set_trap_exit(true);
  t.self().link(client.get());
  std::vector<task_of_client> tasks;
  const talk::matcher any = [](term) { return true; };
  for (;;) {
    std::int64_t wait = -1;
    for (const auto& w : tasks) {
      const auto left = std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::milliseconds>(w.due - t.node().now()).count() + 1);
      wait = wait < 0 ? left : std::min(wait, left);
    }
    const term message = co_await t.wait_for(any, wait);
    const owned m = message ? owned(message) : owned{};
    if (!m.get()) {
      for (auto& w : tasks)
        if (w.due <= t.node().now()) co_await work(t, w);
      continue;
    }
    if (m.get().is_tuple(3) && is(m.get()[0], "EXIT")) co_return ok();
    const term cast = m.get().is_tuple(2) && is(m.get()[0], "$gen_cast") ? m.get()[1] : term{};
    if (!cast || !cast.is_tuple(5) || !cast[0].is_pid() || !(is(cast[1], "app_ctrl") || is(cast[1], "app"))) continue;
    task_of_client w{owned(cast[1]), owned(cast[2]), owned(cast[0]), {}, interval_of(cast[4]), {}};
    std::erase_if(tasks, [&](const task_of_client& o) { return o.command == w.command && o.about == w.about && o.client == w.client; });
    if (!is(cast[3], "true")) continue;
    co_await work(t, w);
    if (w.interval_ms >= 0) tasks.push_back(std::move(w));
  }
}

term serve_1(call& c) {
  return run_routine(c, [&](talk& t) { return serve(t, owned(c[0])); });
}
term start_link2_3(call& c) {
  if (!c[1].is_pid()) return c.badarg();
  return c.tuple(ok(), spawn_here(c, {atom("appmon_info"), atom("serve"), c.list(c[1]), {}}));
}

constexpr builtin table[] = {{"start_link2", 3, bif<start_link2_3>}, {"serve", 1, bif<serve_1>}};

}  // namespace

void add_appmon_functions(actors::code_server& code) { code.add_builtin("appmon_info", table); }

}  // namespace cnode::services
