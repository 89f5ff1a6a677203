#include <cnode/actors/gen.hpp>
#include <cnode/actors/reports.hpp>

#include "builtin_calls.hpp"

namespace cnode::actors {

void add_behaviour_builtins(runtime& node) {
  auto& code = node.code();
  add_gen_builtins(code);
  add_gen_server_builtins(code);
  add_gen_statem_builtins(code);
  add_gen_event_builtins(code);
  add_gen_request_builtins(code);
  add_elixir_gen_server_builtins(code);
  add_sys_builtins(code);
  add_proc_lib_builtins(code);
  add_supervisor_builtins(code);
  node.on_crash([](process& p, term reason) { reports::emulator_crash(p.node(), p.pid(), p.group_leader(), reason); });
}

}  // namespace cnode::actors
