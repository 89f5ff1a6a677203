// pg without sockets: what it says to scopes of other nodes, and what their words make of its groups.
#include <gtest/gtest.h>

#include <algorithm>

#include <cnode/protocol/connection.hpp>

#include <cnode/actors/gen.hpp>

#include "host.hpp"

namespace cnode::test {
namespace {

class Pg : public ::testing::Test {
 protected:
  Pg() {
    actors::add_behaviour_builtins(h.runtime());
    EXPECT_TRUE(apply(h, "pg", "start", "[s]").starts_with("{value,{ok,"));
    scope = to_text(h.runtime().whereis(atom("s")));
    h.distribution.control.clear();
  }
  std::string local() {
    const auto pid = h.runtime().spawn(std::make_unique<recorder>(got));
    h.runtime().run_until_idle();
    return to_text(pid);
  }
  std::string pg(const std::string& function, const std::string& args) { return apply(h, "pg", function, args); }
  // As the scope's process on node b would say it. The atoms peer, m1 and m2 stand for that process and two members there.
  void peer_says(const std::string& message) {
    auto parsed = parse_term(message);
    ASSERT_TRUE(parsed) << message;
    auto b = block::make(64);
    b->root = there(*b, (*parsed)->root);
    h.runtime().send(atom("s"), std::move(b));
    h.runtime().run_until_idle();
  }
  static term there(block& b, term t) {
    if (t.is_atom()) {
      const auto text = atom_text(t);
      return text == "peer" ? far_pid(b, 100) : text == "m1" ? far_pid(b, 101) : text == "m2" ? far_pid(b, 102) : t;
    }
    if (t.is_cons()) return make_cons(b, there(b, t.head()), there(b, t.tail()));
    if (!t.is_tuple() && !t.is_map()) return copy(b, t);
    std::vector<term> first, second;
    for (std::uint64_t i = 0; i < t.size(); ++i) first.push_back(there(b, t.is_map() ? t.map_key(i) : t[i]));
    if (t.is_tuple()) return make_tuple(b, first.data(), first.size());
    for (std::uint64_t i = 0; i < t.size(); ++i) second.push_back(there(b, t.map_value(i)));
    return make_map(b, first.data(), second.data(), first.size());
  }
  static term far_pid(block& b, std::uint32_t id) { return make_pid(b, atom("b@host"), 3, id, 0); }
  // A pid of node b@host, in the text form of this node.
  static std::string far(const std::string& id) {
    auto b = block::make(16);
    return to_text(far_pid(*b, static_cast<std::uint32_t>(std::stoul(id))));
  }
  std::vector<std::string> said() {
    std::vector<std::string> out;
    for (const auto& f : h.distribution.control)
      if (!f.message.empty()) out.push_back(f.message);
    h.distribution.control.clear();
    return out;
  }
  std::vector<std::string> got;
  host h;
  std::string scope;
};
using strings = std::vector<std::string>;

TEST_F(Pg, JoinsSeveralTimesAndLeavesOnceForEach) {
  const auto p = local(), q = local();
  EXPECT_EQ(pg("join", "[s,g," + p + "]"), "{value,ok}");
  EXPECT_EQ(pg("join", "[s,g,[" + p + "," + q + "]]"), "{value,ok}");
  EXPECT_EQ(pg("get_members", "[s,g]"), "{value,[" + p + "," + q + "," + p + "]}");
  EXPECT_EQ(pg("leave", "[s,g," + p + "]"), "{value,ok}");
  EXPECT_EQ(pg("get_local_members", "[s,g]"), "{value,[" + q + "," + p + "]}");
  EXPECT_EQ(pg("leave", "[s,g,[" + p + "," + q + "]]"), "{value,ok}");
  EXPECT_EQ(pg("get_members", "[s,g]"), "{value,[]}");
  EXPECT_EQ(pg("leave", "[s,g," + p + "]"), "{value,not_joined}");
  EXPECT_EQ(pg("which_groups", "[s]"), "{value,[]}");
}

TEST_F(Pg, RefusesWhoIsNotHere) {
  EXPECT_EQ(pg("join", "[s,g,x]"), "{error,{nolocal,x}}");
  EXPECT_EQ(pg("join", "[s,g,[x]]"), "{error,{nolocal,x}}");
  EXPECT_EQ(pg("which_groups", "[no_such_scope]"), "{error,badarg}");
  EXPECT_EQ(pg("get_members", "[no_such_scope,g]"), "{value,[]}");
  EXPECT_TRUE(pg("join", "[no_such_scope,g," + local() + "]").starts_with("{exit,{noproc,{gen_server,call,[no_such_scope,{join_local,"));
}

TEST_F(Pg, GreetsWhoDiscoversItInTheWordsOfItsVersion) {
  const auto p = local();
  pg("join", "[s,g," + p + "]");
  peer_says("{discover,peer}");
  EXPECT_EQ(said(), (strings{"{'$gen_cast',{sync," + scope + ",[{g,[" + p + "]}]}}", "{discover," + scope + "}"}));
  pg("join", "[s,h,[" + p + "]]");
  EXPECT_EQ(said(), strings{"{join," + scope + ",h,[" + p + "]}"});
  // It is of OTP 29 after all.
  peer_says("{discover,peer,1}");
  EXPECT_EQ(said(), strings{"{'$gen_cast',{local_data," + scope + ",1,#{g => [" + p + "],h => [" + p + "]}}}"});
  pg("join", "[s,h," + p + "]");
  pg("leave", "[s,g," + p + "]");
  EXPECT_EQ(said(), (strings{"{update," + scope + ",[{h,[" + p + "],[]}]}", "{update," + scope + ",[{g,[],[" + p + "]}]}"}));
}

TEST_F(Pg, FollowsAPeerOfEitherVersion) {
  peer_says("{'$gen_cast',{sync,peer,[{g,[m1]},{h,[m1,m2]}]}}");
  peer_says("{join,peer,g,m2}");
  peer_says("{leave,peer,[m1],[h,g]}");
  EXPECT_EQ(pg("get_members", "[s,g]"), "{value,[" + far("102") + "]}");
  EXPECT_EQ(pg("get_members", "[s,h]"), "{value,[" + far("102") + "]}");
  EXPECT_EQ(pg("get_local_members", "[s,h]"), "{value,[]}");
  peer_says("{update,peer,[{g,[m1],[m2]},{k,[m2],[]}]}");
  peer_says("{'$gen_cast',{local_data,peer,1,#{g => [m2]}}}");
  EXPECT_EQ(pg("get_members", "[s,g]"), "{value,[" + far("102") + "]}");
  EXPECT_EQ(pg("which_groups", "[s]"), "{value,[g]}");
}

TEST_F(Pg, ForgetsTheMembersOfANodeThatIsGone) {
  const auto p = local();
  pg("join", "[s,g," + p + "]");
  peer_says("{'$gen_cast',{sync,peer,[{g,[m1]}]}}");
  EXPECT_EQ(pg("get_members", "[s,g]"), "{value,[" + far("101") + "," + p + "]}");
  h.runtime().node_down(atom("b@host"), atom("connection_closed"));
  h.runtime().run_until_idle();
  EXPECT_EQ(pg("get_members", "[s,g]"), "{value,[" + p + "]}");
  // What a node says that we do not know (again) is not believed.
  peer_says("{join,peer,g,m1}");
  EXPECT_EQ(pg("get_members", "[s,g]"), "{value,[" + p + "]}");
}

TEST_F(Pg, LetsNothingThrowIt) {
  peer_says("{discover,peer}");
  for (const char* junk : {"junk", "{join,peer,g,x}", "{join,peer,g,[m1|x]}", "{leave,peer,m1,x}", "{update,peer,[x]}", "{update,peer,x}",
                           "{'$gen_cast',{sync,peer,[x]}}", "{'$gen_cast',{sync,peer,x}}", "{'$gen_cast',{local_data,peer,1,x}}", "{discover,x}", "{}",
                           "{'$gen_cast',junk}"})
    peer_says(junk);
  // Members that are not the peer's own would stay when its node goes.
  peer_says("{join,peer,g," + local() + "}");
  EXPECT_EQ(to_text(h.runtime().whereis(atom("s"))), scope);
  EXPECT_EQ(pg("which_groups", "[s]"), "{value,[]}");
}

TEST_F(Pg, TellsSubscribersOfTheScopeAndOfOneGroup) {
  // The subscriber is whoever calls: gen_server's request in its name.
  const auto listener = local(), p = local();
  const auto subscribe = [&](const std::string& what) {
    auto request = parse_term("{'$gen_call',{" + listener + ",tag}," + what + "}");
    h.runtime().send(atom("s"), std::move(*request));
    h.runtime().run_until_idle();
    const auto reply = got.back();
    got.clear();
    return reply;
  };
  EXPECT_TRUE(subscribe("monitor").ends_with(",#{}}}"));
  EXPECT_TRUE(subscribe("{monitor,g}").ends_with(",[]}}"));
  pg("join", "[s,g," + p + "]");
  pg("join", "[s,h," + p + "]");
  pg("leave", "[s,h," + p + "]");
  const auto count = [&](const std::string& end) { return std::count_if(got.begin(), got.end(), [&](const auto& m) { return m.ends_with(end); }); };
  EXPECT_EQ(count(",join,g,[" + p + "]}"), 2);
  EXPECT_EQ(count(",join,h,[" + p + "]}"), 1);
  EXPECT_EQ(count(",leave,h,[" + p + "]}"), 1);
  EXPECT_EQ(got.size(), 4u);
}

TEST_F(Pg, LooksLikeOtpsStateFromOutside) {
  const auto p = local();
  pg("join", "[s,g," + p + "]");
  const auto state = apply(h, "sys", "get_state", "[s]");
  EXPECT_TRUE(state.find("{state,s,#{" + p + " => {#Ref<") != state.npos) << state;
  EXPECT_TRUE(state.ends_with(",[g]}},#{},#{},#{},#{}}}")) << state;
}

}  // namespace
}  // namespace cnode::test
