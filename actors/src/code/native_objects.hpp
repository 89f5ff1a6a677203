// Native objects of modules: counted by protocol's blocks, owned by the version whose operations they use.
#pragma once

#include <cnode/actors/code_server.hpp>

namespace cnode::actors {

term make_native_object(cnode_env* env, void* object, const cnode_native_ops* ops);
void* native_object_of(term native, const cnode_native_ops** ops);
// Runs the maker's to_term; the maker stays mapped meanwhile.
term native_object_to_term(cnode_env* env, term native);

}  // namespace cnode::actors
