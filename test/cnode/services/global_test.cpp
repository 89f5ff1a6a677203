// global without sockets: one other node, b@host, whose name server is the test. Each step of the protocol, and each stall of it.
#include <gtest/gtest.h>

#include <algorithm>

#include <cnode/actors/gen.hpp>
#include <cnode/protocol/term_order.hpp>

#include "host.hpp"

namespace cnode::test {
namespace {

using strings = std::vector<std::string>;

class Global : public ::testing::Test {
 protected:
  Global() {
    actors::add_behaviour_builtins(h.runtime());
    EXPECT_TRUE(apply(h, "global", "start", "[]").starts_with("{value,{ok,"));
    h.distribution.control.clear();
  }
  std::string global(const std::string& function, const std::string& args) { return apply(h, "global", function, args); }
  std::string local() {
    const auto pid = h.runtime().spawn(std::make_unique<recorder>(got));
    h.runtime().run_until_idle();
    return to_text(pid);
  }
  static term far_pid(block& b, std::uint32_t id) { return make_pid(b, atom("b@host"), 3, id, 0); }
  // A message of node b to the name server. The atoms p0 (its locker), p1 and p2 stand for processes there, `mine` for our tag.
  void b_says(const std::string& message) {
    auto parsed = parse_term(message);
    ASSERT_TRUE(parsed) << message;
    auto b = block::make(64);
    b->root = there(*b, (*parsed)->root);
    h.runtime().send(atom("global_name_server"), std::move(b));
    h.runtime().run_until_idle();
  }
  void b_casts(const std::string& request) { b_says("{'$gen_cast'," + request + "}"); }
  // A call by b's locker: what comes back to it.
  std::string b_calls(const std::string& request) {
    h.distribution.control.clear();
    b_says("{'$gen_call',{p0,tag}," + request + "}");
    const auto all = said();
    return all.empty() ? "" : all.back();
  }
  term there(block& b, term t) const {
    if (t.is_atom()) {
      const auto text = atom_text(t);
      if (text == "mine" && tag) return copy(b, (*tag)->root);
      return text == "p0" ? far_pid(b, 100) : text == "p1" ? far_pid(b, 101) : text == "p2" ? far_pid(b, 102) : t;
    }
    if (t.is_cons()) return make_cons(b, there(b, t.head()), there(b, t.tail()));
    if (!t.is_tuple()) return copy(b, t);
    std::vector<term> e;
    for (std::uint64_t i = 0; i < t.size(); ++i) e.push_back(there(b, t[i]));
    return make_tuple(b, e.data(), e.size());
  }
  static std::string far(std::uint32_t id) {
    auto b = block::make(16);
    return to_text(far_pid(*b, id));
  }
  strings said() {
    strings out;
    for (const auto& f : h.distribution.control)
      if (!f.message.empty()) out.push_back(f.message);
    h.distribution.control.clear();
    return out;
  }
  bool was_said(const std::string& part) {
    const auto all = said();
    return std::any_of(all.begin(), all.end(), [&](const auto& m) { return m.find(part) != m.npos; });
  }
  void later(std::int64_t ms) {
    h.later += std::chrono::milliseconds(ms);
    h.runtime().run_until_idle();
  }

  // nodeup and both greetings.
  void meet() {
    h.runtime().node_up(atom("b@host"), true);
    h.runtime().run_until_idle();
    note_tag();
    b_casts("{init_connect,{8,77},'b@host',{locker,no_longer_a_pid,[],p0}}");
  }
  void note_tag() {
    for (const auto& f : h.distribution.control) {
      const term m = (*f.term)->root;
      if (m.is_tuple(2) && m[1].is_tuple(4) && m[1][0].same(atom("init_connect"))) {
        tag = std::make_shared<const block_ptr>(copy_to_block(m[1][1][1]));
        locker = to_text(m[1][3][3]);
      }
    }
  }
  std::string mine() const { return to_text((*tag)->root); }
  // Answers our request to b that contains `part`; false: there is none.
  bool answer(const std::string& part, const std::string& value) {
    auto& all = h.distribution.control;
    const auto i = std::find_if(all.begin(), all.end(), [&](const auto& f) { return f.message.starts_with("{'$gen_call'") && f.message.find(part) != f.message.npos; });
    if (i == all.end()) return false;
    const auto kept = i->term;
    all.erase(i);
    const term alias = (*kept)->root[1][1];
    auto parsed = parse_term(value);
    auto b = block::make(32);
    b->root = make_tuple_of(*b, copy(*b, alias), copy(*b, (*parsed)->root));
    h.runtime().send(alias.tail(), std::move(b));
    h.runtime().run_until_idle();
    return true;
  }
  // Up to the point where both have the lock.
  void lock_both() {
    meet();
    later(300);
    EXPECT_TRUE(answer("{set_lock,{global,", "true"));
    EXPECT_TRUE(was_said("{'$gen_cast',{lock_set," + locker + ",true,[],77}}"));
    b_casts("{lock_set,p0,true,[],mine}");
  }
  bool lock_is_free() { return global("set_lock", "[{global,x},['cpp@localhost'],0]") == "{value,true}"; }
  void become_known() {
    lock_both();
    said();
    b_casts("{exchange,'b@host',[{theirs,p1,m}],[],mine}");
    b_casts("{resolved,'b@host',[],[],unused,[],mine}");
    EXPECT_TRUE(answer("{del_lock,{global,", "true"));
    said();
  }

