#include <cnode/actors/gen.hpp>

#include <cnode/protocol/term_order.hpp>

#include "callback_process.hpp"
#include "core.hpp"
#include "gen_call.hpp"
#include "otp_atoms.hpp"
#include "start_note.hpp"

namespace cnode::actors::gen {

void reply(process& self, term from, term reply) {
  if (!from.is_tuple(2) || core::answer_caller(self, from, reply)) return;
  const auto& n = names();
  const term tag = from[1];
  term to = from[0];
  if (tag.is_cons()) {
    if (tag.head().same(n.alias) && tag.tail().is_ref()) to = tag.tail();  // [alias|Ref]
    else if (const term h = tag.head(); h.is_cons() && h.head().same(n.alias) && h.tail().is_ref()) to = h.tail();  // [[alias|Ref]|M]
  }
  self.send(to, make_tuple_of(self.scratch(), tag, reply));
}

bool is_server_name(term t) {
  const auto& n = names();
  return (t.is_tuple(2) && ((t[0].same(n.local) && t[1].is_atom()) || t[0].same(n.global))) ||
         (t.is_tuple(3) && t[0].same(n.via) && t[1].is_atom());
}

term name_of(term server_name, term pid) {
  if (!server_name) return pid;
  return server_name.is_tuple(3) ? server_name[2] : server_name[1];
}

// proc_lib:trans_init/3
term initial_call_of(block& b, const server_start& s) {
  const auto& n = names();
  const term module = s.module, args = s.args;
  if (s.behaviour == server_start::gen_event) return make_tuple_of(b, atom("gen_event"), n.init_it, small(6));
  if (module.same(n.supervisor) && args.is_tuple(3)) return make_tuple_of(b, n.supervisor, args[1], small(1));
  return make_tuple_of(b, module, n.init, small(1));
}

std::unique_ptr<behaviour> make_behaviour(const server_start& start) {
  switch (start.behaviour) {
    case server_start::gen_statem: return make_gen_statem(start);
    case server_start::gen_event: return make_gen_event(start);
    case server_start::gen_server: break;
  }
  return make_gen_server(start);
}

term spawn_server(runtime& node, const server_start& start) {
  const auto& n = names();
  auto b = block::make(64);
  spawn_options options;
  options.group_leader = start.group_leader;
  if (start.link) options.link_to = start.parent;
  options.dictionary = {{n.initial_call, initial_call_of(*b, start)},
                        {n.ancestors, start.ancestors ? start.ancestors : nil}};
  options.initial_call = make_tuple_of(*b, n.proc_lib, n.init_p, small(5));
  return node.spawn(make_behaviour(start), options);
}

}  // namespace cnode::actors::gen
