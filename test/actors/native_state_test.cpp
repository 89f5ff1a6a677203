// Native state across versions: modules/states.cpp is upgraded from one layout to another under a living gen_server.
#include <gtest/gtest.h>

#include <cnode/actors/gen.hpp>

#include "code_node.hpp"

namespace cnode::test {
namespace {

class native_state : public ::testing::Test {
 protected:
  native_state() {
    actors::add_behaviour_builtins(*n.runtime);
    put("v1");
  }
  void put(const std::string& variant) {
    write(n.dir + "/states.so", contents(std::string{TEST_MODULES} + "/states_" + variant + "/states.so"));
  }
  void load(const std::string& variant) {
    put(variant);
    ASSERT_EQ(n.call("code", "load_file", "[states]"), "{module,states}");
  }
  std::string purge() { return n.call("code", "purge", "[states]"); }
  void start(const std::string& argument) {
    const auto started = n.call("gen_server", "start", "[states, " + argument + ", []]");
    ASSERT_EQ(started.substr(0, 4), "{ok,") << started;
    server = started.substr(4, started.size() - 5);
  }
  std::string ask(const std::string& request) { return n.call("states", "asks", "[" + server + ", " + request + "]"); }
  std::string sys(const std::string& f, const std::string& more = "") {
    return n.call("sys", f, "[" + server + (more.empty() ? "" : ", " + more) + "]");
  }
  std::string change_code(const std::string& extra) { return sys("change_code", "states, old_vsn, " + extra); }
  std::string get_state() { return sys("get_state"); }
  std::string call(const std::string& f, const std::string& args) { return n.call("states", f, args); }
  std::uint64_t unmapped() { return n.runtime->code().unloads().unmapped; }

