#include <cnode/export.hpp>

using namespace cnode;

auto pi() { return 3.14; }

CNODE_MODULE("Elixir.CodePurge", pi);
