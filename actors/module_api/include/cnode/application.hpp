// An application's callback module in C++: start/2 and stop/1, and where they are wanted prep_stop/1, start_phase/3 and config_change/3,
// with the arguments that OTP gives them.
//
//   auto start(term, term) { return apply("hotcode_sup"_a, "start_link"_a); }   // {ok, Pid} of the top supervisor
//   void stop(term) {}
//   CNODE_APPLICATION("hotcode_app", start, stop);
//
// The file hotcode.app, in the code path beside the modules, names it: {mod, {hotcode_app, []}}.
#pragma once

#include <cnode/gen_server.hpp>

namespace cnode {
inline namespace module_api {
namespace application {

// application:get_env/1, /2, /3: a parameter of the application that the process belongs to, or of the one named.
inline external_call get_env(atom key) { return apply("application"_a, "get_env"_a, key); }
inline external_call get_env(atom app, atom key) { return apply("application"_a, "get_env"_a, app, key); }
template <class T>
external_call get_env(atom app, atom key, const T& otherwise) {
  return apply("application"_a, "get_env"_a, app, key, otherwise);
}

}  // namespace application
}  // namespace module_api
}  // namespace cnode

#define CNODE_APPLICATION(name, ...) CNODE_DETAIL_MODULE(name, "application", __VA_ARGS__)
