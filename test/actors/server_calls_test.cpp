#include <gtest/gtest.h>

#include <vector>

#include "server_calls.hpp"
#include "server_node.hpp"

namespace cnode::test {
namespace {

using actors::caller_table;

term pid_of(std::uint32_t id) { return term{cnode_make_local_pid(id, 1)}; }

TEST(CallerTable, GivesEachCallerBackOnce) {
  caller_table t;
  for (std::uint32_t i = 1; i <= 1000; ++i) t.add(i * 7, pid_of(i));
  EXPECT_EQ(t.size(), 1000u);
  EXPECT_FALSE(t.remove(8));
  for (std::uint32_t i = 1000; i > 0; i -= 2) EXPECT_TRUE(t.remove(i * 7).same(pid_of(i)));
  for (std::uint32_t i = 2; i <= 1000; i += 2) EXPECT_FALSE(t.remove(i * 7));
  for (std::uint32_t i = 1; i < 1000; i += 2) EXPECT_TRUE(t.remove(i * 7).same(pid_of(i)));
  EXPECT_EQ(t.size(), 0u);
  EXPECT_FALSE(t.remove(7));
}

TEST(CallerTable, FindsThoseThatStayWhileOthersComeAndGo) {
  caller_table t;
  for (std::uint64_t n = 1; n <= 20; ++n) t.add(n, pid_of(static_cast<std::uint32_t>(n)));
  for (std::uint64_t n = 21; n < 5000; ++n) {
    t.add(n, pid_of(static_cast<std::uint32_t>(n)));
    if (n % 20) { ASSERT_TRUE(t.remove(n).same(pid_of(static_cast<std::uint32_t>(n)))); }
  }
  std::size_t seen = 0;
  t.each([&](std::uint64_t n, term pid) {
    ++seen;
    EXPECT_TRUE(pid.same(pid_of(static_cast<std::uint32_t>(n))));
    EXPECT_TRUE(n <= 20 || n % 20 == 0);
  });
  EXPECT_EQ(seen, t.size());
}

std::string info(server_node& n, term pid, const char* item) {
  std::string text;
  n.in(pid, [&](actors::process& p) { text = to_text(p.info(atom(item), p.scratch())); });
  return text;
}

// A client whose call waits for the message `go` at the server.
struct pending_call {
  server_node n;
  std::string server = n.start_server("0");
  term server_pid = parsed(server)->root;
  explicit pending_call(const std::string& reply = "late", const std::string& time = "infinity") {
    n.start(n.user, "gen_server", "call", "[" + server + ", {wait, {reply, " + reply + ", 1}}, " + time + "]");
  }
};

TEST(ServerCall, IsAMonitorOfTheCallerUntilTheAnswer) {
  for (const char* time : {"infinity", "100"}) {
    pending_call c("late", time);
    EXPECT_EQ(info(c.n, c.n.user.pid, "monitors"), "{monitors,[{process," + c.server + "}]}");
    c.n.send(c.server, "go");
    EXPECT_EQ(c.n.user.last(), "late");
    EXPECT_EQ(info(c.n, c.n.user.pid, "monitors"), "{monitors,[]}");
    EXPECT_EQ(info(c.n, c.server_pid, "monitored_by"), "{monitored_by,[]}");
  }
}

TEST(ServerCall, ExitsWithTheReasonOfTheServersEnd) {
  pending_call c;
  c.n.node->exit_signal(c.n.user.pid, c.server_pid, atom("kill"));
  c.n.run();
  EXPECT_EQ(c.n.user.last(), "exit:{killed,{gen_server,call,[" + c.server + ",{wait,{reply,late,1}},infinity]}}");
  EXPECT_EQ(info(c.n, c.n.user.pid, "monitors"), "{monitors,[]}");
  EXPECT_EQ(c.n.request(c.server, "get"), "exit:{noproc,{gen_server,call,[" + c.server + ",get]}}");
}

TEST(ServerCall, ThatTimesOutTakesItsMonitorBack) {
  pending_call c("late", "100");
  c.n.pass(100);
  EXPECT_EQ(c.n.user.last(), "exit:{timeout,{gen_server,call,[" + c.server + ",{wait,{reply,late,1}},100]}}");
  EXPECT_EQ(info(c.n, c.n.user.pid, "monitors"), "{monitors,[]}");
  c.n.send(c.server, "go");
  EXPECT_EQ(info(c.n, c.server_pid, "monitored_by"), "{monitored_by,[]}");
  EXPECT_EQ(info(c.n, c.n.user.pid, "messages"), "{messages,[]}");
}

TEST(ServerCall, OfACallerThatEndsIsForgottenByTheServer) {
  server_node n;
  const auto server = n.start_server("0");
  const auto helper = n.new_client();
  const auto caller = n.new_client();
  n.start(caller, "gen_server", "call", "[" + server + ", {defer, " + to_text(helper.pid) + "}]");
  const auto pid = parsed(server)->root;
  EXPECT_EQ(info(n, pid, "monitored_by"), "{monitored_by,[" + to_text(caller.pid) + "]}");
  n.node->exit_signal(n.user.pid, caller.pid, atom("kill"));
  n.run();
  EXPECT_EQ(info(n, pid, "monitored_by"), "{monitored_by,[]}");
}

TEST(ServerCall, AnsweredByAnotherProcessEndsTheMonitorAsWell) {
  for (const char* time : {"infinity", "100"}) {
    server_node n;
    const auto server = n.start_server("0");
    const auto helper = n.new_client();
    const auto caller = n.new_client();
    n.start(caller, "gen_server", "call", "[" + server + ", {defer, " + to_text(helper.pid) + "}, " + time + "]");
    n.in(helper.pid, [](actors::process& p) {
      const auto from = p.take_message([](void*, term) { return true; }, nullptr);
      ASSERT_TRUE(from);
      for (const char* answer : {"first", "second"}) actors::gen::reply(p, copy(p.scratch(), from->root), atom(answer));
    });
    EXPECT_EQ(caller.last(), "first");
    EXPECT_EQ(info(n, parsed(server)->root, "monitored_by"), "{monitored_by,[]}");
    // A second answer through the alias is dropped; without a timeout there was none, and it is a message like any other.
    EXPECT_EQ(info(n, caller.pid, "message_queue_len"), time == std::string("100") ? "{message_queue_len,0}" : "{message_queue_len,1}");
  }
}

TEST(ServerCall, LeavesOlderMessagesInTheirOrder) {
  pending_call c;
  for (const char* m : {"one", "two"}) c.n.send(to_text(c.n.user.pid), m);
  EXPECT_EQ(info(c.n, c.n.user.pid, "messages"), "{messages,[one,two]}");
  c.n.send(c.server, "go");
  EXPECT_EQ(c.n.user.last(), "late");
  EXPECT_EQ(info(c.n, c.n.user.pid, "messages"), "{messages,[one,two]}");
  EXPECT_EQ(c.n.request(c.server, "{do, {reply, <<\"a text\">>, [1]}}"), "<<\"a text\">>");
  EXPECT_EQ(info(c.n, c.n.user.pid, "messages"), "{messages,[one,two]}");
}

TEST(ServerCall, TimesEachWaitAnew) {
  server_node n;
  const auto server = n.start_server("0");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(n.call("gen_server", "call", "[" + server + ", {wait, {reply, now, 1}}, 100]"), "waits");
    n.pass(99);
    EXPECT_NE(n.user.last().substr(0, 4), "exit");
    n.send(server, "go");
    EXPECT_EQ(n.user.last(), "now");
  }
}

}  // namespace
}  // namespace cnode::test
