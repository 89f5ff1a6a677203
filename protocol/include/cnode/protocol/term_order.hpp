// Erlang's order and equality (the reference manual's "Term Comparisons"; erts_cmp in utils.c). Iterative: depth costs
// heap, not stack.
#pragma once

#include <cstddef>

#include <cnode/term.hpp>

namespace cnode {

bool exactly_equal(term a, term b);  // =:=
bool equal(term a, term b);          // ==  (1 == 1.0)
int compare(term a, term b);         // <0, 0, >0 by ==
int compare_exact(term a, term b);   // order of map keys: integers before floats
std::size_t hash(term t);            // agrees with exactly_equal

struct exact_hash {
  std::size_t operator()(term t) const { return hash(t); }
};
struct exact_equal {
  bool operator()(term a, term b) const { return exactly_equal(a, b); }
};

}  // namespace cnode
