// Modules with an on_load function that does as DO says; hl.erl is the same in Erlang.
#include <cnode/gen_server.hpp>

using namespace cnode;

CNODE_VSN(VERSION);

constexpr std::string_view what = DO;

task<term> start() {
  if (what == "no") co_return term{"no"_a};
  if (what == "error_tuple") co_return tuple("error"_a, "why"_a);
  if (what == "raise") throw error("why"_a);
  if (what == "exit") throw exit_with("why"_a);
  if (what == "throw") throw throw_term("why"_a);
  // Says by a name that it runs, and answers what it is told.
  if (what == "ask") {
    register_name("loading"_a, self());
    auto [answer] = co_await receive<tagged<"answer", term>>();
    co_return answer;
  }
  if (what == "own") {
    try {
      co_await apply("hl"_a, "version"_a);
    } catch (...) {
    }
  }
  if (what == "own_raises") co_await apply("hl"_a, "version"_a);
  if (what == "other") co_await apply("hc"_a, "version"_a);
  co_return term{"ok"_a};
}

CNODE_ON_LOAD(start);

auto version() { return VERSION; }
task<void> wait(pid parent) {
  send(parent, "waiting"_a);
  co_await receive<is<"go">>();
  send(parent, tuple("went_on_in"_a, VERSION));
}

CNODE_MODULE("hl", version, wait);
