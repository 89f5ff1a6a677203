// Native objects inside terms, as the world outside their module sees them.
#pragma once

#include <cnode/actors/process.hpp>
#include <cnode/protocol/block.hpp>

namespace cnode::actors {

bool contains_native(term t);
// Is t itself a native object of the node, whose code never changes?
bool native_of_host(term t);
// t with every native object replaced by its term (the maker's to_term); t itself when it holds none. Built in the process's scratch.
term without_natives(process& self, term t);
// The same for the objects whose maker is a version of `module` that is not current: what a purge of old code must let go.
term without_old_natives(process& self, term t, term module, bool& changed);

}  // namespace cnode::actors
