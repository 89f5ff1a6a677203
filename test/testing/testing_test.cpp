// The harness of module authors: what it plays, and what it says when something goes wrong.
#include <cnode/testing.hpp>
#include <gtest/gtest-spi.h>

using namespace cnode::testing;
using namespace std::chrono_literals;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

struct subject_node : node {
  explicit subject_node(const options& o = {}) : node(o) { load("subject_v1"); }
};

}  // namespace

// ---- values

TEST(Value, IsReadInElixirsSyntaxAndInErlangs) {
  EXPECT_EQ(value(":inc"), value("inc"));
  EXPECT_EQ(value("{:add, 5}"), "{add,5}");
  EXPECT_EQ(value("%{name: \"Joe\", \"k\" => 1}"), "#{name => <<\"Joe\">>, <<\"k\">> => 1}");
  EXPECT_EQ(value("[a: 1, b: {:c, [d: 2]}]"), "[{a,1},{b,{c,[{d,2}]}}]");
  EXPECT_EQ(value("%User{id: 1}"), "#{'__struct__' => 'Elixir.User', id => 1}");
  EXPECT_EQ(value("%Empty{}"), "#{'__struct__' => 'Elixir.Empty'}");
  EXPECT_EQ(value("CodePurge.PiGs"), "'Elixir.CodePurge.PiGs'");
  EXPECT_EQ(value("Elixir.Inc"), "Inc");
  EXPECT_EQ(value("~c\"abc\""), "[$a, ?b, 99]");
  EXPECT_EQ(value("<<1, \"ab\", 2>>"), "<<1,97,98,2>>");
  EXPECT_EQ(value("&Inc.get/1"), "fun 'Elixir.Inc':get/1");
  EXPECT_EQ(value("&:lists.map/2"), "fun lists:map/2");
  EXPECT_EQ(value("[1_000, 0xff, 16#ff, -1.5e-3 | :tail]"), "[1000, 255, 255, -0.0015 | tail]");
  EXPECT_EQ(value("[nil, true, false, :\"a b\", 'c d', :ok?]"), "[nil, true, false, 'a b', 'c d', 'ok?']");
  EXPECT_EQ(value("\"line\\n\\\"quoted\\\" \xc3\xa9\""), value::binary("line\n\"quoted\" \xc3\xa9"));
  EXPECT_EQ(value("{:a, %{\"x y\": [], b: {}}}"), "{a, #{'x y' => [], b => {}}}");
}
TEST(Value, ThatIsNoTermSaysSo) {
  EXPECT_THROW(value("{:a"), failure);
  EXPECT_THROW(value("1 2"), failure);
  EXPECT_THROW(value(""), failure);
}
TEST(Value, IsComparedExactlyAndShownAsElixirShowsIt) {
  EXPECT_EQ(value(1), "1");
  EXPECT_FALSE(value(1) == value(1.0));
  EXPECT_EQ(value("{ok, #{a => <<\"b\">>}}").text(), "{:ok, %{a: \"b\"}}");
  EXPECT_EQ(value(":ok").erlang_text(), "ok");
}
TEST(Value, GivesItsParts) {
  const value v("{:ok, [1, 2.5, \"three\", true], %{key: :word}}");
  EXPECT_EQ(v.at(1).at(0).as<int>(), 1);
  EXPECT_EQ(v.at(1).at(1).as<double>(), 2.5);
  EXPECT_EQ(v.at(1).at(2).as<std::string>(), "three");
  EXPECT_TRUE(v.at(1).at(3).as<bool>());
  EXPECT_EQ(v.at(1).size(), 4u);
  EXPECT_EQ(v.at(2).get(":key").as<std::string>(), "word");
  EXPECT_FALSE(v.at(2).has(":other"));
  EXPECT_THROW(v.at(3), failure);
  EXPECT_THROW(v.at(2).get(":other"), failure);
  EXPECT_THROW(v.as<int>(), failure);
}
TEST(Value, IsMadeOfValues) {
  EXPECT_EQ(value::tuple({value::atom("add"), 5}), "{:add, 5}");
  EXPECT_EQ(value::map({{":a", value::list({1, "2"})}}), "%{a: [1, 2]}");
  EXPECT_EQ(value::charlist("ab"), "~c\"ab\"");
}

