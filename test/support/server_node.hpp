// A runtime driven by hand, callback modules that do what their messages say, clients and observers: for tests of behaviours.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <cnode/actors/code_server.hpp>
#include <cnode/actors/gen.hpp>
#include <cnode/actors/process.hpp>
#include <cnode/actors/runtime.hpp>
#include <cnode/protocol/atom_table.hpp>
#include <cnode/protocol/term_order.hpp>
#include <cnode/protocol/term_text.hpp>

#include "terms.hpp"

namespace cnode::test {


// What a callback was told: {do, Result} returns Result, {raise, Class, Reason} raises, {wait, Result} returns it after the message `go`.
namespace callbacks {

inline std::vector<std::string>& trace() {
  static std::vector<std::string> lines;
  return lines;
}

struct waiting {
  cnode_term result;
};

inline cnode_term obey(cnode_env* env, term what, term otherwise) {
  if (what.is_tuple(2) && what[0].same(atom("do"))) return what[1].word();
  if (what.is_tuple(3) && what[0].same(atom("raise"))) return actors::raise(env, what[1], what[2]).word();
  if (what.is_tuple(2) && what[0].same(atom("wait"))) {
    env->outcome = CNODE_SUSPEND;
    env->continuation = {new waiting{what[1].word()},
                         [](cnode_env* e, void* frame, cnode_term) {
                           e->outcome = 0;
                           const auto r = static_cast<waiting*>(frame)->result;
                           delete static_cast<waiting*>(frame);
                           return r;
                         },
                         [](void* frame) { delete static_cast<waiting*>(frame); },
                         [](cnode_env*, void*, cnode_term m) { return term{m}.same(atom("go")) ? 1 : 0; }, -1};
    return CNODE_NONE;
  }
  return otherwise.word();
}

inline block& heap(cnode_env* env) { return actors::heap_of(env); }

inline cnode_term init(cnode_env* env, const cnode_term* a) {
  return obey(env, term{a[0]}, make_tuple_of(heap(env), atom("ok"), term{a[0]}));
}
inline cnode_term handle_call(cnode_env* env, const cnode_term* a) {
  const term request{a[0]}, state{a[2]};
  if (request.same(atom("from"))) return make_tuple_of(heap(env), atom("reply"), term{a[1]}, state).word();
  // {defer, To}: the caller's From is sent to To, who answers later
  if (request.is_tuple(2) && request[0].same(atom("defer"))) {
    actors::self(env).send(request[1], term{a[1]});
    return make_tuple_of(heap(env), atom("noreply"), state).word();
  }
  return obey(env, request, make_tuple_of(heap(env), atom("reply"), state, state));
}
inline cnode_term handle_other(cnode_env* env, const cnode_term* a) {
  const term message{a[0]}, state{a[1]};
  // Anything else becomes part of the state: [Message | State].
  return obey(env, message, make_tuple_of(heap(env), atom("noreply"), make_cons(heap(env), message, state)));
}
inline cnode_term terminate(cnode_env* env, const cnode_term* a) {
  trace().push_back("terminate(" + to_text(term{a[0]}) + ", " + to_text(term{a[1]}) + ")");
  const term state{a[1]};
  return obey(env, state, atom("ok"));
}
inline cnode_term code_change(cnode_env* env, const cnode_term* a) {
  auto& b = heap(env);
  return obey(env, term{a[2]}, make_tuple_of(b, atom("ok"), make_tuple_of(b, atom("changed"), term{a[0]}, term{a[1]}, term{a[2]})));
}
inline cnode_term wrap1(cnode_env* env, const cnode_term* a) { return make_tuple_of(heap(env), atom("wrapped"), term{a[0]}).word(); }
inline cnode_term format_status1(cnode_env* env, const cnode_term* a) {
  const term status{a[0]};
  std::vector<term> keys, values;
  for (std::uint64_t i = 0; i < status.map_size(); ++i) {
    keys.push_back(status.map_key(i));
    values.push_back(status.map_key(i).same(atom("state")) ? atom("hidden") : status.map_value(i));
  }
  return make_map(heap(env), keys.data(), values.data(), keys.size()).word();
}
inline cnode_term format_status2(cnode_env* env, const cnode_term* a) {
  auto& b = heap(env);
  return make_list_of(b, make_tuple_of(b, atom("data"), make_list_of(b, make_tuple_of(b, make_charlist(b, "Own"), term{a[0]})))).word();
}

inline constexpr actors::builtin_function full[] = {
    {"init", 1, init},           {"handle_call", 3, handle_call}, {"handle_cast", 2, handle_other}, {"handle_info", 2, handle_other},
    {"handle_continue", 2, handle_other}, {"terminate", 2, terminate},     {"code_change", 3, code_change},  {"wrap", 1, wrap1},
};
inline constexpr actors::builtin_function bare[] = {{"init", 1, init}, {"handle_call", 3, handle_call}};
inline constexpr actors::builtin_function status1[] = {{"init", 1, init}, {"handle_call", 3, handle_call}, {"format_status", 1, format_status1}};
inline constexpr actors::builtin_function status2[] = {{"init", 1, init}, {"handle_call", 3, handle_call}, {"format_status", 2, format_status2}};

}  // namespace callbacks

// Keeps what it gets. May trap exits and start things itself.
class observer : public actors::behaviour {
 public:
  explicit observer(std::shared_ptr<std::vector<std::string>> seen) : seen_(std::move(seen)) {}
  void start(actors::process&) override {}
  void receive(actors::process&, block_ptr& message) override {
    seen_->push_back(to_text(message->root));
    message.reset();
  }
  void returned(actors::process&, actors::outcome) override {}

