#include "test_runtime.hpp"

namespace cnode::test {

namespace {

term name_across(term name) {
  if (name.same(this_node().name)) return back_to_back::peer_name();
  return name.same(back_to_back::peer_name()) ? this_node().name : name;
}

const char* kind_of(const dist::control_message& m) {
  static constexpr const char* names[] = {"link",        "send",      "exit",          "unlink",      "node_link",  "reg_send",
                                          "group_leader", "exit2",    "monitor_p",     "demonitor_p", "monitor_p_exit",
                                          "spawn_request", "spawn_reply", "alias_send", "unlink_id",  "unlink_id_ack", "altact_sig_send"};
  return names[m.index()];
}

}  // namespace

term back_to_back::across(block& b, term t) {
  if (!t) return t;
  const auto creation = this_node().creation;
  if (t.is_local_pid()) return make_pid(b, peer_name(), creation, pid_id(t), pid_serial(t));
  if (t.kind() == CNODE_PID) {
    if (node_of(t).node.same(peer_name())) return term{cnode_make_local_pid(pid_id(t), pid_serial(t))};
    return make_pid(b, name_across(node_of(t).node), node_of(t).creation, pid_id(t), pid_serial(t));
  }
  if (t.is_ref()) {
    std::uint32_t words[5];
    for (std::uint64_t i = 0; i < t.size(); ++i) words[i] = static_cast<std::uint32_t>(t.box()[2 + i / 2] >> (32 * (i & 1)));
    return make_ref(b, name_across(node_of(t).node), node_of(t).creation, words, t.size());
  }
  if (t.is_cons()) return make_cons(b, across(b, t.head()), across(b, t.tail()));
  if (t.is_tuple()) {
    std::vector<term> e;
    for (std::uint64_t i = 0; i < t.arity(); ++i) e.push_back(across(b, t[i]));
    return make_tuple(b, e.data(), e.size());
  }
  return copy(b, t);
}

dist::control_message back_to_back::across(block& b, const dist::control_message& m) {
  using namespace dist;
  const auto x = [&](term t) { return across(b, t); };
  struct visitor {
    decltype(x)& t;
    control_message operator()(const dist::link& c) { return dist::link{t(c.from), t(c.to)}; }
    control_message operator()(const dist::send& c) { return dist::send{t(c.from), t(c.to), {}}; }
    control_message operator()(const dist::exit& c) { return dist::exit{t(c.from), t(c.to), t(c.reason), {}}; }
    control_message operator()(const dist::unlink& c) { return dist::unlink{t(c.from), t(c.to)}; }
    control_message operator()(const node_link& c) { return c; }
    control_message operator()(const reg_send& c) { return reg_send{t(c.from), c.to_name, {}}; }
    control_message operator()(const dist::group_leader& c) { return dist::group_leader{t(c.from), t(c.to)}; }
    control_message operator()(const exit2& c) { return exit2{t(c.from), t(c.to), t(c.reason), {}}; }
    control_message operator()(const monitor_p& c) { return monitor_p{t(c.from), t(c.target), t(c.ref)}; }
    control_message operator()(const demonitor_p& c) { return demonitor_p{t(c.from), t(c.target), t(c.ref)}; }
    control_message operator()(const monitor_p_exit& c) { return monitor_p_exit{t(c.from), t(c.to), t(c.ref), t(c.reason)}; }
    control_message operator()(const spawn_request& c) {
      return spawn_request{t(c.req_id), t(c.from), t(c.group_leader), c.module, c.function, c.arity, t(c.options), {}};
    }
    control_message operator()(const spawn_reply& c) { return spawn_reply{t(c.req_id), t(c.to), c.flags, t(c.result), {}}; }
    control_message operator()(const alias_send& c) { return alias_send{t(c.from), t(c.alias), {}}; }
    control_message operator()(const unlink_id& c) { return unlink_id{c.id, t(c.from), t(c.to)}; }
    control_message operator()(const unlink_id_ack& c) { return unlink_id_ack{c.id, t(c.from), t(c.to)}; }
    control_message operator()(const altact_sig_send& c) { return altact_sig_send{c.flags, t(c.from), t(c.to), {}, t(c.reason)}; }
  };
  return std::visit(visitor{x}, m);
}

bool back_to_back::half::send(term node, const dist::control_message& m, term message) {
  if (!owner_.connected || !node.same(peer_name())) return false;
  owner_.wire.push_back(std::string(&to_ == &owner_.b ? "a " : "b ") + kind_of(m));
  dist::frame_event f;
  f.block = block::make(64);
  f.control = across(*f.block, m);
  f.message = across(*f.block, message);
  f.block->root = f.message;
  queue_.push_back(std::move(f));
  return true;
}

bool back_to_back::half::deliver() {
  if (queue_.empty()) return false;
  auto f = std::move(queue_.front());
  queue_.pop_front();
  to_->receive(peer_name(), std::move(f));
  to_.run();
  return true;
}

void back_to_back::run() {
  do {
    a.run();
    b.run();
  } while (to_b_.deliver() || to_a_.deliver());
}

void back_to_back::disconnect() {
  connected = false;
  a->node_down(peer_name(), atom("connection_closed"));
  b->node_down(peer_name(), atom("connection_closed"));
  run();
}

}  // namespace cnode::test