// ---- servers

TEST(Server, IsStartedCalledAndAskedForItsState) {
  subject_node n;
  auto server = n.start("Subject", "[7]");
  EXPECT_EQ(server.call("{:push, 5}"), 2);
  EXPECT_EQ(server.state(), "%{values: [7, 5]}");
  EXPECT_TRUE(server.alive());
  EXPECT_EQ(server.info("message_queue_len"), 0);
}
TEST(Server, ThatDoesNotStartSaysWhy) {
  subject_node n;
  EXPECT_EQ(exception_of([&] { n.start("Subject", ":refuse"); }).reason(), ":refused");
  EXPECT_EQ(exception_of([&] { n.start("Subject", ":crash"); }).reason().at(0), ":badarg");
  EXPECT_EQ(exception_of([&] { n.start("Absent"); }).reason().at(0), ":undef");
}
TEST(Server, ThatFailsRaisesInTheCallerWithReasonAndStack) {
  subject_node n;
  auto server = n.start("Subject");
  const auto e = exception_of([&] { server.call(":boom"); });
  EXPECT_EQ(e.error_class(), "exit");
  EXPECT_EQ(e.reason().at(0).at(0), "{:boom, 1}");
  EXPECT_PRED2(contains, e.what(), "{:boom, 1}");
  EXPECT_PRED2(contains, e.what(), "Subject");
  EXPECT_FALSE(server.alive());
  EXPECT_EQ(server.exit_reason().at(0), "{:boom, 1}");
  EXPECT_PRED2(contains, n.logged(), "terminating");
  EXPECT_PRED2(contains, n.printed(), "terminate: {{:boom, 1}");
}
TEST(Server, IsStoppedInOrderOrKilled) {
  subject_node n;
  auto first = n.start("Subject"), second = n.start("Subject");
  EXPECT_THROW(first.exit_reason(), failure);
  first.stop(":shutdown");
  EXPECT_EQ(first.exit_reason(), ":shutdown");
  EXPECT_EQ(n.printed(), "terminate: :shutdown\n");
  second.kill();
  EXPECT_EQ(second.exit_reason(), ":killed");
  EXPECT_EQ(n.printed(), "");
}
TEST(Server, HasANameWhenItIsStartedWithOne) {
  subject_node n;
  n.start("Subject", "[]", "[name: :the_subject]");
  auto server = n.process_of(":the_subject");
  EXPECT_EQ(server.call(":vsn"), "\"1\"");
  EXPECT_EQ(n.apply("Process", "whereis", "[:the_subject]"), server.pid());
  EXPECT_THROW(n.process_of(":nobody"), failure);
}
TEST(Server, LivesUnderASupervisor) {
  subject_node n;
  const auto sup = n.apply("supervisor", "start_link", "[Subject, []]").at(0);
  EXPECT_EQ(sup, ":error");  // Subject is no supervisor's callback module
  const auto pid = n.apply("Subject", "start_link", "[:child]").at(1);
  auto child = n.process_of(":child");
  EXPECT_EQ(child.pid(), pid);
  EXPECT_EQ(child.call("{:push, 2}"), 2);
  child.kill();
  EXPECT_EQ(n.me().receive(), value::tuple({":EXIT", pid, ":killed"}));
}
TEST(Server, CallsOtherModulesThatAreFoundOnThePath) {
  subject_node n;
  EXPECT_EQ(exception_of([&] { n.apply("Subject", "adds", "[1, 2]"); }).reason(), ":undef");
  n.add_path(CALCULATOR_V1);
  EXPECT_EQ(n.apply("Subject", "adds", "[1, 2]"), 3);
  EXPECT_TRUE(n.is_loaded("Calculator"));
  EXPECT_EQ(n.apply("lists", "reverse", "[[1, 2]]"), "[2, 1]");
}

// ---- time

