#include <cnode/export.hpp>
#include <cnode/number.hpp>

using namespace cnode;

number add(number a, number b) { return a + b; }

CNODE_MODULE("Elixir.Calculator", add);
