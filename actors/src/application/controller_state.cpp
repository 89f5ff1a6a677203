#include "controller_state.hpp"

#include "../code/native_objects.hpp"
#include "../native_terms.hpp"
#include "../otp_atoms.hpp"
#include <cnode/actors/process.hpp>

namespace cnode::actors {

running_application* controller_state::find_running(term name) {
  for (auto& r : running)
    if (r.name.same(name)) return &r;
  return nullptr;
}

started_application* controller_state::find_started(term name) {
  for (auto& s : started)
    if (s.name.same(name)) return &s;
  return nullptr;
}

namespace {

template <class T, class Make>
term list_of(block& b, const std::vector<T>& all, Make make) {
  std::vector<term> list;
  for (const auto& e : all) list.push_back(make(e));
  return make_list(b, list.data(), list.size());
}

cnode_term state_to_term(cnode_env* env, const void* object) {
  return controller_record(heap_of(env), *static_cast<const controller_state*>(object)).word();
}
void destroy_state(void* object) { delete static_cast<controller_state*>(object); }
const cnode_native_ops state_ops = {"application_controller", state_to_term, destroy_state, 0};

}  // namespace

// {state, Loading, Starting, StartPFalse, Running, Control, Started, StartReq, ConfData}
term controller_record(block& b, const controller_state& s) {
  const auto& n = names();
  const term starting = list_of(b, s.starting, [&](const auto& e) {
    return make_tuple_of(b, e.name, e.restart_type, e.type, copy(b, e.from->get()));
  });
  const term running = list_of(b, s.running, [&](const auto& e) { return make_tuple_of(b, e.name, e.master); });
  const term started = list_of(b, s.started, [&](const auto& e) { return make_tuple_of(b, e.name, e.restart_type); });
  const term requests = list_of(b, s.requests, [&](const auto& e) { return make_tuple_of(b, e.name, copy(b, e.from->get())); });
  return make_tuple_of(b, n.state, nil, starting, nil, running, nil, started, requests, copy(b, s.config.get()));
}

controller_state* controller_of(term t) {
  const cnode_native_ops* ops = nullptr;
  void* object = t.is_native() ? native_object_of(t, &ops) : nullptr;
  return ops == &state_ops ? static_cast<controller_state*>(object) : nullptr;
}

term make_controller_state(cnode_env* env, std::unique_ptr<controller_state> s) { return make_native_object(env, s.release(), &state_ops); }

}  // namespace cnode::actors
