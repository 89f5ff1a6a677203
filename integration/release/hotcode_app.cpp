// The application callback module of hotcode.
#include <cnode/gen_server.hpp>

using namespace cnode;

CNODE_VSN("1");

auto start(term, term) { return apply("hotcode_sup"_a, "start_link"_a); }
auto stop(term) { return "ok"_a; }

CNODE_MODULE("hotcode_app", start, stop);
