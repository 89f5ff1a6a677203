// Which processes there are and which modules they run: asked from supervisor to supervisor, as release_handler_1:get_supervised_procs/0.
#include <cnode/actors/applications.hpp>

#include "session.hpp"

namespace cnode::release_handler {

namespace {

using found = std::vector<supervised_process>;

// An exit that says no more than that the process is gone.
bool gone(const applied& a) {
  if (a.value || !release::is(a.error_class, "exit")) return false;
  if (release::is(a.reason, "timeout")) return false;
  return !a.reason.is_tuple() || a.reason.size() == 0 || (!release::is(a.reason[0], "nodedown") && !release::is(a.reason[0], "timeout"));
}

// {status, Pid, {module, M}, [PDict, SysState, Parent, Debug, Misc]}
term item_of(term status, unsigned index) {
  if (!status.is_tuple(4)) return {};
  term l = status[3];
  for (; l.is_cons() && index > 0; --index) l = l.tail();
  return l.is_cons() ? l.head() : term{};
}

// What a supervisor says about itself and its children. `callback`: none when it does not say.
struct supervisor_view {
  term callback;
  terms children;
};

// Whom not to ask, because he may be suspended; null: everybody is asked.
using known_processes = const std::unordered_set<cnode_term>*;

routine<supervisor_view> look_at(session& s, term pid, term name, known_processes known) {
  supervisor_view out;
  const term only = s.list(pid);
  const auto status = co_await s.apply("sys", "get_status", only);
  if (gone(status)) co_return out;
  const term state = status.value ? item_of(status.value, 1) : term{};
  if (!state) throw failure{s.tuple(atom("which_children_failed"), name, pid, status.caught(s.heap()))};
  if (release::is(state, "suspended")) {
    if (known && known->contains(pid.word())) co_return out;  // it starts nobody
    s.log(actors::log_level::error, "the supervisor " + release::text_of(name) + " is suspended and cannot be asked for its children");
    throw failure{atom("suspended_supervisor")};
  }
  out.callback = callback_of_status(status.value);
  const auto children = co_await s.apply("supervisor", "which_children", only);
  if (children.value) out.children = release::elements(children.value);
  else if (!gone(children)) throw failure{atom("which_children_failed")};
  co_return out;
}

// gen:call(Pid, self(), get_modules): a gen_event names its handlers.
routine<terms> dynamic_modules(session& s, term pid) {
  const term me = s.t.self().pid(), words = atom("get_modules");
  const term args = s.list(pid, me, words);
  const auto a = co_await s.apply("gen", "call", args);
  if (release::is_tagged(a.value ? a.value : nil, "ok", 2)) co_return release::elements(a.value[1]);
  if (!gone(a)) throw failure{atom("get_modules_failed")};
  co_return terms{};
}

routine<void> collect(session& s, term supervisor, terms children, known_processes known, found& out) {
  for (const term c : children) {
    if (!c.is_tuple(4) || !c[1].is_pid()) continue;
    const bool is_supervisor = release::is(c[2], "supervisor");
    if (!known || !known->contains(c[1].word())) {
      supervised_process p{supervisor, c[0], c[1], {}, is_supervisor};
      if (c[3].is_list()) p.modules = release::elements(c[3]);
      else if (release::is(c[3], "dynamic")) p.modules = co_await dynamic_modules(s, c[1]);
      out.push_back(p);
    }
    if (!is_supervisor) continue;
    const auto below = co_await look_at(s, c[1], c[0], known);
    co_await collect(s, c[1], below.children, known, out);
  }
}

}  // namespace

term callback_of_status(term status) {
  for (term l = item_of(status, 4); l && l.is_cons(); l = l.tail())
    if (release::is_tagged(l.head(), "supervisor", 2) && l.head()[1].is_cons() && l.head()[1].head().is_tuple(2)) return l.head()[1].head()[1];
  return {};
}

term supervised_process::to_term(block& b) const { return make_tuple_of(b, supervisor, name, pid, release::list_of(b, modules)); }

namespace {

routine<found> processes(session& s, known_processes known) {
  found out;
  const term none = atom("undefined");
  const auto applications = actors::running_applications(s.node());
  for (const auto& app : applications) {
    if (!app.master.is_pid()) continue;
    const term args = s.list(app.master);
    const auto child = co_await s.apply("application_master", "get_child", args);
    if (!child.value || !child.value.is_tuple(2) || !child.value[0].is_pid()) continue;
    const term top = child.value[0];
    const auto view = co_await look_at(s, top, app.name, known);
    if (view.callback && view.callback.is_atom()) out.push_back({none, none, top, {view.callback}, true});
    else if (!known) s.log(actors::log_level::error, "cannot find the top supervisor of application " + release::text_of(app.name));
    co_await collect(s, top, view.children, known, out);
  }
  // The processes of --start.
  if (const term own = s.node().whereis(atom("cnode_sup"))) {
    const auto view = co_await look_at(s, own, atom("cnode_sup"), known);
    co_await collect(s, own, view.children, known, out);
  }
  co_return out;
}

}  // namespace

routine<std::vector<supervised_process>> supervised_processes(session& s) { return processes(s, nullptr); }
routine<std::vector<supervised_process>> new_supervised_processes(session& s, const std::unordered_set<cnode_term>& known) {
  return processes(s, &known);
}

}  // namespace cnode::release_handler
