#include <cnode/actors/gen.hpp>

#include <cnode/actors/gen_server.hpp>
#include <cnode/protocol/term_order.hpp>

#include "otp_atoms.hpp"
#include "start_note.hpp"

namespace cnode::actors::gen {

void reply(process& self, term from, term reply) {
  if (!from.is_tuple(2)) return;
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

namespace {

// proc_lib:trans_init/3
term initial_call_of(block& b, term module, term args) {
  const auto& n = names();
  if (module.same(n.supervisor) && args.is_tuple(3)) return make_tuple_of(b, n.supervisor, args[1], small(1));
  return make_tuple_of(b, module, n.init, small(1));
}

}  // namespace

term spawn_server(runtime& node, const server_start& start) {
  const auto& n = names();
  auto b = block::make(64);
  spawn_options options;
  options.group_leader = start.group_leader;
  if (start.link) options.link_to = start.parent;
  options.dictionary = {{n.initial_call, initial_call_of(*b, start.module, start.args)},
                        {n.ancestors, start.ancestors ? start.ancestors : nil}};
  options.initial_call = make_tuple_of(*b, n.proc_lib, n.init_p, small(5));
  return node.spawn(std::make_unique<gen_server>(start), options);
}

}  // namespace cnode::actors::gen
