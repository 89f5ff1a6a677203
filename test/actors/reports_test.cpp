#include <gtest/gtest.h>

#include <cnode/actors/reports.hpp>

#include "server_node.hpp"

namespace cnode::test {
namespace {

// What went to other nodes, as text.
struct wire : actors::distribution {
  bool send(term node, const dist::control_message&, term message) override {
    sent.push_back(to_text(node) + " " + (message ? to_text(message) : ""));
    return true;
  }
  std::vector<term> nodes(bool, bool) const override { return {}; }
  void disconnect(term) override {}
  std::vector<std::string> sent;
  std::string find(const std::string& part) const {
    for (const auto& s : sent)
      if (contains(s, part)) return s;
    return "";
  }
};

// A server whose group leader is a shell on shell@host.
struct shell_node : server_node {
  shell_node() {
    node->set_distribution(&link);
    auto b = block::make(16);
    const term leader = make_pid(*b, atom("shell@host"), 5, 71, 0);
    in(user.pid, [&](actors::process& p) { p.set_group_leader(leader); });
  }
  wire link;
};

TEST(Reports, TerminationGoesToTheLoggerOfTheGroupLeadersNode) {
  shell_node n;
  const auto server = n.start_server("{s, 1}");
  n.request(server, "{raise, error, bad_thing}");
  const auto report = n.link.find("{gen_server,terminate}");
  EXPECT_TRUE(report.starts_with("shell@host {log,error,#{client_info => ")) << report;
  for (const auto* part : {"label => {gen_server,terminate}", "last_message => {raise,error,bad_thing}", "log => []", "state => {s,1}",
                           "reason => {bad_thing,[{cb,handle_call,3,[]},", "domain => [otp]",
                           "error_logger => #{report_cb => fun gen_server:format_log/1,tag => error}", "mfa => {gen_server,error_info,8}",
                           "report_cb => fun gen_server:format_log/2", "time => "})
    EXPECT_TRUE(contains(report, part)) << part << "\n" << report;
}

TEST(Reports, CrashReportsHaveProcLibsShape) {
  shell_node n;
  const auto server = n.start_server("0");
  n.request(server, "{raise, error, bad_thing}");
  const auto report = n.link.find("{proc_lib,crash}");
  for (const auto* part : {"{log,error,#{label => {proc_lib,crash},report => [[{initial_call,{cb,init,['Argument__1']}},{pid,", "{registered_name,[]}",
                           "{error_info,{error,bad_thing,[{cb,handle_call,3,[]}", "{message_queue_len,0}", "{messages,[]}", "{links,[]}",
                           "{dictionary,[]}", "{trap_exit,false}", "{status,running}", "],[]]}", "domain => [otp,sasl]",
                           "error_logger => #{tag => error_report,type => crash_report}", "logger_formatter => #{title => \"CRASH REPORT\"}",
                           "report_cb => fun proc_lib:report_cb/2"})
    EXPECT_TRUE(contains(report, part)) << part << "\n" << report;
}

TEST(Reports, UndefinedHandleInfoIsAWarningThere) {
  shell_node n;
  const auto server = n.start_server("0", "bare");
  n.send(server, "hello");
  const auto report = n.link.find("no_handle_info");
  EXPECT_TRUE(report.starts_with("shell@host {log,warning,#{label => {gen_server,no_handle_info},")) << report;
  EXPECT_TRUE(contains(report, "message => hello") && contains(report, "module => bare") && contains(report, "tag => warning_msg")) << report;
}

TEST(Reports, PlainProcessesCrashAsTheEmulatorReports) {
  shell_node n;
  auto b = block::make(16);
  actors::spawn_options o;
  o.group_leader = make_pid(*b, atom("shell@host"), 5, 71, 0);
  const term pid = n.node->spawn_function(atom("nowhere"), atom("f"), nil, o);
  ASSERT_TRUE(n.run_until([&] { return !n.node->alive(pid); }));
  const auto report = n.link.find("Error in process");
  EXPECT_TRUE(contains(report, "{log,error,\"Error in process ~p on node ~p with exit value:~n~p~n\",[" + to_text(pid) +
                                   ",nonode@nohost,{undef,[{nowhere,f,[],[]}]}],"))
      << report;
  EXPECT_TRUE(contains(report, "error_logger => #{emulator => true,tag => error}")) << report;
  EXPECT_TRUE(contains(n.log, "Error in process " + to_text(pid) + " on node nonode@nohost with exit value:")) << n.log;
}

TEST(Reports, NothingIsSentWhenTheGroupLeaderIsHere) {
  server_node n;
  wire link;
  n.node->set_distribution(&link);
  n.request(n.start_server("0"), "{raise, error, bad_thing}");
  EXPECT_TRUE(link.sent.empty());
  EXPECT_TRUE(contains(n.log, "Generic server"));
}

}  // namespace
}  // namespace cnode::test
