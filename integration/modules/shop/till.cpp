// A till whose state is a C++ object, in two versions. What its code_change was told is in its dictionary. Its twin is till.erl.
#include <cnode/gen_server.hpp>

using namespace cnode;

CNODE_VSN(VERSION);

#if VERSION == 1
struct content {
  std::int64_t coins;
};
CNODE_STRUCT(content, coins);
#else
namespace before {
struct content {
  std::int64_t coins;
};
CNODE_STRUCT(content, coins);
}  // namespace before
struct content {
  std::int64_t coins, notes = 0;
};
CNODE_STRUCT(content, coins, notes);
#endif

auto start_link(atom name) { return gen_server::start_link(name, 0); }
auto init(std::int64_t coins) { return ok(make_native<content>(content{coins})); }

auto handle_call = clauses([](is<"version">, from, native<content> c) { return reply(VERSION, c); },
                           [](tagged<"pay", std::int64_t> coins, from, native<content> c) {
                             c->coins += std::get<0>(coins);
                             return reply(c->coins, c);
                           });
auto handle_cast(term, native<content> c) { return noreply(c); }

#if VERSION == 1
CNODE_GEN_SERVER("till", start_link, init, handle_call, handle_cast);
#else
auto told(term old_vsn, term extra, term state) {
  dictionary::put("told"_a, tuple(old_vsn, extra));
  return ok(state);
}
auto code_change = clauses(
    [](tagged<"down", term> vsn, native<content> c, term extra) {
      return told(tuple("down"_a, std::get<0>(vsn)), extra, encode(make_native<before::content>(before::content{c->coins})));
    },
    [](term vsn, native<before::content> c, term extra) { return told(vsn, extra, encode(make_native<content>(content{c->coins}))); });

CNODE_GEN_SERVER("till", start_link, init, handle_call, handle_cast, code_change);
#endif
