// Bringing the pairs of a map that came from outside into the order maps lie in.
#pragma once

#include <cnode/term_layout.h>

namespace cnode {

// `box` is a map whose words hold key, value, key, value, ... in any order. Afterwards all keys, in exact order, and then the values.
// False when two keys are equal: the words are no map then.
bool sort_map(cnode_term* box);

}  // namespace cnode