  code_node n;
  std::string server;
};

using NativeState = native_state;

// ---- the ways

TEST_F(NativeState, OutsideTheStateIsTakenOverByAPurgeAsWell) {
  start("{samples, 3}");
  EXPECT_EQ(ask("remember"), "ok");
  load("v1_again");
  EXPECT_EQ(purge(), "false");
  EXPECT_TRUE(n.unmaps(1)) << "an object in the dictionary holds the old version";
  EXPECT_EQ(ask("size"), "3");
}

TEST_F(NativeState, IsConvertedByTheAuthorsUpgradeWithoutCopyingItsContents) {
  start("{samples, 100000}");
  const auto where = ask("where");
  load("v2");
  EXPECT_EQ(ask("total"), "100000") << "what the upgrade computed";
  EXPECT_EQ(ask("where"), where) << "moved, not copied";
  EXPECT_EQ(purge(), "false");
  EXPECT_TRUE(n.unmaps(1)) << "the old object is gone, and with it the need for its version";
  EXPECT_EQ(ask("where"), where);
}

TEST_F(NativeState, IsNotConvertedForAClauseThatDoesNotFitOtherwise) {
  start("{samples, 2}");
  load("v2");
  sys("suspend");
  EXPECT_EQ(change_code("something_else").substr(0, 32), "{error,{'EXIT',{function_clause,");
  EXPECT_EQ(get_state(), "#{values => [1,1]}");
  sys("resume");
  EXPECT_EQ(ask("total"), "2");
}

TEST_F(NativeState, GoesThroughATermWhenTheNewVersionHasNoUpgrade) {
  start("{samples, 2}");
  load("v2");
  ask("total");
  EXPECT_EQ(purge(), "false");
  load("v1");  // a downgrade: {values, total} as {values}
  EXPECT_EQ(ask("size"), "2");
  EXPECT_EQ(get_state(), "#{values => [1,1]}");
}

TEST_F(NativeState, ThatDoesNotFitIsBadState) {
  start("{samples, 2}");
  load("v3");
  EXPECT_EQ(ask("vsn"), "<<\"3\">>") << "a clause that takes any term";
  EXPECT_EQ(ask("name").substr(0, 60), "{{{bad_state,#{values => [1,1]}},[{states,handle_call,[name,");
  EXPECT_NE(n.log.find("bad_state"), std::string::npos);
}

TEST_F(NativeState, IsNotBlamedForAnUnknownRequest) {
  start("{samples, 2}");
  load("v3");
  EXPECT_EQ(ask("no_such").substr(0, 19), "{{function_clause,[");
}

TEST_F(NativeState, OfAnotherMeaningIsNotAdopted) {
  start("{samples, 2}");
  const auto where = ask("where");
  load("v1_meaning");
  EXPECT_NE(ask("where"), where) << "CNODE_STRUCT_VERSION makes it another type";
  EXPECT_EQ(ask("size"), "2");
}

TEST_F(NativeState, WithForeignPartsIsCarriedOverAsATerm) {
  start("{counted, 7}");
  EXPECT_EQ(ask("count"), "8");
  load("v1_again");
  EXPECT_EQ(ask("count"), "9");
  EXPECT_EQ(purge(), "false");
  EXPECT_TRUE(n.unmaps(1));
  EXPECT_EQ(ask("count"), "10");
}

// ---- code_change and purge

TEST_F(NativeState, IsGivenToCodeChangeAsTheOldType) {
  start("{samples, 3}");
  const auto where = ask("where");
  sys("suspend");
  load("v2");
  EXPECT_EQ(change_code("as_old"), "ok");
  sys("resume");
  EXPECT_EQ(ask("total"), "300") << "code_change saw the old value, not what CNODE_UPGRADE makes of it";
  EXPECT_EQ(ask("where"), where);
}

TEST_F(NativeState, IsGivenToCodeChangeAsATermWhenThatAsksForOne) {
  start("{samples, 3}");
  sys("suspend");
  load("v2");
  EXPECT_EQ(change_code("as_term"), "ok");
  EXPECT_EQ(get_state(), "{term,old_vsn,#{values => [1,1,1]}}");
}

TEST_F(NativeState, IsGivenToCodeChangeAsAStructThatTheTermFits) {
  start("{samples, 3}");
  load("v1_again");
  sys("suspend");
  EXPECT_EQ(change_code("as_struct"), "ok");
  EXPECT_EQ(get_state(), "{struct,#{values => [1,1,1]}}");
}

TEST_F(NativeState, RunsCodeChangeAlsoWhenTheLayoutIsTheSame) {
  start("{samples, 1}");
  sys("suspend");
  load("v1_again");
  EXPECT_EQ(change_code("as_new"), "ok");
  EXPECT_EQ(get_state(), "#{values => [1,1000]}");
}

TEST_F(NativeState, StaysWhenCodeChangeRefuses) {
  start("{samples, 1}");
  sys("suspend");
  load("v1_again");
  EXPECT_EQ(change_code("refuse"), "{error,{error,no}}");
  sys("resume");
  EXPECT_EQ(ask("kind"), "native");
  EXPECT_EQ(get_state(), "#{values => [1]}");
}

TEST_F(NativeState, OfAnIdleServerIsAdoptedByAPurge) {
  start("{samples, 100000}");
  const auto where = ask("where");
  load("v1_again");
  EXPECT_EQ(purge(), "false");
  EXPECT_TRUE(n.unmaps(1)) << "no callback has run since";
  EXPECT_EQ(ask("kind"), "native");
  EXPECT_EQ(ask("where"), where);
}

TEST_F(NativeState, OfASuspendedServerIsAdoptedByAPurgeAndNotConverted) {
  start("{samples, 3}");
  const auto where = ask("where");
  sys("suspend");
  load("v2");
  EXPECT_EQ(purge(), "false");
  EXPECT_TRUE(n.unmaps(1));
  EXPECT_EQ(get_state(), "#{values => [1,1,1]}") << "still the old value";
  EXPECT_EQ(change_code("as_old"), "ok");
  sys("resume");
  EXPECT_EQ(ask("total"), "300");
  EXPECT_EQ(ask("where"), where);
}

TEST_F(NativeState, OfAnotherLayoutBecomesATermByAPurge) {
  start("{samples, 3}");
  sys("suspend");
  load("v4");
  EXPECT_EQ(purge(), "false");
  EXPECT_TRUE(n.unmaps(1));
  EXPECT_EQ(change_code("as_term"), "ok");
  EXPECT_EQ(get_state(), "{term,old_vsn,#{values => [1,1,1]}}");
}

TEST_F(NativeState, ThatBecameATermIsAStateLikeAnyOther) {
  start("{samples, 3}");
  load("v4");
  EXPECT_EQ(purge(), "false");
  EXPECT_TRUE(n.unmaps(1));
  EXPECT_EQ(ask("kind"), "map");
  EXPECT_EQ(ask("total").substr(0, 19), "{{function_clause,[");
}

TEST_F(NativeState, BecomesATermWhenItsModuleIsDeletedAndPurged) {
  start("{samples, 3}");
  EXPECT_EQ(n.call("code", "delete", "[states]"), "true");
  EXPECT_EQ(purge(), "false");
  EXPECT_TRUE(n.unmaps(1));
  EXPECT_EQ(ask("size"), "3") << "loaded again from the path";
}

TEST_F(NativeState, IsLeftAloneByAPurgeWhileACallbackWaitsWithIt) {
  start("{samples, 3}");
  load("v4");
  auto first = n.start_waiting("states", "one");  // the callback runs in v4, its state is v1's
  ASSERT_EQ(n.call("gen_server", "cast", "[" + server + ", {wait, " + to_text(first.pid) + "}]"), "ok");
  ASSERT_EQ(n.wait(std::move(first)), "waits");
  EXPECT_EQ(purge(), "false");
  auto second = n.start_waiting("states", "one");
  auto go = parse_term("{go, " + to_text(second.pid) + "}");
  ASSERT_TRUE(go);
  n.runtime->send((*parse_term(server))->root, std::move(*go));
  EXPECT_EQ(n.wait(std::move(second)), "{kind,native}");
  EXPECT_TRUE(n.unmaps(1)) << "afterwards it became a term";
  EXPECT_EQ(ask("kind"), "map");
}

TEST_F(NativeState, MayLieAnywhereInTheState) {
  start("{nested, 2, 3}");
  const auto where = ask("where");
  EXPECT_EQ(get_state(), "{nested,#{values => [1,1]},[#{values => [1,1,1]}]}");
  load("v1_again");
  EXPECT_EQ(purge(), "false");
  EXPECT_TRUE(n.unmaps(1));
  EXPECT_EQ(ask("where"), where);
  load("v2");
  EXPECT_EQ(ask("where"), where) << "both moved by the upgrade";
  EXPECT_EQ(purge(), "false");
  EXPECT_TRUE(n.unmaps(2));
  EXPECT_EQ(get_state(), "{nested,#{total => 2,values => [1,1]},[#{total => 3,values => [1,1,1]}]}");
}

// ---- what people see

TEST_F(NativeState, IsShownWithoutItsHugeParts) {
  start("{shown, 70000}");
  EXPECT_EQ(get_state().substr(0, 150),
            "#{all => #{text => <<\"" + std::string(128, 'a')) << "CNODE_SHOW_WHOLE";
  const auto state = get_state();
  EXPECT_EQ(state.substr(state.find(",big")),
            ",big => {blob,<<\"string\">>,70000},hidden => {password,70000},limit => infinity,"
            "numbers => {blob,<<\"vector<float64>\">>,560000}}");
  EXPECT_NE(sys("get_status").find("{blob,<<\"string\">>,70000}"), std::string::npos);
}

TEST_F(NativeState, OfModestSizeIsShownWhole) {
  start("{shown, 2}");
  EXPECT_EQ(get_state(), "#{all => #{text => <<\"aa\">>},big => <<\"aa\">>,hidden => {password,2},limit => infinity,numbers => [1.0,1.0]}");
}

TEST_F(NativeState, IsWholeForWhoReplacesIt) {
  start("{samples, 10000}");
  EXPECT_EQ(get_state(), "#{values => {blob,<<\"vector<int64>\">>,80000}}");
  EXPECT_EQ(sys("replace_state", "fun states:same/1").substr(0, 20), "#{values => [1,1,1,1");
  EXPECT_EQ(ask("size"), "10000");
}

TEST_F(NativeState, IsWholeForANewerVersion) {
  start("{shown, 70000}");
  load("v1_meaning");
  EXPECT_EQ(purge(), "false");
  sys("suspend");
  EXPECT_EQ(change_code("as_term"), "ok");
  const auto state = get_state();
  EXPECT_EQ(state.find("blob"), std::string::npos);
  EXPECT_NE(state.find("big => <<\"aaaa"), std::string::npos);
  EXPECT_NE(state.find("limit => infinity"), std::string::npos);
}

TEST_F(NativeState, KeepsWhatErlangHasNoNumberFor) {
  start("{shown, 1}");
  EXPECT_EQ(ask("limit"), "true");
  load("v1_again");
  EXPECT_EQ(ask("limit"), "true");
  EXPECT_EQ(call("everything", "[nan]"), "error:function_clause");
}

// ---- every type of the list

TEST_F(NativeState, HoldsEveryTypeOfTheListAndShowsItAsATerm) {
  const std::string wide =
      "#{bag => [1,1,2],bits => [0,69],c => {1.0,-1.0},either => <<\"text\">>,flags => [true,false],grade => high,"
      "long_period => {5,{60,1}},names => [<<\"a\">>],none => nil,number => 1,pairs => [{1,<<\"a\">>},{1,<<\"b\">>}],"
      "period => {1500,millisecond},points => [#{x => 1,y => 2}],prices => #{<<\"tea\">> => 2.5},"
      "set => [#{x => 0,y => 0},#{x => 1,y => 0}],since => {1000,second},some => #{x => 3,y => 4},three => [1000,2000,3000],word => here}";
  EXPECT_EQ(call("everything", "[" + wide + "]"), wide);
  EXPECT_EQ(call("kept", "[" + wide + "]").substr(0, 8), "#Native<") << "as a native object";
  const auto with = [&](const std::string& from, const std::string& to) {
    auto text = wide;
    return call("everything", "[" + text.replace(text.find(from), from.size(), to) + "]");
  };
  constexpr auto clause = "error:function_clause";
  EXPECT_EQ(with("[1000,2000,3000]", "[1,2]"), clause);
  EXPECT_EQ(with("[1000,2000,3000]", "[1,2,3,4]"), clause);
  EXPECT_EQ(with("grade => high", "grade => middle"), clause);
  EXPECT_EQ(with("[0,69]", "[70]"), clause);
  EXPECT_EQ(with("{1500,millisecond}", "{1500,microsecond}"), clause) << "no whole number of milliseconds";
  EXPECT_NE(with("{1500,millisecond}", "{1500,second}").find("{1500000,millisecond}"), std::string::npos);
  EXPECT_EQ(with("{1500,millisecond}", "{9223372036854775807,second}"), clause);
  EXPECT_EQ(with("{1500,millisecond}", "{1,{0,1}}"), clause);
}

}  // namespace
}  // namespace cnode::test
