// The author's side: node, process, client. Each function is one piece of work on the node's thread.
#include <cstdlib>

#include <cnode/protocol/atom_table.hpp>
#include <cnode/protocol/term_text.hpp>

#include "engine.hpp"
#include "term_box.hpp"

namespace cnode::testing {

void detail::use_probe(const char* program) { actors::use_probe_program(program); }

using detail::access;

namespace {

// "Inc", "Elixir.Inc", "lists", ":lists"
term module_named(std::string_view name) {
  std::string text(name);
  if (text.starts_with(":")) text.erase(0, 1);
  else if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z' && !text.starts_with("Elixir.")) text = "Elixir." + text;
  const term t = find_or_make_atom(text);
  if (!t) throw failure("no name of a module: " + std::string(name));
  return t;
}

// f's value, made on the node's thread.
template <class F>
auto on(const std::shared_ptr<detail::engine>& e, const std::string& what, F f) {
  using result = decltype(f(*e));
  if constexpr (std::is_void_v<result>) {
    e->in_node(what, [&] { f(*e); });
  } else {
    std::optional<result> r;
    e->in_node(what, [&] { r.emplace(f(*e)); });
    return std::move(*r);
  }
}

value call_me(detail::engine& e, const char* module, const char* function, const std::vector<value>& args) {
  return e.apply(e.me, atom(module), atom(function), access::of(value::list(args)));
}

std::string described(const std::string& error_class, const value& reason, const value& stacktrace) {
  std::string text = error_class + ": " + reason.text();
  for (const auto& f : stacktrace.as<std::vector<value>>()) {
    const term t = access::of(f);
    if (!t.is_tuple() || t.size() < 3) continue;
    text += "\n  in " + to_text(t[0]) + ":" + to_text(t[1]) + (t[2].is_list() ? " with " + inspect(t[2]) : "/" + to_text(t[2]));
  }
  return text;
}

}  // namespace

raised::raised(std::string error_class, value reason, value stacktrace)
    : runtime_error(described(error_class, reason, stacktrace)),
      class_(std::move(error_class)), reason_(std::move(reason)), stacktrace_(std::move(stacktrace)) {}

// ---- process

value process::pid() const {
  const term t = access::of(id_);
  if (!t.is_atom()) return id_;
  const auto pid = on(engine_, "whereis", [&](detail::engine& e) { return e.node->whereis(t); });
  if (!pid) throw failure("no process is registered as " + id_.text());
  return access::copy_of(pid);
}
value process::call(const value& request, std::chrono::milliseconds timeout) const {
  return on(engine_, "call " + request.text(), [&](detail::engine& e) { return call_me(e, "Elixir.GenServer", "call", {id_, request, timeout.count()}); });
}
void process::cast(const value& request) const {
  on(engine_, "cast " + request.text(), [&](detail::engine& e) { call_me(e, "Elixir.GenServer", "cast", {id_, request}); });
}
void process::send(const value& message) const {
  on(engine_, "send " + message.text(), [&](detail::engine& e) {
    e.node->send(access::of(id_), copy_to_block(access::of(message)), e.me);
    e.settle();
  });
}
value process::state() const {
  return on(engine_, "sys:get_state", [&](detail::engine& e) { return call_me(e, "sys", "get_state", {id_}); });
}
value process::status() const {
  return on(engine_, "sys:get_status", [&](detail::engine& e) { return call_me(e, "sys", "get_status", {id_}); });
}
void process::suspend() const {
  on(engine_, "sys:suspend", [&](detail::engine& e) { call_me(e, "sys", "suspend", {id_}); });
}
void process::resume() const {
  on(engine_, "sys:resume", [&](detail::engine& e) { call_me(e, "sys", "resume", {id_}); });
}
void process::change_code(std::string_view module, const value& old_vsn, const value& extra) const {
  on(engine_, "sys:change_code", [&](detail::engine& e) {
    const auto answer = call_me(e, "sys", "change_code", {id_, access::copy_of(module_named(module)), old_vsn, extra});
    if (!(answer == value::atom("ok"))) throw raised("error", answer, value::list({}));
  });
}
void process::stop(const value& reason) const {
  on(engine_, "stop", [&](detail::engine& e) { call_me(e, "Elixir.GenServer", "stop", {id_, reason}); });
}
void process::exit(const value& reason) const {
  on(engine_, "exit", [&](detail::engine& e) {
    e.node->exit_signal(e.me, e.pid_of(id_), access::of(reason));
    e.settle();
  });
}
bool process::alive() const {
  return on(engine_, "alive?", [&](detail::engine& e) {
    const term pid = e.pid_of(id_);
    return pid && e.node->alive(pid);
  });
}
value process::exit_reason() const {
  return on(engine_, "exit reason", [&](detail::engine& e) {
    const term pid = access::of(id_);
    if (!pid.is_local_pid()) throw failure("only the pid of a process that ended leads to its exit reason");
    e.settle();
    if (e.node->alive(pid)) throw failure(id_.text() + " is alive");
    const auto i = e.ended.find(pid.word());
    return i == e.ended.end() ? value::atom("noproc") : access::copy_of(i->second->root);
  });
}
value process::info(std::string_view item) const {
  return on(engine_, "process_info", [&](detail::engine& e) {
    const term t = find_or_make_atom(item.starts_with(":") ? item.substr(1) : item);
    if (!t) throw failure("no item of process_info: " + std::string(item));
    const auto pair = call_me(e, "erlang", "process_info", {access::copy_of(e.pid_of(id_)), access::copy_of(t)});
    return pair.size() == 2 ? pair.at(1) : pair;
  });
}

// ---- client

value client::apply(std::string_view module, std::string_view function, const value& args) const {
  return on(engine_, std::string(module) + "." + std::string(function), [&](detail::engine& e) {
    const term f = find_or_make_atom(function);
    if (!f) throw failure("no name of a function: " + std::string(function));
    return e.apply(access::of(id_), module_named(module), f, access::of(args));
  });
}
std::vector<value> client::received() const {
  return on(engine_, "received", [&](detail::engine& e) {
    std::vector<value> all;
    e.settle();
    e.node->run_in(access::of(id_), [&](actors::process& p) {
      while (auto m = p.take_message([](void*, term) { return true; }, nullptr)) all.push_back(access::copy_of(m->root));
    });
    e.settle();
    return all;
  });
}
value client::receive() const {
  return on(engine_, "receive", [&](detail::engine& e) {
    std::optional<value> first;
    const auto taken = [&] {
      e.node->run_in(access::of(id_), [&](actors::process& p) {
        if (auto m = first ? nullptr : p.take_message([](void*, term) { return true; }, nullptr)) first = access::copy_of(m->root);
      });
      e.settle();
      return first.has_value();
    };
    if (!e.run_until(taken)) throw failure(id_.text() + " gets no message, and nothing more can happen on the node:" + e.who_waits());
    return *first;
  });
}
value client::monitor(const value& pid_or_name) const {
  return on(engine_, "monitor", [&](detail::engine& e) {
    return e.apply(access::of(id_), atom("erlang"), atom("monitor"), access::of(value::list({value::atom("process"), pid_or_name})));
  });
}
void client::link(const value& pid) const {
  on(engine_, "link", [&](detail::engine& e) { e.apply(access::of(id_), atom("erlang"), atom("link"), access::of(value::list({pid}))); });
}

// ---- node

node::node(const options& o, const char* modules) : engine_(std::make_shared<detail::engine>(o, modules)) {
  engine_->start();
  me_.reset(new client(engine_, access::copy_of(engine_->me)));
}
std::string node::finish() noexcept {
  try {
    auto text = engine_->finish();
    std::lock_guard guard(engine_->output_lock);
    log_ = engine_->log_of_test;
    return text;
  } catch (const std::exception& e) {
    return e.what();
  }
}
void node::complain(const std::string& text) {
  std::cerr << text << std::endl;
  std::abort();
}

void node::load(std::string_view file) {
  on(engine_, "load " + std::string(file), [&](detail::engine& e) { e.load(e.resolved(file)); });
}
void node::add_path(std::string_view directory) {
  on(engine_, "add_path", [&](detail::engine& e) {
    if (!e.node->code().add_path(std::string(directory), false)) throw failure(std::string(directory) + " is no directory");
  });
}
bool node::purge(std::string_view module) {
  return on(engine_, "purge", [&](detail::engine& e) { return e.purge(module_named(module), false); });
}
bool node::soft_purge(std::string_view module) {
  return on(engine_, "soft_purge", [&](detail::engine& e) { return e.purge(module_named(module), true); });
}
bool node::delete_module(std::string_view module) {
  return on(engine_, "delete", [&](detail::engine& e) { return e.node->code().delete_module(module_named(module)) == actors::code_server::deletion::done; });
}
bool node::is_loaded(std::string_view module) const {
  return on(engine_, "is_loaded", [&](detail::engine& e) { return e.node->code().is_loaded(module_named(module)); });
}
bool node::has_old_code(std::string_view module) const {
  return on(engine_, "check_old_code", [&](detail::engine& e) {
    return call_me(e, "erlang", "check_old_code", {access::copy_of(module_named(module))}).as<bool>();
  });
}
value node::vsn(std::string_view module) const {
  return on(engine_, "vsn", [&](detail::engine& e) { return e.vsn_of(module_named(module)); });
}
std::size_t node::unmapped() const {
  return on(engine_, "unmapped", [](detail::engine& e) {
    e.settle();
    return static_cast<std::size_t>(e.node->code().unloads().unmapped);
  });
}
std::size_t node::lingering() const {
  return on(engine_, "lingering", [](detail::engine& e) {
    e.settle();
    const auto u = e.node->code().unloads();
    return static_cast<std::size_t>(u.lingering + u.stuck);
  });
}

value node::apply(std::string_view module, std::string_view function, const value& args) { return me_->apply(module, function, args); }

process node::start(std::string_view module, const value& argument, const value& options) {
  return on(engine_, "start " + std::string(module), [&](detail::engine& e) {
    const auto answer = call_me(e, "Elixir.GenServer", "start", {access::copy_of(module_named(module)), argument, options});
    if (access::of(answer).is_tuple(2) && answer.at(0) == value::atom("ok")) {
      e.watch(access::of(answer.at(1)));
      return process(engine_, answer.at(1));
    }
    throw raised("error", access::of(answer).is_tuple(2) ? answer.at(1) : answer, value::list({}));
  });
}
process node::spawn(std::string_view module, std::string_view function, const value& args) {
  return on(engine_, "spawn " + std::string(module), [&](detail::engine& e) {
    const term f = find_or_make_atom(function);
    if (!f) throw failure("no name of a function: " + std::string(function));
    const term pid = e.node->spawn_function(module_named(module), f, access::of(args));
    e.watch(pid);
    return process(engine_, access::copy_of(pid));
  });
}
process node::process_of(const value& pid_or_name) {
  return on(engine_, "process", [&](detail::engine& e) {
    const term pid = e.pid_of(pid_or_name);
    if (!pid || !pid.is_local_pid()) throw failure(pid_or_name.text() + " is no process of this node");
    e.watch(pid);
    return process(engine_, pid_or_name);
  });
}
client node::new_client() {
  return on(engine_, "client", [&](detail::engine& e) { return client(engine_, access::copy_of(e.new_client())); });
}

void node::upgrade(const std::vector<process>& servers, std::string_view file, const value& extra) {
  const auto path = engine_->resolved(file);
  const auto module = path.substr(path.rfind('/') + 1, path.rfind('.') - path.rfind('/') - 1);
  const auto old_vsn = vsn(module);
  for (const auto& s : servers) s.suspend();
  load(file);
  for (const auto& s : servers) s.change_code(module, old_vsn, extra);
  for (const auto& s : servers) s.resume();
}
void node::downgrade(const std::vector<process>& servers, std::string_view file, const value& extra) {
  const auto path = engine_->resolved(file);
  const auto module = path.substr(path.rfind('/') + 1, path.rfind('.') - path.rfind('/') - 1);
  const auto to = on(engine_, "vsn of " + path, [&](detail::engine& e) { return e.vsn_of_file(path); });
  for (const auto& s : servers) s.suspend();
  for (const auto& s : servers) s.change_code(module, value::tuple({value::atom("down"), to}), extra);
  load(file);
  for (const auto& s : servers) s.resume();
}

void node::pass(std::chrono::milliseconds time) {
  on(engine_, "pass", [&](detail::engine& e) { e.pass(time); });
}
void node::run() {
  on(engine_, "run", [](detail::engine& e) { e.settle(); });
}
std::string node::printed() {
  std::lock_guard guard(engine_->output_lock);
  return std::exchange(engine_->printed, {});
}
std::string node::logged() {
  std::lock_guard guard(engine_->output_lock);
  return std::exchange(engine_->logged, {});
}

}  // namespace cnode::testing
