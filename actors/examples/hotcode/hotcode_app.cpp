#include <cnode/application.hpp>

using namespace cnode;

CNODE_VSN("1");

auto start(term, term) { return apply("hotcode_sup"_a, "start_link"_a); }
void stop(term) {}

CNODE_APPLICATION("hotcode_app", start, stop);
