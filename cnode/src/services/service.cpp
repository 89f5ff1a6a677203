#include "service.hpp"

namespace cnode::services {

void service::start(actors::process& self) { self.set_trap_exit(true); }

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
  const auto taken = std::move(message);
  const term m = taken->root;
  if (m.is_tuple(3) && is(m[0], "$gen_call") && m[1].is_tuple(2) && m[1][0].is_pid()) {
    term answer;
    if (handle_call(self, m[1], m[2], answer)) reply(self, m[1], answer);
  } else if (m.is_tuple(2) && is(m[0], "$gen_cast")) {
    handle_cast(self, m[1]);
  } else {
    handle_info(self, m);
  }
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