 private:
  std::shared_ptr<std::vector<std::string>> seen_;
};

// Applies functions one after the other and keeps how each ended; messages stay in its mailbox.
class client : public actors::behaviour {
 public:
  explicit client(std::shared_ptr<std::vector<std::string>> answers) : answers_(std::move(answers)) {}
  void start(actors::process&) override {}
  void receive(actors::process&, block_ptr&) override {}
  void returned(actors::process&, actors::outcome o) override {
    answers_->push_back(o.kind == actors::outcome::value ? to_text(o.result) : to_text(o.error_class) + ":" + to_text(o.reason));
  }

 private:
  std::shared_ptr<std::vector<std::string>> answers_;
};

struct watched {
  term pid;
  std::shared_ptr<std::vector<std::string>> seen = std::make_shared<std::vector<std::string>>();
  std::string last() const { return seen->empty() ? "nothing" : seen->back(); }
  std::string all() const {
    std::string s;
    for (const auto& line : *seen) s += line + "\n";
    return s;
  }
};

class server_node {
 public:
  server_node() {
    callbacks::trace().clear();
    actors::runtime_config config;
    config.recently_idle = 1;
    config.manual = true;
    config.clock = [this] { return now; };
    config.log = [this](actors::log_level l, std::string_view text) {
      if (l >= actors::log_level::warning) log += std::string(text) + "\n";
      else quiet_log += std::string(text) + "\n";
    };
    node = std::make_unique<actors::runtime>(std::move(config));
    actors::add_behaviour_builtins(*node);
    node->code().add_builtin("cb", callbacks::full);
    node->code().add_builtin("bare", callbacks::bare);
    node->code().add_builtin("status1", callbacks::status1);
    node->code().add_builtin("status2", callbacks::status2);
    node->start();
    run();
    user = new_client();
  }
  ~server_node() { node->stop(); }

  void run() { node->run_until_idle(); }
  void pass(std::int64_t ms) {
    now += std::chrono::milliseconds(ms);
    run();
  }

  watched new_client() {
    watched w;
    w.pid = node->spawn(std::make_unique<client>(w.seen));
    run();
    return w;
  }
  watched new_observer(bool trap_exit = false) {
    watched w;
    w.pid = node->spawn(std::make_unique<observer>(w.seen));
    run();
    if (trap_exit) in(w.pid, [](actors::process& p) { p.set_trap_exit(true); });
    return w;
  }
  void in(term pid, std::function<void(actors::process&)> f) {
    node->run_in(pid, std::move(f));
    run();
  }

  // M:F(Args) in that client; how it ended, or "waits".
  std::string apply(const watched& c, const std::string& m, const std::string& f, const std::string& args) {
    start(c, m, f, args);
    const auto before = count_;
    return c.seen->size() > before ? c.last() : "waits";
  }
  void start(const watched& c, const std::string& m, const std::string& f, const std::string& args) {
    count_ = c.seen->size();
    const auto list = parsed(args);
    in(c.pid, [&](actors::process& p) { p.call(atom(m), atom(f), copy(p.scratch(), list->root)); });
  }
  std::string call(const std::string& m, const std::string& f, const std::string& args) { return apply(user, m, f, args); }
  // The same when the code path must be searched first: the loader answers on its own thread.
  std::string call_unloaded(const std::string& m, const std::string& f, const std::string& args) {
    const auto before = user.seen->size();
    start(user, m, f, args);
    return run_until([&] { return user.seen->size() > before; }) ? user.last() : "waits";
  }
  template <class F>
  bool run_until(F f) {
    for (int i = 0; i < 10000; ++i) {
      run();
      if (f()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
  }
  // gen_server:start(cb, Init, Options): the pid's text
  std::string start_server(const std::string& init, const std::string& module = "cb", const std::string& options = "[]") {
    return pid_in(call("gen_server", "start", "[" + module + ", " + init + ", " + options + "]"));
  }
  static std::string pid_in(const std::string& ok_pid) { return ok_pid.substr(0, 4) == "{ok," ? ok_pid.substr(4, ok_pid.size() - 5) : ok_pid; }
  std::string request(const std::string& server, const std::string& message) {
    return call("gen_server", "call", "[" + server + ", " + message + "]");
  }
  void send(const std::string& to, const std::string& message) {
    node->send(parsed(to)->root, parsed(message));
    run();
  }
  bool alive(const std::string& pid) { return node->alive(parsed(pid)->root); }
  static std::string text(term t) { return to_text(t); }

  std::chrono::steady_clock::time_point now{std::chrono::hours(1)};
  std::string log, quiet_log;
  std::unique_ptr<actors::runtime> node;
  watched user;

 private:
  std::size_t count_ = 0;
};

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace cnode::test
