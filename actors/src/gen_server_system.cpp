// What sys asks of a gen_server, and how its status looks.
#include <cnode/actors/runtime.hpp>

#include "gen_server.hpp"
#include "native_terms.hpp"

namespace cnode::actors {

// gen_server:system_code_change/4. The new code says by its parameter's type how it sees a native object of the old: as its own type,
// as the old type, or as a term. Nothing is converted before.
task<term> gen_server::code_change(process& self, term, term old_vsn, term extra) {
  const auto& n = names();
  auto& b = self.scratch();
  const outcome out = co_await call(self, module_, n.code_change, old_vsn, state_.get(), extra);
  const term r = caught(b, out, {{"system_code_change", 4}}, true);
  if (r.is_tuple(2) && r[0].same(n.ok)) {
    state_.set(r[1]);
    co_return n.ok;
  }
  co_return make_tuple_of(b, n.error, without_natives(self, r));
}

task<term> gen_server::format_state(process& self, term opt, term status) {
  auto& b = self.scratch();
  co_return co_await format_status(self, module_, opt, status, make_list_of(b, self.dictionary(b), map_get(status, names().state)));
}

// gen_server:format_log_state/2: states inside logged events are formatted as well.
task<term> gen_server::format_log_state(process& self, term log) {
  const auto& n = names();
  auto& b = self.scratch();
  if (exports(self, module_, n.format_status, 1)) co_return log;
  std::vector<term> events;
  for (; log.is_cons(); log = log.tail()) {
    const term e = log.head();
    const bool out_event = e.is_tuple(4) && e[0].same(n.out), noreply_event = e.is_tuple(2) && e[0].same(n.noreply);
    if (!out_event && !noreply_event) {
      events.push_back(e);
      continue;
    }
    const term state = without_natives(self, e[out_event ? 3 : 1]);
    const term key = n.state;
    const term status = co_await format_state(self, n.terminate, make_map(b, &key, &state, 1));
    const term shown = map_get(status, n.state);
    events.push_back(out_event ? make_tuple_of(b, e[0], e[1], e[2], shown) : make_tuple_of(b, e[0], shown));
  }
  co_return make_list(b, events.data(), events.size());
}

// gen_server:format_status/2
task<term> gen_server::status(process& self) {
  const auto& n = names();
  auto& b = self.scratch();
  const term keys[] = {n.state, n.log};
  const term values[] = {without_natives(self, state_.get()), debug_.logged_events(b)};
  const term status = co_await format_state(self, n.normal, make_map(b, keys, values, 2));
  const auto shown_as = [&](term value) { return make_list_of(b, make_tuple_of(b, n.data, make_list_of(b, titled(b, "State", value)))); };
  term shown;
  if (const term failure = map_get(status, n.EXIT)) shown = shown_as(failure);
  else if (const term own = map_get(status, n.status_key)) shown = own.is_list() ? own : make_list_of(b, own);
  else shown = shown_as(map_get(status, n.state));

  const term log = co_await format_log_state(self, map_get(status, n.log));
  const term header = make_tuple_of(b, n.header, status_header(b, "Status for generic server", event_name(self)));
  const term facts = make_tuple_of(b, n.data,
                                   make_list_of(b, titled(b, "Status", suspended_ ? n.suspended : n.running), titled(b, "Parent", parent_),
                                                titled(b, "Logged events", log)));
  if (!module_.same(n.supervisor)) co_return make_cons(b, header, make_cons(b, facts, shown));
  // supervisor:format_status/2 adds who its callback module is; release_handler asks for it.
  const term initial = self.dictionary_get(n.initial_call);
  const term callback = titled(b, "Callback", initial && initial.is_tuple(3) ? initial[1] : n.undefined);
  co_return make_list_of(b, header, facts, shown.head(), make_tuple_of(b, n.supervisor, make_list_of(b, callback)));
}

}  // namespace cnode::actors
