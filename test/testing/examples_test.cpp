// The example stories, tested as an author tests modules of his own.
#include <cnode/testing.hpp>

using namespace cnode::testing;

TEST(Inc, CountsByOneThenByTwoAndKeepsItsTotal) {
  node n;
  n.load("example_inc_v1");
  auto server = n.start("Inc");
  EXPECT_EQ(server.call(":inc"), 1);
  EXPECT_EQ(n.apply("Inc", "inc", value::list({server})), 2);
  EXPECT_EQ(n.printed(), "started\n[1] new total: 0 => 1\n[1] new total: 1 => 2\n");

  n.upgrade(server, "example_inc_v2", "[:hello]");
  EXPECT_EQ(n.printed(), "New version. Moving out of 1 [:hello]\n");
  EXPECT_EQ(server.call(":inc"), 4);
  EXPECT_EQ(server.state(), 4);

  n.downgrade(server, "example_inc_v1");
  EXPECT_EQ(server.call(":inc"), 5);
}

TEST(CodePurge, ALoopInOldCodeIsKilledAndAServerIsNot) {
  node n;
  n.load("example_pi_v1");
  n.load("example_pi_gs_v1");
  auto loop = n.spawn("CodePurge.Pi", "server");
  auto server = n.start("CodePurge.PiGs", "3.14");

  loop.send(value::tuple({":get", n.me()}));
  EXPECT_EQ(n.me().receive(), "{:ok, 3.14}");
  EXPECT_EQ(server.call(":get"), 3.14);

  n.load("example_pi_v2");
  EXPECT_FALSE(n.soft_purge("CodePurge.Pi"));  // it waits in the old version's receive
  EXPECT_TRUE(n.purge("CodePurge.Pi"));
  EXPECT_EQ(loop.exit_reason(), ":killed");

  n.upgrade(server, "example_pi_gs_v2");
  EXPECT_FALSE(n.purge("CodePurge.PiGs"));
  EXPECT_EQ(server.call(":get"), 3.14);
  EXPECT_EQ(server.state(), "[3.14]");
}

TEST(CodePurge, ALoopThatWentOnMeanwhileRunsTheNewCode) {
  node n;
  n.load("example_pi_v1");
  auto loop = n.spawn("CodePurge.Pi", "server");
  n.load("example_pi_v2");
  loop.send(value::tuple({":get", n.me()}));
  EXPECT_EQ(n.me().receive(), "{:ok, 3.14}");
  EXPECT_TRUE(n.soft_purge("CodePurge.Pi"));
  loop.send(value::tuple({":get", n.me()}));
  EXPECT_EQ(n.me().receive(), "{:ok, 3.1415}");
}

TEST(DemoServer, RenamesAFieldInCodeChange) {
  node n;
  n.load("example_demo_server_v1");
  auto server = n.start("DemoServer", "%{name: \"blackode\", money: 30000}");
  EXPECT_EQ(server.call("{:add, 30000}"), "\"30000 added to blackode \"");
  n.upgrade(server, "example_demo_server_v2");
  EXPECT_EQ(server.call("{:add, 100000}"), "%{name: \"blackode\", salary: 160000}");
}

TEST(DemoServer, WithoutCodeChangeFailsAtTheNextMessage) {
  node n;
  n.load("example_demo_server_v1");
  auto server = n.start("DemoServer", "%{name: \"old\", money: 1}");
  n.load("example_demo_server_v2");
  const auto e = exception_of([&] { server.call("{:add, 1}"); });
  EXPECT_EQ(e.reason().at(0).at(0), ":function_clause");
  EXPECT_EQ(server.exit_reason().at(0), ":function_clause");
}

TEST(Calculator, DoublesInItsSecondVersion) {
  node n;
  n.load("example_calculator_v1");
  EXPECT_EQ(n.apply("Calculator", "add", "[2, 2]"), 4);
  EXPECT_EQ(n.apply("Calculator", "add", "[100000000000000000000, 1.5]"), 1.0e20 + 1.5);
  n.load("example_calculator_v2");
  EXPECT_EQ(n.apply("Calculator", "add", "[2, 2]"), 8);
  EXPECT_EQ(exception_of([&] { n.apply("Calculator", "add", "[:two, 2]"); }).reason(), ":function_clause");
}
