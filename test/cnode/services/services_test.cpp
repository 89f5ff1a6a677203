#include <gtest/gtest.h>

#include "host.hpp"

namespace cnode::test {
namespace {

// A process that sends and keeps what comes back.
struct client {
  explicit client(host& h) : h(h), pid(h.runtime().spawn(std::make_unique<recorder>(got))) { h.runtime().run_until_idle(); }
  // {self()} in the message's text stands for the client's pid.
  void send(const std::string& to, const std::string& message) {
    auto text = message;
    for (auto at = text.find("{self}"); at != text.npos; at = text.find("{self}")) text.replace(at, 6, to_text(pid));
    auto parsed = parse_term(text);
    ASSERT_TRUE(parsed) << text;
    h.runtime().send(atom(to), std::move(*parsed), pid);
    h.runtime().run_until_idle();
  }
  host& h;
  std::vector<std::string> got;
  term pid;
};

using strings = std::vector<std::string>;

TEST(NetKernel, AnswersPingWithYes) {
  host h;
  client c(h);
  c.send("net_kernel", "{'$gen_call',{{self},tag},{is_auth,a@b}}");
  EXPECT_EQ(c.got, strings{"{tag,yes}"});
}

TEST(NetKernel, StaysSilentAboutWhatItDoesNotKnow) {
  host h;
  client c(h);
  c.send("net_kernel", "{'$gen_call',{{self},tag},no_such_request}");
  c.send("net_kernel", "{'$gen_cast',whatever}");
  c.send("net_kernel", "junk");
  c.send("net_kernel", "{'$gen_call',{{self},tag},nodename}");
  EXPECT_EQ(c.got, strings{"{tag,cpp@localhost}"});
}

TEST(Rex, AnswersTheOldForm) {
  host h;
  client c(h);
  c.send("rex", "{{self},{call,lists,reverse,[[1,2]],user}}");
  EXPECT_EQ(c.got, strings{"{rex,[2,1]}"});
}

TEST(Rex, AnswersTheGenServerForm) {
  host h;
  client c(h);
  c.send("rex", "{'$gen_call',{{self},t},{call,erlang,abs,[-1],{self}}}");
  c.send("rex", "{'$gen_call',{{self},t},{block_call,erlang,abs,[-2],{self}}}");
  EXPECT_EQ(c.got, (strings{"{t,1}", "{t,2}"}));
}

TEST(Rex, TellsErrorsAsBadrpc) {
  host h;
  client c(h);
  c.send("rex", "{{self},{call,erlang,exit,[why],user}}");
  c.send("rex", "{{self},{call,nope,nope,[1],user}}");
  EXPECT_TRUE(run_until(h.runtime(), [&] { return c.got.size() == 2; }));
  c.send("rex", "{{self},{call,erlang,throw,[ball],user}}");
  EXPECT_EQ(c.got, (strings{"{rex,{badrpc,{'EXIT',why}}}", "{rex,{badrpc,{'EXIT',{undef,[{nope,nope,[1],[]}]}}}}", "{rex,ball}"}));
}

TEST(Rex, AnswersWhatIsNoCallWithBadarg) {
  host h;
  client c(h);
  c.send("rex", "{{self},{call,1,2,3,user}}");
  ASSERT_EQ(c.got.size(), 1u);
  EXPECT_EQ(c.got[0].rfind("{rex,{badrpc,{'EXIT',{badarg,", 0), 0u) << c.got[0];
}

TEST(Rex, TellsItsFeatures) {
  host h;
  client c(h);
  c.send("rex", "{{self},features_request}");
  EXPECT_EQ(c.got, strings{"{features_reply,cpp@localhost,[erpc]}"});
}

TEST(Rex, SaysWhichNamesOfABroadcastExist) {
  host h;
  client c(h);
  h.runtime().register_name(atom("me"), c.pid);
  c.send("rex", "{{self},{sbcast,me,hello}}");
  c.send("rex", "{{self},{sbcast,nobody,hello}}");
  EXPECT_EQ(c.got, (strings{"hello", "{rex,cpp@localhost,cpp@localhost}", "{rex,cpp@localhost,{nonexisting_name,nobody}}"}));
}

TEST(Rex, SendsWhatTheCallPrintsBeforeItsResult) {
  host h;
  client c(h);
  c.send("rex", "{{self},{call,io,format,[\"~p and ~s\",[a,\"b\"]],send_stdout_to_caller}}");
  EXPECT_EQ(c.got, (strings{"{rex_stdout,<<\"a and b\">>}", "{rex,ok}"}));
}

TEST(Rex, AnswersForACallThatWasKilled) {
  host h;
  client c(h);
  c.send("rex", "{{self},{call,timer,sleep,[infinity],user}}");
  for (const term p : h.runtime().processes()) {
    h.runtime().run_in(p, [](actors::process& q) {
      block_ptr b = block::make(16);
      const term now = q.info(atom("current_function"), *b);
      if (now.is_tuple(2) && now[1].is_tuple(3) && atom_text(now[1][0]) == "timer") q.exit(atom("killed"));
    });
  }
  h.runtime().run_until_idle();
  EXPECT_EQ(c.got, strings{"{rex,{badrpc,{'EXIT',killed}}}"});
}

// ---- erpc
std::string execute_call(host& h, const std::string& m, const std::string& f, const std::string& a) {
  return apply(h, "erpc", "execute_call", "[ref," + m + "," + f + "," + a + "]");
}

TEST(Erpc, EndsWithTheResultAsExitReason) {
  host h;
  EXPECT_EQ(execute_call(h, "lists", "reverse", "[[1,2]]"), "{exit,{ref,return,[2,1]}}");
  EXPECT_EQ(execute_call(h, "erlang", "throw", "[x]"), "{exit,{ref,throw,x}}");
  EXPECT_EQ(execute_call(h, "erlang", "exit", "[x]"), "{exit,{ref,exit,x}}");
  EXPECT_EQ(execute_call(h, "nope", "nope", "[1]"), "{exit,{ref,error,undef,[{nope,nope,[1],[]}]}}");
  EXPECT_EQ(execute_call(h, "erlang", "atom_to_list", "[1]"),
            "{exit,{ref,error,badarg,[{erlang,atom_to_list,[1],[{error_info,#{module => erl_erts_errors}}]}]}}");
}

TEST(Erpc, WaitsForAFunctionThatWaits) {
  host h;
  EXPECT_EQ(execute_call(h, "erlang", "process_info", "[" + to_text(h.runtime().whereis(atom("rex"))) + ",registered_name]"),
            "{exit,{ref,return,{registered_name,rex}}}");
}

TEST(Erpc, ClosuresEndWithUndefRatherThanHang) {
  host h;
  EXPECT_EQ(execute_call(h, "erlang", "apply", "[fun lists:reverse/1,[[1,2]]]"), "{exit,{ref,return,[2,1]}}");
  EXPECT_EQ(execute_call(h, "erlang", "apply", "[no_fun,[]]").substr(0, 37), "{exit,{ref,error,{badfun,no_fun},[{er");
}

TEST(Rpc, CallsThisNode) {
  host h;
  EXPECT_EQ(apply(h, "rpc", "call", "[cpp@localhost,lists,reverse,[[1,2]]]"), "{value,[2,1]}");
  EXPECT_EQ(apply(h, "rpc", "call", "[cpp@localhost,lists,reverse,[[1,2]],5000]"), "{value,[2,1]}");
  EXPECT_EQ(apply(h, "rpc", "call", "[cpp@localhost,erlang,exit,[x],5000]"), "{value,{badrpc,{'EXIT',x}}}");
  EXPECT_EQ(apply(h, "erpc", "call", "[cpp@localhost,erlang,exit,[x],5000]"), "{exit,{exception,x}}");
  EXPECT_EQ(apply(h, "rpc", "call", "[cpp@localhost,1,x,[]]"), "{error,badarg}");
  EXPECT_EQ(apply(h, "rpc", "block_call", "[cpp@localhost,erlang,abs,[-1]]"), "{value,1}");
}

// ---- builtins that depend on the node
TEST(Erlang, SendsAsItsOptionsAllow) {
  host h;
  EXPECT_EQ(apply(h, "erlang", "send", "[{x, 'b@host'}, hi, [noconnect, nosuspend]]"), "{value,ok}");
  EXPECT_EQ(h.distribution.control.back().message, "hi");
  const auto sent = h.distribution.control.size();
  EXPECT_EQ(apply(h, "erlang", "send", "[{x, 'far@host'}, hi, [noconnect]]"), "{value,noconnect}");
  EXPECT_EQ(apply(h, "erlang", "send_nosuspend", "[{x, 'far@host'}, hi, [noconnect]]"), "{value,false}");
  h.distribution.busy = true;
  EXPECT_EQ(apply(h, "erlang", "send", "[{x, 'b@host'}, hi, [nosuspend]]"), "{value,nosuspend}");
  EXPECT_EQ(apply(h, "erlang", "send_nosuspend", "[{x, 'b@host'}, hi]"), "{value,false}");
  EXPECT_EQ(h.distribution.control.size(), sent);
  EXPECT_EQ(apply(h, "erlang", "send", "[{x, 'b@host'}, hi, []]"), "{value,ok}");
}

TEST(Erlang, ListsNodesByKind) {
  host h;
  EXPECT_EQ(apply(h, "erlang", "nodes", "[]"), "{value,[b@host]}");
  EXPECT_EQ(apply(h, "erlang", "nodes", "[hidden]"), "{value,[c@host]}");
  EXPECT_EQ(apply(h, "erlang", "nodes", "[[this,connected]]"), "{value,[cpp@localhost,b@host,c@host]}");
  EXPECT_EQ(apply(h, "Elixir.Node", "list", "[]"), "{value,[b@host]}");
}

TEST(Erlang, SpeaksOfCookiesAndConnections) {
  host h;
  EXPECT_EQ(apply(h, "erlang", "get_cookie", "[]"), "{value,secret}");
  EXPECT_EQ(apply(h, "erlang", "set_cookie", "[other]"), "{value,true}");
  EXPECT_EQ(apply(h, "erlang", "get_cookie", "[]"), "{value,other}");
  EXPECT_EQ(apply(h, "net_kernel", "connect_node", "[b@host]"), "{value,true}");
  EXPECT_EQ(apply(h, "net_kernel", "connect_node", "[x@host]"), "{value,false}");
  EXPECT_EQ(apply(h, "net_kernel", "get_net_ticktime", "[]"), "{value,60}");
  EXPECT_EQ(apply(h, "net_adm", "names", "[]"), "{value,{ok,[{\"cpp\",4711}]}}");
}

TEST(Erlang, PingsItself) {
  host h;
  EXPECT_EQ(apply(h, "net_adm", "ping", "[cpp@localhost]"), "{value,pong}");
}

TEST(Erlang, ProcessInfoOfNobodyIsUndefined) {
  host h;
  EXPECT_EQ(apply(h, "erlang", "process_info", "[<0.4711.0>,status]"), "{value,undefined}");
  EXPECT_EQ(apply(h, "Elixir.Process", "info", "[<0.4711.0>,status]"), "{value,nil}");
  EXPECT_EQ(apply(h, "erlang", "process_info", "[" + to_text(h.runtime().whereis(atom("rex"))) + ",no_such_item]"), "{error,badarg}");
}

TEST(Init, StopsTheNode) {
  host h;
  EXPECT_EQ(apply(h, "init", "stop", "[3]"), "{value,ok}");
  EXPECT_EQ(h.stopped, 3);
  EXPECT_EQ(apply(h, "init", "restart", "[]"), "{error,notsup}");
}

TEST(Init, KeepsTheCookieOutOfItsArguments) {
  host h;
  EXPECT_EQ(apply(h, "init", "get_arguments", "[]"), "{value,[{sname,[\"cpp\"]}]}");
  EXPECT_EQ(apply(h, "init", "get_plain_arguments", "[]"), "{value,[\"start\"]}");
}

TEST(MonitorNodes, TellsOfNodesUpAndDown) {
  host h;
  client c(h);
  // The subscription belongs to the process that asks, so the asking is done in the client's process.
  h.runtime().run_in(c.pid, [](actors::process& p) {
    const term args[] = {atom("true")};
    p.call(atom("net_kernel"), atom("monitor_nodes"), args);
  });
  h.runtime().run_until_idle();
  h.runtime().node_up(atom("b@host"), true);
  h.runtime().node_up(atom("hidden@host"), false);
  h.runtime().node_down(atom("b@host"), atom("connection_closed"));
  h.runtime().run_until_idle();
  EXPECT_EQ(c.got, (strings{"{nodeup,b@host}", "{nodedown,b@host}"}));
}

TEST(LoggerProxy, PrintsWhatOtherNodesLog) {
  host h;
  client c(h);
  c.send("logger_proxy", "{log,error,\"~p went ~s\",[it,\"wrong\"],#{}}");
  c.send("logger_proxy", "{log,warning,{string,\"careful\"},#{}}");
  c.send("logger_proxy", "{log,notice,#{a => 1},#{}}");
  c.send("logger_proxy", "{log,error,\"~p ~p\",[one],#{}}");
  c.send("logger_proxy", "nonsense");
  EXPECT_EQ(h.log, (strings{"it went wrong", "careful", "#{a => 1}", "FORMAT ERROR: \"~p ~p\" - [one]"}));
}

TEST(Elixir, InspectsAndPrints) {
  host h;
  EXPECT_EQ(apply(h, "Elixir.Kernel", "inspect", "[{ok,<<\"x\">>}]"), "{value,<<\"{:ok, \\\"x\\\"}\">>}");
  EXPECT_EQ(apply(h, "Elixir.Kernel", "+", "[1,2]"), "{value,3}");
  EXPECT_EQ(apply(h, "Elixir.Process", "whereis", "[nobody]"), "{value,nil}");
  EXPECT_EQ(apply(h, "Elixir.System", "otp_release", "[]"), "{value,<<\"25\">>}");
}

TEST(Application, ReadsItsEnvironment) {
  host h;
  EXPECT_EQ(apply(h, "application", "set_env", "[app,key,{some,value}]"), "{value,ok}");
  EXPECT_EQ(apply(h, "application", "get_env", "[app,key]"), "{value,{ok,{some,value}}}");
  EXPECT_EQ(apply(h, "application", "get_all_env", "[app]"), "{value,[{key,{some,value}}]}");
}

}  // namespace
}  // namespace cnode::test
