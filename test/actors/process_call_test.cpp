// Calls of module functions: values, errors, waiting for messages, tail calls, and functions that nobody has.
#include <gtest/gtest.h>

#include "test_runtime.hpp"

namespace cnode::test {
namespace {

using strings = std::vector<std::string>;

// A function of the node that waits: takes the first {reply, X} and returns X, or `timeout`.
struct waiting_frame {
  static inline int alive = 0;
  waiting_frame() { ++alive; }
  ~waiting_frame() { --alive; }
};

cnode_term suspend(cnode_env* env, std::int64_t timeout) {
  env->outcome = CNODE_SUSPEND;
  env->continuation.frame = new waiting_frame;
  env->continuation.resume = [](cnode_env*, void* frame, cnode_term message) -> cnode_term {
    delete static_cast<waiting_frame*>(frame);
    return message ? term{message}[1].word() : atom("timeout").word();
  };
  env->continuation.destroy = [](void* frame) { delete static_cast<waiting_frame*>(frame); };
  env->continuation.match = [](cnode_env*, void*, cnode_term m) -> int {
    return term{m}.is_tuple(2) && term{m}[0].same(atom("reply"));
  };
  env->continuation.timeout_ms = timeout;
  return CNODE_NONE;
}

cnode_term raise_with(cnode_env* env, const char* error_class, const char* reason) {
  env->outcome = CNODE_RAISE;
  env->error_class = atom(error_class).word();
  env->reason = atom(reason).word();
  env->stacktrace = CNODE_NONE;
  return CNODE_NONE;
}

const builtin_function functions[] = {
    {"pair", 2, [](cnode_env* env, const cnode_term* a) { return make_tuple_of(heap_of(env), term{a[0]}, term{a[1]}).word(); }},
    {"fail", 1, [](cnode_env* env, const cnode_term*) { return raise_with(env, "error", "badarg"); }},
    {"clause", 1, [](cnode_env* env, const cnode_term*) { return raise_with(env, "error", "function_clause"); }},
    {"throws", 0, [](cnode_env* env, const cnode_term*) { return raise_with(env, "throw", "ball"); }},
    {"exits", 0, [](cnode_env* env, const cnode_term*) { return raise_with(env, "exit", "enough"); }},
    {"cpp_throw", 0, [](cnode_env*, const cnode_term*) -> cnode_term { throw std::runtime_error("oops"); }},
    {"wait", 0, [](cnode_env* env, const cnode_term*) { return suspend(env, -1); }},
    {"wait_a_second", 0, [](cnode_env* env, const cnode_term*) { return suspend(env, 1000); }},
    {"poll", 0, [](cnode_env* env, const cnode_term*) { return suspend(env, 0); }},
    // Counts down by tail calls.
    {"count", 1,
     [](cnode_env* env, const cnode_term* a) -> cnode_term {
       if (term{a[0]}.small() == 0) return small(static_cast<std::int64_t>(heap_of(env).used_words())).word();
       auto& b = heap_of(env);
       b.reserve(1000);
       env->outcome = CNODE_TAIL_CALL;
       env->tail_module = atom("calls").word();
       env->tail_function = atom("count").word();
       env->tail_args = make_list_of(b, small(term{a[0]}.small() - 1)).word();
       return CNODE_NONE;
     }},
    {"self_destruct", 0,
     [](cnode_env* env, const cnode_term*) -> cnode_term {
       self(env).exit(atom("gone"));
       return atom("ignored").word();
     }},
};

struct Calls : testing::Test {
  Calls() { n->code().add_builtin("calls", functions); }
  term process_calling(const char* function, std::vector<term> args = {}) {
    s->start = [=](process& self) { self.call(atom("calls"), atom(function), args); };
    return n.spawn(s);
  }
  manual_node n;
  std::shared_ptr<script> s = n.make(), t = n.make();
};

TEST_F(Calls, GiveTheValue) {
  process_calling("pair", {small(1), atom("a")});
  EXPECT_EQ(s->outcomes, (strings{"{1,a}"}));
}

TEST_F(Calls, OfNobodysFunctionAreUndefWithTheArguments) {
  process_calling("nope", {small(1)});
  EXPECT_EQ(s->outcomes, (strings{"error undef [{calls,nope,[1],[]}]"}));
}

TEST_F(Calls, NameTheFunctionThatRaisedWithItsArity) {
  process_calling("fail", {small(1)});
  EXPECT_EQ(s->outcomes, (strings{"error badarg [{calls,fail,1,[]}]"}));
}

TEST_F(Calls, NameTheArgumentsNoClauseMatched) {
  process_calling("clause", {small(7)});
  EXPECT_EQ(s->outcomes, (strings{"error function_clause [{calls,clause,[7],[]}]"}));
}

TEST_F(Calls, TurnExceptionsIntoErrors) {
  process_calling("cpp_throw");
  EXPECT_EQ(s->outcomes, (strings{"error {internal_error,<<\"oops\">>} [{calls,cpp_throw,0,[]}]"}));
}

TEST_F(Calls, WaitForTheMessageThatMatchesAndKeepTheOthersInOrder) {
  const auto p = process_calling("wait");
  n.send(p, "one"), n.send(p, "two");
  EXPECT_TRUE(s->messages.empty());
  n.send(p, "{reply,[x,\"y\"]}");
  EXPECT_EQ(s->outcomes, (strings{"[x,\"y\"]"}));
  EXPECT_EQ(s->messages, (strings{"one", "two"}));
  EXPECT_EQ(waiting_frame::alive, 0);
}

TEST_F(Calls, LookAtOldMessagesFirstWhenTheyBeginToWait) {
  s->receive = [](process& self, block_ptr& m) {
    if (!m->root.same(atom("go"))) return true;
    m.reset();
    self.call(atom("calls"), atom("wait"), std::span<const term>{});
    return true;
  };
  const auto p = n.spawn(s);
  n.send(p, "{reply,early}"), n.send(p, "go");
  EXPECT_EQ(s->outcomes, (strings{"early"}));
}

TEST_F(Calls, StopWaitingAfterTheirTimeout) {
  process_calling("wait_a_second");
  n.pass(std::chrono::milliseconds(999));
  EXPECT_TRUE(s->outcomes.empty());
  n.pass(std::chrono::milliseconds(1));
  EXPECT_EQ(s->outcomes, (strings{"timeout"}));
}

TEST_F(Calls, WithTimeoutZeroTakeWhatIsThereOrNothing) {
  process_calling("poll");
  EXPECT_EQ(s->outcomes, (strings{"timeout"}));
}

TEST_F(Calls, ThatWaitAreDestroyedWithTheirProcess) {
  const auto p = process_calling("wait");
  EXPECT_EQ(waiting_frame::alive, 1);
  n.exit(p, "kill");
  EXPECT_EQ(waiting_frame::alive, 0);
  EXPECT_EQ(s->ended, "killed");
}

TEST_F(Calls, TailCallForEverInTheMemoryOfOneTurn) {
  process_calling("count", {small(2000)});
  ASSERT_EQ(s->outcomes.size(), 1u);
  EXPECT_LT(std::stoi(s->outcomes[0]), 4000);
}

TEST_F(Calls, MadeFromReturnedNeedNoStack) {
  int left = 100000;
  s->returned = [&](process& self, outcome) {
    const term args[] = {small(1), small(2)};
    if (--left > 0) self.call(atom("calls"), atom("pair"), args);
  };
  s->start = [](process& self) {
    const term args[] = {small(1), small(2)};
    self.call(atom("calls"), atom("pair"), args);
  };
  n.spawn(s);
  EXPECT_EQ(left, 0);
}

TEST_F(Calls, HaveNoOutcomeWhenTheProcessEndedMeanwhile) {
  process_calling("self_destruct");
  EXPECT_TRUE(s->outcomes.empty());
  EXPECT_EQ(s->ended, "gone");
}

struct SpawnedFunctions : Calls {
  std::string end_of(const char* function, const char* args = "[]") {
    const auto p = n.spawn(s);
    s->start = nullptr;
    s->messages.clear();
    auto list = parse_term(args);
    n.as(p, [&](process& self) {
      spawn_options o;
      o.monitor_by = self.pid();
      o.monitor_ref = self.node().make_ref(self.scratch());
      self.node().spawn_function(atom("calls"), atom(function), (*list)->root, o);
    });
    if (s->messages.empty()) return "";
    auto m = parse_term("0");
    const auto& text = s->messages.back();
    // {'DOWN',#Ref<...>,process,<...>,Reason}
    auto at = text.find(",process,<");
    at = text.find(",", at + 10);
    return text.substr(at + 1, text.size() - at - 2);
  }
};

TEST_F(SpawnedFunctions, EndNormallyWithAnyValue) {
  EXPECT_EQ(end_of("pair", "[1,2]"), "normal");
  EXPECT_TRUE(n.logged.empty());
}

TEST_F(SpawnedFunctions, EndWithReasonAndStackAfterAnErrorAndSayItInTheLog) {
  EXPECT_EQ(end_of("fail", "[1]"), "{badarg,[{calls,fail,1,[]}]}");
  ASSERT_EQ(n.logged.size(), 1u);
  EXPECT_EQ(n.logged[0].substr(0, 18), "Error in process <");
  EXPECT_NE(n.logged[0].find("with exit value:\n{badarg,[{calls,fail,1,[]}]}"), std::string::npos);
}

TEST_F(SpawnedFunctions, EndWithNocatchAfterAThrow) { EXPECT_EQ(end_of("throws"), "{{nocatch,ball},[{calls,throws,0,[]}]}"); }

TEST_F(SpawnedFunctions, EndWithTheReasonOfAnExitSilently) {
  EXPECT_EQ(end_of("exits"), "enough");
  EXPECT_TRUE(n.logged.empty());
}

}  // namespace
}  // namespace cnode::test
