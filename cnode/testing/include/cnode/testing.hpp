// Tests of callback modules and their upgrades, without a running node: no epmd, no sockets, no time that passes by itself.
//
//   TEST(Inc, KeepsItsTotalOverAnUpgrade) {
//     node n;
//     n.load("v1/Elixir.Inc.so");
//     auto server = n.start("Inc");
//     EXPECT_EQ(server.call(":inc"), 1);
//     n.upgrade(server, "v2/Elixir.Inc.so");
//     EXPECT_EQ(server.call(":inc"), 3);
//   }
//
// A `node` is the real one (processes, gen_server, sys, supervisor, code server, builtin modules) with its schedulers in the test's
// hand: every function here runs what there is to run and comes back when nothing is left to do. Its clock stands still; it moves
// with pass(), and while an answer is awaited that only time can bring. What would hang ends as a `failure` that says who waits where.
//
// All functions of one node belong to one thread. Nodes need nothing of each other. Handles must not outlive their node.
#pragma once

#include <chrono>
#include <cstdint>
#include <iostream>
#include <memory>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

// The end of a test checks that no version is left behind, and tells GoogleTest. Without GoogleTest it is an abort.
#if __has_include(<gtest/gtest.h>) && !defined(CNODE_TESTING_WITHOUT_GTEST)
#include <gtest/gtest.h>
#endif

// Set by cnode_add_module_test(): "target=file|..." for load("target").
#ifndef CNODE_TEST_MODULES
#define CNODE_TEST_MODULES ""
#endif

namespace cnode::testing {

class value;
class process;
class client;
namespace detail {
struct engine;
struct term_box;
struct access;
void use_probe(const char* program);
#ifdef CNODE_PROBE  // by find_package(cnode): the installed program that opens files without a digest first
inline const bool probe_is_known = (use_probe(CNODE_PROBE), true);
#endif
}  // namespace detail

// The harness cannot go on: bad text, a refused file, a callback that hangs. what() says it in full.
class failure : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
};

// A term. Written in Elixir's or Erlang's syntax, `":inc"`, `"{add, 5}"`, `"%{name: \"Joe\"}"`; where the two contradict each other "x" is a binary
// (Elixir), 'x' an atom (Erlang), ~c"x" a list of characters. Compared as =:= compares.
class value {
 public:
  value();  // nil
  value(const char* text) : value(std::string_view(text)) {}
  value(const std::string& text) : value(std::string_view(text)) {}
  value(std::string_view text);  // throws failure when it is no term
  value(bool b);
  value(double d);
  template <class T, std::enable_if_t<std::is_integral_v<T> && !std::is_same_v<T, bool>, int> = 0>
  value(T i) : value(integer_tag{}, static_cast<std::int64_t>(i)) {}

  static value atom(std::string_view name);
  static value binary(std::string_view bytes);
  static value charlist(std::string_view utf8);
  static value list(const std::vector<value>& elements);
  static value tuple(const std::vector<value>& elements);
  static value map(const std::vector<std::pair<value, value>>& pairs);

  std::string text() const;         // as Elixir's inspect/1
  std::string erlang_text() const;  // as ~p

  // std::int64_t, int, double, bool, std::string (of a binary, an atom or a list of characters), std::vector<value> (of a list or tuple).
  // Throws failure when the term is none.
  template <class T>
  T as() const;
  std::size_t size() const;                 // elements of a list or tuple, keys of a map, bytes of a binary
  value at(std::size_t i) const;            // element of a list or tuple, from 0
  value get(const value& key) const;        // of a map; throws failure when it is not there
  bool has(const value& key) const;

  friend bool operator==(const value& a, const value& b) { return a.equals(b); }
  friend std::ostream& operator<<(std::ostream& out, const value& v) { return out << v.text(); }

 private:
  friend struct detail::access;
  struct integer_tag {};
  value(integer_tag, std::int64_t i);
  explicit value(std::shared_ptr<const detail::term_box> box) : box_(std::move(box)) {}
  bool equals(const value& other) const;
  std::shared_ptr<const detail::term_box> box_;
};
template <> std::int64_t value::as() const;
template <> int value::as() const;
template <> double value::as() const;
template <> bool value::as() const;
template <> std::string value::as() const;
template <> std::vector<value> value::as() const;

// A function raised. what() has class, reason and stack.
class raised : public std::runtime_error {
 public:
  raised(std::string error_class, value reason, value stacktrace);
  const std::string& error_class() const { return class_; }  // error, exit, throw
  const value& reason() const { return reason_; }
  const value& stacktrace() const { return stacktrace_; }

 private:
  std::string class_;
  value reason_, stacktrace_;
};

// What f raises; throws failure when it raises nothing.
template <class F>
raised exception_of(F&& f) {
  try {
    std::forward<F>(f)();
  } catch (const raised& e) {
    return e;
  }
  throw failure("nothing was raised");
}

// A file was refused. error() is what the code server answers: badfile, nofile, not_purged, on_load_failure, sticky_directory.
class refused : public failure {
 public:
  refused(std::string error, const std::string& text) : failure(error + ": " + text), error_(std::move(error)) {}
  const std::string& error() const { return error_; }

