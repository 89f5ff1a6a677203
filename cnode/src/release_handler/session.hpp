// What the coroutines of the release handler share: the process they run in, and a heap that lasts as long as their work.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include <cnode/actors/upgrade.hpp>

#include "release/terms.hpp"
#include "services/routine.hpp"

namespace cnode::release_handler {

using release::terms;
using services::routine;
using services::talk;

// How a coroutine of the handler fails: Erlang's throw, the reason lies in the session's heap.
struct failure {
  term reason;
};

// The result of M:F(Args): value, or what it raised. All in the session's heap.
struct applied {
  term value, error_class, reason, stacktrace;
  explicit operator bool() const { return static_cast<bool>(value); }
  // What `catch` makes of it.
  term caught(block& b) const;
};

class session {
 public:
  // `root`: code:root_dir().
  session(talk& t, std::string root) : t(t), root(std::move(root)) {}
  session(const session&) = delete;

  block& heap() { return *heap_; }
  actors::runtime& node() const { return t.node(); }
  term keep(term x) { return x ? copy(*heap_, x) : x; }
  template <class... T>
  term tuple(T... e) {
    return make_tuple_of(*heap_, e...);
  }
  template <class... T>
  term list(T... e) {
    return make_list_of(*heap_, e...);
  }
  term text(std::string_view s) { return make_charlist(*heap_, s); }
  // Relative names are meant from the root.
  std::string below_root(const std::string& file) const { return file.starts_with('/') ? file : root + "/" + file; }
  void log(actors::log_level level, const std::string& text) const { node().log(level, "release_handler: " + text); }

  routine<applied> apply(term module, term function, term args);
  routine<applied> apply(const char* module, const char* function, term args) { return apply(atom(module), atom(function), args); }
  // Waits for work on another thread: `start` gets a function to be called once when it is done.
  routine<void> finished(const std::function<void(std::function<void()>)>& start);
  // False: for `ms` nothing has happened, by what `progress` counts.
  routine<bool> finished(const std::function<void(std::function<void()>)>& start, std::int64_t ms, const std::function<std::size_t()>& progress);
  // The same for work that has a result.
  template <class T>
  routine<T> value_of(const std::function<void(std::function<void(T)>)>& start) {
    const auto value = std::make_shared<T>();
    const std::function<void(std::function<void()>)> work = [&start, value](std::function<void()> done) {
      start([value, done = std::move(done)](T v) {
        *value = std::move(v);
        done();
      });
    };
    co_await finished(work);
    co_return std::move(*value);
  }

  talk& t;
  const std::string root;

 private:
  block_ptr heap_ = block::make(1024);
};

// ---- system messages to many processes at once (system_messages.cpp)
struct system_answer {
  term value;   // none: there was none, and `reason` says why: timeout, or that of its end
  term reason;
  std::shared_ptr<actors::saved_state> before;  // as upgradable::save has it, when that was asked for
};
enum class save_before { no, yes };
// The time is for one answer: while others come, there is more of it.
routine<std::vector<system_answer>> ask_all(session& s, const terms& pids, term request, std::int64_t timeout_ms, save_before save = save_before::no);

// ---- the supervision tree (supervised.cpp)
struct supervised_process {
  term supervisor, name, pid;  // supervisor, name: `undefined` for the top supervisor of an application
  terms modules;
  bool is_supervisor = false;
  term to_term(block& b) const;
};
// release_handler_1:get_supervised_procs/0, and the children of the program's own supervisor. Throws failure.
routine<std::vector<supervised_process>> supervised_processes(session& s);
// Those that are not `known`, while known ones may be suspended.
routine<std::vector<supervised_process>> new_supervised_processes(session& s, const std::unordered_set<cnode_term>& known);
// The callback module in what sys:get_status answers for a supervisor; none when there is none.
term callback_of_status(term status);

}  // namespace cnode::release_handler