TEST(Clock, StandsStillUntilItIsMoved) {
  subject_node n;
  auto server = n.start("Subject", ":tick");
  EXPECT_EQ(server.state(), "%{values: []}");
  n.pass(99ms);
  EXPECT_EQ(server.state(), "%{values: []}");
  n.pass(1ms);
  EXPECT_EQ(server.state(), "%{values: [0]}");
  n.pass(1s);
  EXPECT_EQ(server.state().get(":values").size(), 11u);
}
TEST(Clock, FiresAServersTimeout) {
  subject_node n;
  auto server = n.start("Subject");
  server.call(":short");
  n.pass(249ms);
  EXPECT_EQ(n.printed(), "");
  n.pass(1ms);
  EXPECT_EQ(n.printed(), "timeout\n");
}
TEST(Clock, MovesByItselfWhileAnAnswerIsAwaited) {
  subject_node n;
  auto server = n.start("Subject");
  const auto e = exception_of([&] { server.call(":silent", 2s); });
  EXPECT_EQ(e.reason().at(0), ":timeout");
  server.cast(value::tuple({":ask_slowly", n.me()}));
  EXPECT_EQ(n.me().receive(), ":slowly");
}

// ---- clients and tasks

TEST(Client, SeesMessagesMonitorsAndExits) {
  subject_node n;
  auto echo = n.spawn("Subject", "echo");
  auto other = n.new_client();
  const auto ref = other.monitor(echo);
  other.link(echo);
  echo.send(value::tuple({":echo", other, ":hello"}));
  EXPECT_EQ(other.receive(), "{\"1\", :hello}");
  echo.exit(":why");
  const auto got = other.received();
  ASSERT_EQ(got.size(), 2u);
  const bool exit_first = got[0].at(0) == ":EXIT";
  EXPECT_EQ(got[exit_first ? 0 : 1], value::tuple({":EXIT", echo, ":why"}));
  EXPECT_EQ(got[exit_first ? 1 : 0], value::tuple({":DOWN", ref, ":process", echo, ":why"}));
  EXPECT_TRUE(other.received().empty());
}
TEST(Client, HearsHowAFunctionFails) {
  subject_node n;
  const auto e = exception_of([&] { n.apply("Subject", "fails"); });
  EXPECT_EQ(e.error_class(), "error");
  EXPECT_EQ(e.reason(), ":in_a_function");
  EXPECT_PRED2(contains, e.what(), "fails");
  EXPECT_EQ(exception_of([&] { n.apply("Subject", "no_such"); }).reason(), ":undef");
}
TEST(Client, GetsNativeValuesAsTerms) {
  subject_node n;
  EXPECT_EQ(n.apply("Subject", "native_value"), "%{values: [1, 2]}");
}

// ---- versions