 private:
  std::string error_;
};

// A process of the node: pid or registered name. Copies name the same process.
class process {
 public:
  value pid() const;  // now, of a name
  operator value() const { return pid(); }

  // GenServer.call, cast; a plain message.
  value call(const value& request, std::chrono::milliseconds timeout = std::chrono::seconds(5)) const;
  void cast(const value& request) const;
  void send(const value& message) const;

  // sys
  value state() const;
  value status() const;
  void suspend() const;
  void resume() const;
  void change_code(std::string_view module, const value& old_vsn, const value& extra = "[]") const;  // raises what code_change answers

  void stop(const value& reason = ":normal") const;  // GenServer.stop: terminate/2 runs
  void exit(const value& reason) const;              // Process.exit
  void kill() const { exit(":kill"); }
  bool alive() const;
  // Throws failure while it lives. A process that ended before a handle knew it has reason noproc.
  value exit_reason() const;
  value info(std::string_view item) const;           // Process.info(pid, item): the value alone

 protected:
  friend class node;
  process(std::shared_ptr<detail::engine> e, value id) : engine_(std::move(e)), id_(std::move(id)) {}
  std::shared_ptr<detail::engine> engine_;
  value id_;
};

// A process that the test plays: it traps exits and keeps its messages until they are taken.
class client : public process {
 public:
  value apply(std::string_view module, std::string_view function, const value& args = "[]") const;
  // All messages so far, or the oldest (throws failure when none comes); they leave the mailbox.
  std::vector<value> received() const;
  value receive() const;
  value monitor(const value& pid_or_name) const;  // the reference
  void link(const value& pid) const;

 private:
  friend class node;
  using process::process;
};

struct options {
  // Real time for one step of the test; a callback that takes longer is a failure. With a debugger attached there is no limit.
  std::chrono::milliseconds patience = std::chrono::seconds(20);
  bool show = false;  // print and log to standard error as it happens
};

class node {
 public:
  explicit node(const options& o = {}) : node(o, CNODE_TEST_MODULES) {}
  ~node() {
    const auto left_over = finish();
#ifdef GTEST_API_
    if (!left_over.empty()) ADD_FAILURE() << left_over;
    if (::testing::Test::HasFailure() && !log_.empty()) std::cerr << "the node's log:\n" << log_;
#else
    if (!left_over.empty()) complain(left_over);
#endif
  }
  node(const node&) = delete;
  node& operator=(const node&) = delete;

  // ---- code. `file` is a path, or a target named in cnode_add_module_test(... MODULES target). Modules are named "Inc", "Elixir.Inc" or "lists".
  // As c:l/1: purges old code, then loads. Throws refused.
  void load(std::string_view file);
  void add_path(std::string_view directory);  // modules not loaded yet are looked for there, as with --pa
  bool purge(std::string_view module);        // true: a process was killed
  bool soft_purge(std::string_view module);   // false: a process still uses the old code
  bool delete_module(std::string_view module);
  bool is_loaded(std::string_view module) const;
  bool has_old_code(std::string_view module) const;
  value vsn(std::string_view module) const;   // of the current version
  std::size_t unmapped() const;               // versions that left the address space, verified
  std::size_t lingering() const;              // purged versions still mapped: a callback, frame or native state holds them

  // ---- functions and processes
  value apply(std::string_view module, std::string_view function, const value& args = "[]");  // by me()
  // GenServer.start(module, argument, options); raises what start answers instead of {:ok, pid}.
  process start(std::string_view module, const value& argument = "[]", const value& options = "[]");
  process spawn(std::string_view module, std::string_view function, const value& args = "[]");
  process process_of(const value& pid_or_name);
  client new_client();
  client& me() { return *me_; }

  // ---- upgrades, as release_handler plays them. The old vsn is the loaded module's. When code_change fails it raises, and the processes stay suspended.
  // suspend, load, code_change(OldVsn, ...) in the new code, resume
  void upgrade(const process& server, std::string_view file, const value& extra = "[]") { upgrade(std::vector<process>{server}, file, extra); }
  void upgrade(const std::vector<process>& servers, std::string_view file, const value& extra = "[]");
  // suspend, code_change({down, Vsn}, ...) in the code to be left, load, resume. Vsn is the one of `file`.
  void downgrade(const process& server, std::string_view file, const value& extra = "[]") { downgrade(std::vector<process>{server}, file, extra); }
  void downgrade(const std::vector<process>& servers, std::string_view file, const value& extra = "[]");

  // ---- time and output
  void pass(std::chrono::milliseconds time);  // timers fire in order, each at its time
  void run();                                 // what is left to do; seldom needed
  std::string printed();                      // since the last call
  std::string logged();

 private:
  node(const options& o, const char* modules);
  std::string finish() noexcept;
  [[noreturn]] static void complain(const std::string& text);
  std::shared_ptr<detail::engine> engine_;
  std::unique_ptr<client> me_;
  std::string log_;  // after finish
};

}  // namespace cnode::testing
