// Native objects inside terms, as the world outside their module sees them.
#pragma once

#include <cnode/actors/process.hpp>
#include <cnode/protocol/block.hpp>

namespace cnode::actors {

bool contains_native(term t);
// t with every native object replaced by what people see of it: huge blobs are summarised, one that cannot be written is
// {native_error, Type, Reason}. t itself when it holds none. Built in the process's scratch.
term without_natives(process& self, term t);
// The same in env's heap, whole unless env asks for CNODE_ENV_SHOW. none: one failed, env has the outcome.
term natives_to_terms(cnode_env* env, term t);
// What a purge of `module` must let go: native objects in t whose owner is a version of it that is not current. The current version
// adopts them where it has the same type with the same layout, without running any code of it; the others become terms, whole, and
// then `changed` is set and t is a copy.
term release_old_natives(process& self, term t, term module, bool& changed);

}  // namespace cnode::actors