  strings got;
  host h;
  std::shared_ptr<const block_ptr> tag;
  std::string locker;
};

TEST_F(Global, GreetsANodeAndAcknowledgesItsGreeting) {
  meet();
  const auto words = said();
  ASSERT_EQ(words.size(), 2u);
  EXPECT_EQ(words[0], "{'$gen_cast',{init_connect,{8," + mine() + "},cpp@localhost,{locker,no_longer_a_pid,#{},"  + locker + "}}}");
  EXPECT_EQ(words[1], "{init_connect_ack,cpp@localhost,77," + mine() + "}");
}

TEST_F(Global, TakesAGreetingThatComesBeforeItsOwnNodeup) {
  b_casts("{init_connect,{8,77},'b@host',{locker,no_longer_a_pid,[],p0}}");
  EXPECT_TRUE(said().empty());
  h.runtime().node_up(atom("b@host"), true);
  h.runtime().run_until_idle();
  note_tag();
  EXPECT_TRUE(was_said("{init_connect_ack,cpp@localhost,77," + mine() + "}"));
}

TEST_F(Global, BecomesKnownWhenBothHaveTheLockAndTheNames) {
  const auto p = local();
  EXPECT_EQ(global("register_name", "[ours," + p + "]"), "{value,yes}");
  lock_both();
  EXPECT_TRUE(was_said("{exchange,cpp@localhost,[{ours," + p + ",fun global:random_exit_name/3}],[],77}"));
  EXPECT_FALSE(lock_is_free());
  b_casts("{exchange,'b@host',[{theirs,p1,m}],[],mine}");
  EXPECT_TRUE(was_said("{resolved,cpp@localhost,[],[],unused,[],77}"));
  b_casts("{resolved,'b@host',[],[],unused,[],mine}");
  EXPECT_EQ(global("whereis_name", "[theirs]"), "{value," + far(101) + "}");
  EXPECT_TRUE(answer("{del_lock,{global,", "true"));
  EXPECT_EQ(apply(h, "gen_server", "call", "[global_name_server,get_known]"), "{value,[b@host]}");
  EXPECT_EQ(apply(h, "gen_server", "call", "[global_name_server,get_synced]"), "{value,[b@host]}");
  EXPECT_EQ(global("sync", "[]"), "{value,ok}");
  EXPECT_TRUE(lock_is_free());
}

TEST_F(Global, AnswersTheOtherLockerThatWasFirst) {
  meet();
  said();
  b_casts("{lock_set,p0,true,[],mine}");
  const auto words = said();
  EXPECT_EQ(words, (strings{"{'$gen_cast',{lock_set," + locker + ",true,[],77}}", "{'$gen_cast',{exchange,cpp@localhost,[],[],77}}"}));
  EXPECT_FALSE(lock_is_free());
}

TEST_F(Global, RefusesALockThatAnotherHolds) {
  meet();
  EXPECT_EQ(b_calls("{set_lock,{global,[p0]}}"), "{tag,true}");
  EXPECT_EQ(b_calls("{set_lock,{global,other}}"), "{tag,false}");
  EXPECT_EQ(b_calls("{del_lock,{global,other}}"), "{tag,true}");
  EXPECT_FALSE(lock_is_free());
  EXPECT_EQ(b_calls("{del_lock,{global,[p0]}}"), "{tag,true}");
  EXPECT_TRUE(lock_is_free());
}

TEST_F(Global, GivesTheLockBackWhenItsHoldersNodeIsGone) {
  meet();
  b_calls("{set_lock,{global,[p0]}}");
  h.runtime().node_down(atom("b@host"), atom("connection_closed"));
  h.runtime().run_until_idle();
  EXPECT_TRUE(lock_is_free());
}

TEST_F(Global, DisconnectsAStrangerThatKeepsTheLock) {
  meet();
  b_calls("{set_lock,{global,[p0]}}");
  later(29'000);
  EXPECT_TRUE(h.disconnected.empty());
  later(2'000);
  EXPECT_EQ(h.disconnected, strings{"b@host"});
}

TEST_F(Global, ReleasesItsLockWhenTheOtherDoesNotAnswerSetLock) {
  meet();
  later(300);
  EXPECT_FALSE(lock_is_free());
  said();
  later(8'000);
  EXPECT_TRUE(lock_is_free());
  EXPECT_TRUE(h.disconnected.empty());
  note_tag();
  // Cancelled and begun again; what comes late finds nobody waiting.
  const auto words = said();
  const auto has = [&](const std::string& part) { return std::any_of(words.begin(), words.end(), [&](const auto& m) { return m.find(part) != m.npos; }); };
  EXPECT_TRUE(has("{del_lock,{global,"));
  EXPECT_TRUE(has("{cancel_connect,cpp@localhost,77}"));
  EXPECT_TRUE(has("{init_connect,{8,"));
}

TEST_F(Global, ReleasesItsLockWhenTheOtherLockerIsSilent) {
  meet();
  later(300);
  EXPECT_TRUE(answer("{set_lock,{global,", "true"));
  said();
  later(8'000);
  later(8'000);
  EXPECT_TRUE(was_said("{cancel_connect,cpp@localhost,77}"));
  EXPECT_TRUE(lock_is_free());
}

TEST_F(Global, ReleasesItsLockWhenNoNamesCome) {
  lock_both();
  said();
  later(31'000);
  EXPECT_TRUE(answer("{del_lock,{global,", "true"));
  EXPECT_TRUE(was_said("{cancel_connect,cpp@localhost,77}"));
  EXPECT_TRUE(lock_is_free());
}

TEST_F(Global, DisconnectsWhoStallsTwice) {
  meet();
  for (int i = 0; i < 6 && h.disconnected.empty(); ++i) {
    h.distribution.control.clear();
    later(8'000);
    note_tag();
    b_casts("{init_connect,{8," + std::to_string(100 + i) + "},'b@host',{locker,no_longer_a_pid,[],p0}}");
    later(3'100);
  }
  EXPECT_EQ(h.disconnected, strings{"b@host"});
}

TEST_F(Global, RegistersOnAllKnownNodesAndGoesOnWithoutOneThatIsSilent) {
  become_known();
  const auto p = local();
  block_ptr out;
  auto args = parse_term("[n," + p + "]");
  h.runtime().spawn(std::make_unique<caller>(atom("global"), atom("register_name"), (*args)->root, out));
  h.runtime().run_until_idle();
  EXPECT_TRUE(answer("{set_lock,{global,", "true"));
  while (answer("{set_lock,{global,", "true")) {
  }
  EXPECT_TRUE(was_said("{register,n," + p));
  EXPECT_FALSE(out);
  later(8'000);
  later(8'000);
  ASSERT_TRUE(out);
  EXPECT_EQ(to_text(out->root), "{value,yes}");
  EXPECT_TRUE(lock_is_free());
}

TEST_F(Global, TellsOthersOfALostConnectionAndPartsWithWhoHasLostOne) {
  become_known();
  b_says("{lost_connection,'c@host',123,5,'b@host'}");
  const auto words = said();
  EXPECT_EQ(words, (strings{"{lost_connection,c@host,123,5,b@host}", "{remove_connection,cpp@localhost}"}));
  EXPECT_EQ(apply(h, "gen_server", "call", "[global_name_server,get_known]"), "{value,[]}");
  b_says("{lost_connection,'c@host',123,5,'b@host'}");
  EXPECT_TRUE(said().empty());
}

TEST_F(Global, DisconnectsWhoAsksForIt) {
  become_known();
  b_says("{remove_connection,'b@host'}");
  EXPECT_EQ(h.disconnected, strings{"b@host"});
  // Its end is no news then.
  h.runtime().node_down(atom("b@host"), atom("disconnect"));
  h.runtime().run_until_idle();
  EXPECT_FALSE(was_said("lost_connection"));
  EXPECT_EQ(global("whereis_name", "[theirs]"), "{value,undefined}");
}

TEST_F(Global, BeginsAgainWhenTheTagsDoNotMatch) {
  meet();
  said();
  b_says("{init_connect_ack,'b@host',mine,77}");
  EXPECT_TRUE(said().empty());
  b_says("{init_connect_ack,'b@host',mine,78}");
  const auto words = said();
  ASSERT_FALSE(words.empty());
  EXPECT_EQ(words.front(), "{cancel_connect,cpp@localhost,78}");
  EXPECT_TRUE(words.back().starts_with("{'$gen_cast',{init_connect,{8,"));
}

TEST_F(Global, IgnoresProtocolsOlderThanFive) {
  h.runtime().node_up(atom("b@host"), true);
  h.runtime().run_until_idle();
  said();
  b_casts("{init_connect,{4,77},'b@host',{locker,no_longer_a_pid,[],p0}}");
  EXPECT_TRUE(said().empty());
}

TEST_F(Global, ResolvesAConflictWithTheFunctionOfTheName) {
  const auto p = local();
  // b@host is smaller than cpp@localhost: it resolves, and asks us to run the function for our process.
  EXPECT_EQ(global("resolve_it", "[fun global:notify_all_name/3,n," + p + "," + p + "]"), "{value,none}");
  EXPECT_EQ(got.size(), 2u);
  EXPECT_EQ(global("resolve_it", "[{global,random_notify_name},n," + p + "," + p + "]"), "{value," + p + "}");
  EXPECT_TRUE(global("resolve_it", "[nofun,n," + p + "," + p + "]").starts_with("{value,{'EXIT',{{badfun,nofun},"));
}

TEST_F(Global, TransactionsRunUnderTheLockAndGiveItBackWhateverHappens) {
  EXPECT_EQ(global("trans", "[{r,me},fun erlang:node/0,['cpp@localhost']]"), "{value,cpp@localhost}");
  EXPECT_EQ(global("trans", "[{r,me},{erlang,no_such_function},['cpp@localhost'],0]"), "{error,undef}");
  EXPECT_TRUE(global("trans", "[{r,me},no_function,['cpp@localhost'],0]").starts_with("{error,"));
  EXPECT_EQ(global("set_lock", "[{r,you},['cpp@localhost'],0]"), "{value,true}");
  EXPECT_EQ(global("set_lock", "[r,['cpp@localhost'],0]"), "{error,function_clause}");
}

// Whoever is connected may send to any process: global's locker and registrar, rex's block caller and the rest.
TEST_F(Global, LetsNothingThrowItsHelpers) {
  const auto all = h.runtime().processes();
  for (const term pid : all)
    for (const char* junk : {"{his_the_locker,x,7,1,2}", "{his_the_locker,p0,seven,1,2}", "{lock_set,x,true,1,2}", "{cancel,x,y,z}", "{trans_all_known,x,y}",
                             "{trans_all_known,{unregister,n},y}", "{trans_all_known,x,{p0,y}}", "{x,{a,b,c},y}"}) {
      auto message = parse_term(junk);
      ASSERT_TRUE(message) << junk;
      h.runtime().send(pid, std::move(*message));
      h.runtime().run_until_idle();
    }
  for (const term pid : all) EXPECT_TRUE(h.runtime().alive(pid)) << to_text(pid);
}

TEST_F(Global, LetsNothingThrowIt) {
  become_known();
  for (const char* junk :
       {"junk", "{}", "{lost_connection,1,2,3,4}", "{lost_connection,'b@host',x,y,'b@host'}", "{remove_connection,1}", "{cancel_connect,1,2}",
        "{init_connect_ack,1,2,3}", "{'DOWN',x,process,y,z}", "{nodeup,1,2}", "{extra_nodedown,x}", "{'$gen_cast',junk}", "{'$gen_cast',{init_connect,1,2,3}}",
        "{'$gen_cast',{init_connect,{8,1},'b@host',{locker,a,b,c}}}", "{'$gen_cast',{exchange,'b@host',[x],[],mine}}", "{'$gen_cast',{exchange,1,[],[],mine}}",
        "{'$gen_cast',{resolved,'b@host',[x|y],[],z,[],mine}}", "{'$gen_cast',{resolved,'b@host',[x],[y],z,[w],mine}}",
        "{'$gen_cast',{new_nodes,'b@host',[x,{insert,y},{insert,{a,b,c}},{delete,q}],[z],[1,{'b@host',x}],[w]}}", "{'$gen_cast',{in_sync,1,true}}",
        "{'$gen_cast',{lock_set,x,true,[],mine}}", "{'$gen_cast',{lock_set,p0,x,y,z}}", "{'$gen_cast',{lock_is_set,'b@host',1,2}}",
        "{'$gen_cast',{exchange_ops,'b@host',1,2,3}}", "{'$gen_cast',{stalled,1,2}}", "{'$gen_call',{p0,tag},{set_lock,x}}",
        "{'$gen_call',x,{set_lock,{a,b}}}", "{'$gen_call',{x,tag},{sync,[]}}", "{'$gen_call',{},disconnect}", "{'$gen_call',{p0,tag},{register,a,b,c}}", "{'$gen_call',{p0,tag},junk}", "{'$stalled',1,2}", "{'$lock_held',x}", "{'$not_there',1}",
        "{'EXIT',p0,x}"})
    b_says(junk);
  EXPECT_EQ(apply(h, "gen_server", "call", "[global_name_server,get_protocol_version]"), "{value,8}");
}

}  // namespace
}  // namespace cnode::test
