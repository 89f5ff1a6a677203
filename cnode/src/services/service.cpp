#include "service.hpp"

namespace cnode::services {

void service::start(actors::process& self) {
  self.set_trap_exit(true);
  self.set_async_dist();
}

// Where an answer goes: through the alias of [alias | Ref], or of 27's [[alias | Ref] | M]; else to the pid.
term reply_target(term from) {
  term tag = from[1];
  if (tag.is_cons() && tag.head().is_cons()) tag = tag.head();
  return tag.is_cons() && is(tag.head(), "alias") && tag.tail().is_ref() ? tag.tail() : from[0];
}

void service::reply(actors::process& self, term from, term reply) {
  self.send(reply_target(from), make_tuple_of(self.scratch(), from[1], reply));
}

void service::receive(actors::process& self, block_ptr& message) {
  if (const term m = message->root; m.is_tuple(3) && is(m[0], "system") && is_from(m[1])) {
    const auto taken = std::move(message);
    return system_message(self, m[1], m[2]);
  }
  // How a runtime that stops asks for the end: an exit signal in the process's own name.
  if (const term m = message->root; m.is_tuple(3) && is(m[0], "EXIT") && m[1].same(self.pid())) {
    const auto taken = std::move(message);
    return self.exit(m[2]);
  }
  if (suspended_) return;
  const auto taken = std::move(message);
  const term m = taken->root;
  if (!debug_.empty()) debug_.handle(self, self.registered_name(), make_tuple_of(self.scratch(), atom("in"), m));
  if (m.is_tuple(3) && is(m[0], "$gen_call") && is_from(m[1])) {
    term answer;
    if (handle_call(self, m[1], m[2], answer)) reply(self, m[1], answer);
  } else if (m.is_tuple(2) && is(m[0], "$gen_cast")) {
    handle_cast(self, m[1]);
  } else {
    handle_info(self, m);
  }
}

// sys:handle_system_msg/6 for a gen_server without code of its own to change.
void service::system_message(actors::process& self, term from, term request) {
  auto& b = self.scratch();
  const term name = self.registered_name() ? self.registered_name() : self.pid();
  const bool was_suspended = suspended_;
  term answer = ok();
  if (is(request, "suspend")) {
    suspended_ = true;
  } else if (is(request, "resume")) {
    suspended_ = false;
  } else if (is(request, "get_state")) {
    answer = state(self, b);
    if (actors::sys::wants_ok_tuple(from)) answer = make_tuple_of(b, ok(), answer);
  } else if (is(request, "get_status")) {
    answer = status(self, name);
  } else if (request.is_tuple(2) && is(request[0], "debug")) {
    answer = debug_.command(self, name, request[1]);
  } else if (request.is_tuple(2) && is(request[0], "terminate")) {
    self.exit(request[1]);
  } else if (!(request.is_tuple(4) && is(request[0], "change_code") && suspended_)) {
    answer = make_tuple_of(b, atom("error"), make_tuple_of(b, atom("unknown_system_msg"), request));
  }
  reply(self, from, answer);
  if (was_suspended && !suspended_) self.rescan();
}

// sys:get_status/5 with gen_server:format_status/2 in it.
term service::status(actors::process& self, term name) {
  auto& b = self.scratch();
  const auto data = [&](auto... pairs) { return make_tuple_of(b, atom("data"), make_list_of(b, pairs...)); };
  const auto pair = [&](std::string_view title, term value) { return make_tuple_of(b, make_charlist(b, title), value); };
  const term sys_state = atom(suspended_ ? "suspended" : "running");
  const term parent = self.node().whereis(atom("kernel_sup")), debug = debug_.to_term(b, name);
  const term shown_parent = parent ? parent : self.pid();
  const auto header = make_charlist(b, "Status for generic server " + (name.is_atom() ? std::string(atom_text(name)) : std::string("pid")));
  const term misc = make_list_of(b, make_tuple_of(b, atom("header"), header),
                                 data(pair("Status", sys_state), pair("Parent", shown_parent), pair("Logged events", debug_.logged_events(b))),
                                 data(pair("State", state(self, b))));
  return make_tuple_of(b, atom("status"), self.pid(), make_tuple_of(b, atom("module"), atom("gen_server")),
                       make_list_of(b, self.dictionary(b), sys_state, shown_parent, debug, misc));
}

term service::current_function(actors::process&, block& b) { return make_tuple_of(b, atom("gen_server"), atom("loop"), small(7)); }

void spawn_service(actors::runtime& node, std::string_view name, std::unique_ptr<service> s) {
  auto b = block::make(16);
  actors::spawn_options options;
  options.initial_call = make_tuple_of(*b, atom(name), atom("init"), small(1));
  options.group_leader = node.default_group_leader();
  const term pid = node.spawn(std::move(s), options);
  if (!node.register_name(atom(name), pid)) node.log(actors::log_level::error, "the name " + std::string(name) + " is taken: the service cannot be reached");
}

}  // namespace cnode::services
