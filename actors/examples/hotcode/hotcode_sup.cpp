#include <cnode/supervisor.hpp>

using namespace cnode;

CNODE_VSN("1");

struct employee {
  std::string name;
  number money;
};
CNODE_STRUCT(employee, name, money);

auto start_link() { return supervisor::start_link("hotcode_sup"_a, nil); }

term init(term) {
  return supervisor::start(supervisor::flags{},
                           supervisor::child("demo"_a, "demo_server"_a, "start_link"_a, employee{"blackode", 300000}));
}

CNODE_SUPERVISOR("hotcode_sup", start_link, init);
