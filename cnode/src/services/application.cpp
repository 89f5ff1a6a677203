// The applications that are part of the node: kernel, stdlib, cnode and, when it is asked for, sasl. They have this program's version, not OTP's: the functions are
// OTP's, the code is not.
#include "application.hpp"

#include <cnode/actors/applications.hpp>

#include <cstdio>

#include "modules.hpp"

namespace cnode::services {

kept environment::get(term application, term key) const { return actors::application_env(node_, application, key); }

void add_application_functions(actors::code_server& code) { actors::add_application_builtins(code.node()); }

void start_applications(node_host& host) {
  const std::string vsn = CNODE_VERSION;
  actors::controller_options options;
  options.own = {
      {"kernel", "The kernel of an Erlang node in C++", vsn, {},
       {"application_controller", "global_name_server", "logger_proxy", "net_kernel", "rex", "user"},
       {"application", "application_controller", "application_master", "application_starter", "code", "erpc", "global", "inet", "logger", "net_adm",
        "net_kernel", "os", "pg", "rpc"}},
      {"stdlib", "The behaviours and libraries of an Erlang node in C++", vsn, {"kernel"}, {},
       {"c", "gen", "gen_server", "io", "io_lib", "lists", "maps", "proc_lib", "supervisor", "sys", "timer"}},
      {"cnode", "An Erlang node in C++", vsn, {"kernel", "stdlib"}, {}, {"cnode"}},
  };
  // The release handler is there without it; who comes from a BEAM node starts it first.
  options.on_demand = {{"sasl", "The release handler of an Erlang node in C++", vsn, {"kernel", "stdlib"}, {}, {"release_handler", "release_handler_1"}}};
  options.terminated = [&host](const std::string& text) {
    std::fprintf(stderr, "%s\n", text.c_str());
    host.stop(1);
  };
  actors::start_application_controller(host.runtime(), options);
}

}  // namespace cnode::services
