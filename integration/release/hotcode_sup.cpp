// hotcode's supervisor: one demo_server.
#include <cnode/gen_server.hpp>

using namespace cnode;

CNODE_VSN("1");

struct employee {
  std::string name;
  std::int64_t money;
};
CNODE_STRUCT(employee, name, money);

auto start_link() { return apply("supervisor"_a, "start_link"_a, tuple("local"_a, "hotcode_sup"_a), "hotcode_sup"_a, nil); }

auto init(term) {
  const auto start = tuple("demo_server"_a, "start_link"_a, list(employee{"blackode", 300000}));
  const auto child = tuple("demo"_a, start, "permanent"_a, 5000, "worker"_a, list("demo_server"_a));
  return tuple("ok"_a, tuple(tuple("one_for_one"_a, 1, 5), list(child)));
}

CNODE_MODULE("hotcode_sup", start_link, init);