TEST(Upgrade, RunsCodeChangeUpAndDown) {
  subject_node n;
  auto server = n.start("Subject", "[1]");
  n.upgrade(server, "subject_v2", "[:hello]");
  EXPECT_EQ(n.printed(), "2 from 1 with [:hello]\n");
  EXPECT_EQ(server.call(":vsn"), "\"2\"");
  EXPECT_EQ(server.call("{:push, 2}"), 2);
  n.downgrade(server, "subject_v1");
  EXPECT_EQ(n.printed(), "2 down to 1\n");
  EXPECT_EQ(server.call(":vsn"), "\"1\"");
  EXPECT_EQ(server.state(), "%{values: [1, 2]}");
}
TEST(Upgrade, WithoutCodeChangeTakesTheLivingObjectOver) {
  subject_node n;
  auto server = n.start("Subject", "[1]");
  const auto address = server.call(":address");
  n.load("subject_v2");
  EXPECT_EQ(server.call("{:push, 2}"), 2);
  EXPECT_EQ(server.call(":vsn"), "\"2\"");
  EXPECT_EQ(server.call(":address"), address);
  EXPECT_FALSE(n.purge("Subject"));
  EXPECT_EQ(n.unmapped(), 1u);
}
TEST(Upgrade, ThatIsRefusedRaisesAndLeavesTheServerSuspended) {
  subject_node n;
  auto server = n.start("Subject", "[1]");
  EXPECT_EQ(exception_of([&] { n.upgrade(server, "subject_v2", ":refuse"); }).reason(), "{:error, {:error, :no}}");
  EXPECT_EQ(exception_of([&] { server.call(":vsn"); }).reason().at(0), ":timeout");
  server.resume();
  EXPECT_EQ(server.call(":vsn"), "\"2\"");
}
TEST(Upgrade, OfSeveralServersAtOnce) {
  subject_node n;
  auto a = n.start("Subject", "[1]"), b = n.start("Subject", "[2]");
  n.upgrade({a, b}, "subject_v2");
  EXPECT_EQ(a.state(), "%{values: [1]}");
  EXPECT_EQ(b.state(), "%{values: [2]}");
}
TEST(Upgrade, StepByStep) {
  subject_node n;
  auto server = n.start("Subject", "[1]");
  server.suspend();
  n.load("subject_v2");
  server.change_code("Subject", "\"1\"", ":by_hand");
  server.resume();
  EXPECT_EQ(n.printed(), "2 from 1 with :by_hand\n");
  EXPECT_EQ(server.status().size(), 4u);
}
TEST(Downgrade, ToAFileNeverLoadedReadsItsVsnFromTheStamp) {
  node n;
  n.load("subject_v2");
  auto server = n.start("Subject");
  n.downgrade(server, "subject_v1");
  EXPECT_EQ(n.printed(), "2 down to 1\n");
}
TEST(Purge, KillsWhoWaitsInOldCodeAndUnmapsIt) {
  subject_node n;
  auto stays = n.spawn("Subject", "echo");
  n.load("subject_v2");
  EXPECT_TRUE(n.has_old_code("Subject"));
  EXPECT_EQ(n.vsn("Subject"), "\"2\"");
  EXPECT_FALSE(n.soft_purge("Subject"));
  EXPECT_EQ(n.lingering(), 0u);
  EXPECT_TRUE(n.purge("Subject"));
  EXPECT_EQ(stays.exit_reason(), ":killed");
  EXPECT_EQ(n.unmapped(), 1u);
  EXPECT_EQ(n.lingering(), 0u);
}
TEST(Purge, LeavesAServerWithNativeStateAlone) {
  subject_node n;
  auto server = n.start("Subject", "[3]");
  n.load("subject_v2");
  EXPECT_FALSE(n.purge("Subject"));
  EXPECT_EQ(n.unmapped(), 1u);
  EXPECT_EQ(server.call("{:push, 4}"), 2);
}
TEST(Load, OfABadFileSaysWhy) {
  node n;
  try {
    n.load(__FILE__);
    FAIL();
  } catch (const refused& e) {
    EXPECT_EQ(e.error(), "nofile");
  }
  try {
    n.load(NO_MODULE);
    FAIL();
  } catch (const refused& e) {
    EXPECT_EQ(e.error(), "badfile");
    EXPECT_PRED2(contains, e.what(), "Text.so");
  }
}

// ---- what goes wrong

TEST(Failure, SaysWhoWaitsWhenNothingCanHappenAnyMore) {
  subject_node n;
  try {
    n.apply("Subject", "forever");
    FAIL();
  } catch (const failure& e) {
    EXPECT_PRED2(contains, e.what(), "nothing more can happen");
    EXPECT_PRED2(contains, e.what(), "Subject");
  }
  EXPECT_EQ(n.new_client().apply("Subject", "native_value"), "%{values: [1, 2]}");
}
TEST(Failure, NamesACallbackThatDoesNotReturn) {
  subject_node n(options{.patience = 3000ms});
  auto server = n.start("Subject");
  try {
    server.call(":patient");
    FAIL();
  } catch (const failure& e) {
    EXPECT_PRED2(contains, e.what(), "has not returned within 3000 ms");
    EXPECT_PRED2(contains, e.what(), "Subject");
  }
  EXPECT_FALSE(server.alive());
  EXPECT_EQ(n.start("Subject").call(":vsn"), "\"1\"");
}
TEST(Failure, GivesUpANodeWhoseCallbackNeverEnds) {
  {
    subject_node n(options{.patience = 3000ms});
    auto server = n.start("Subject");
    EXPECT_THROW(server.call(":stubborn"), failure);
    EXPECT_THROW(server.alive(), failure);
  }
  subject_node next;
  EXPECT_EQ(next.start("Subject").call(":vsn"), "\"1\"");
}
TEST(Failure, OfAVersionThatStaysMappedFailsTheTest) {
  EXPECT_NONFATAL_FAILURE(
      {
        subject_node n;
        EXPECT_EQ(n.apply("Subject", "pins_itself"), true);
      },
      "still mapped after their purge");
}
