// Elixir's GenServer: the same servers, its own argument order, options and exit reasons. What it has of gen_server unchanged is in
// gen_builtins.cpp and gen_server_builtins.cpp.
#include "builtin_calls.hpp"
#include "elixir_supervisors.hpp"
#include "gen_call.hpp"

namespace cnode::actors {

namespace {

using gen::linkage;

// GenServer.do_start/4
task<term> start(call_context& cx, linkage l, term module, term args, term options) {
  const term name = elixir_server_name(cx.heap(), options);
  co_return co_await gen::start(cx, l, name, module, args, options, gen::server_start::gen_server);
}

task<term> call(call_context& cx, term server, term request, term time) {
  return gen::server_call(cx, names().elixir_gen_server, server, request, time);
}

task<term> stop(call_context& cx, term server, term reason, term time) {
  const auto& n = names();
  term why;
  try {
    co_return co_await gen::stop(cx, server, reason, time);
  } catch (const raised& r) {
    if (!r.error_class.same(n.exit)) throw;
    why = r.reason;
  }
  auto& b = cx.heap();
  throw_exit(make_tuple_of(b, why, make_tuple_of(b, n.elixir_gen_server, n.stop, make_list_of(b, server, reason, time))));
}

task<term> whereis(call_context& cx, term server) {
  const term found = co_await gen::locate(cx, server);
  co_return found ? found : names().nil_;
}

}  // namespace

void add_elixir_gen_server_builtins(code_server& code) {
  static constexpr builtin_function functions[] = {
      {"start", 2, waiting<start, linkage::nolink, 0, 1, empty_list>},
      {"start", 3, waiting<start, linkage::nolink, 0, 1, 2>},
      {"start_link", 2, waiting<start, linkage::link, 0, 1, empty_list>},
      {"start_link", 3, waiting<start, linkage::link, 0, 1, 2>},
      {"call", 2, waiting<call, 0, 1, integer{5000}>},
      {"call", 3, waiting<call>},
      {"stop", 1, waiting<stop, 0, &otp_atoms::normal, &otp_atoms::infinity>},
      {"stop", 2, waiting<stop, 0, 1, &otp_atoms::infinity>},
      {"stop", 3, waiting<stop>},
      {"whereis", 1, waiting<whereis>},
  };
  code.add_builtin("Elixir.GenServer", functions);
}

}  // namespace cnode::actors
