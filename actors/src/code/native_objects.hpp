// Native objects of modules: counted by protocol's blocks, owned by the version whose operations they use.
#pragma once

#include <cnode/actors/code_server.hpp>

namespace cnode::actors {

term make_native_object(cnode_env* env, void* object, const cnode_native_ops* ops);
void* native_object_of(term native, const cnode_native_ops** ops);
// Runs the owner's to_term; the owner stays mapped meanwhile. With CNODE_ENV_SHOW in env's flags as people see it, else whole. none: it
// failed, env has the outcome.
term native_object_to_term(cnode_env* env, term native);
// The version whose operations the object uses; null: the node's own.
module_version* native_owner(term native);
const char* native_type_of(term native);
// See cnode_host::replace_native.
bool replace_native(term native, module_version* to, void* object, const cnode_native_ops* ops);
// Adopts the object for `to` when one of its native types is the same; calls no module code.
bool adopt_by_layout(term native, module_version& to);
// All objects of `from` that have a layout `to` knows, wherever they are: in states, dictionaries, messages. Any thread; no code of a
// module runs.
void adopt_all_by_layout(module_version& from, module_version& to);

}  // namespace cnode::actors
