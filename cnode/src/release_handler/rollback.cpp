// The way back: what is remembered before a script, and how everything becomes what it was.
#include <algorithm>

#include <cnode/actors/applications.hpp>
#include <cnode/protocol/local_node.hpp>
#include <cnode/protocol/term_text.hpp>

#include "evaluator.hpp"

namespace cnode::release_handler {

using release::is;
using release::is_tagged;

namespace {

// The application_controller's own list: [{Name, Type}] of those that have been started.
terms started_applications(term info) {
  for (term l = info; l.is_cons(); l = l.tail())
    if (is_tagged(l.head(), "started", 2)) return release::elements(l.head()[1]);
  return {};
}

bool names(const terms& list, term name) {
  return std::any_of(list.begin(), list.end(), [name](term t) { return t.is_tuple(2) && t[0].same(name); });
}

}  // namespace

routine<void> evaluator::remember_applications() {
  const auto info = co_await s_.apply("application", "info", nil);
  if (info.value) running_ = started_applications(info.value);
}

routine<void> evaluator::take_back(term reason) {
  s_.log(actors::log_level::error, "the upgrade failed and is taken back: " + to_text(reason));
  tell_other_nodes();
  co_await processes_.stand_still();  // while their code changes under them
  co_await code_.put_back();
  if (on_rollback) co_await on_rollback();
  actors::restore_applications(s_.node(), *applications_);
  co_await processes_.restore();
  co_await restore_applications();
  co_await processes_.go_on();
}

routine<void> evaluator::restore_applications() {
  const auto info = co_await s_.apply("application", "info", nil);
  if (!info.value) co_return;
  const terms now = started_applications(info.value);
  for (const term app : now) {
    if (!app.is_tuple(2) || names(running_, app[0])) continue;
    const term args = s_.list(app[0]);
    co_await s_.apply("application", "stop", args);
  }
  // Newest first, as the controller lists them.
  for (auto app = running_.rbegin(); app != running_.rend(); ++app) {
    if (!app->is_tuple(2) || names(now, (*app)[0])) continue;
    const term args = s_.list((*app)[0], (*app)[1]);
    const auto a = co_await s_.apply("application", "start", args);
    if (a.value && is(a.value, "ok")) continue;
    damaged_ = true;
    s_.log(actors::log_level::error, "application " + release::text_of((*app)[0]) + " does not start again: " + to_text(a.value ? a.value : a.caught(s_.heap())));
  }
}

// Nodes that wait at a sync_nodes, or will: for them it is as if we had gone down, and they go back as well.
void evaluator::tell_other_nodes() {
  auto& self = s_.t.self();
  auto& h = s_.t.heap();
  terms told;
  for (const term n : sync_nodes_) {
    if (!n.is_atom() || n.same(this_node().name) || release::member(n, told)) continue;
    told.push_back(n);
    self.send(make_tuple_of(h, atom("release_handler"), n), make_tuple_of(h, atom("nodedown"), this_node().name));
  }
}

}  // namespace cnode::release_handler
