// proc_lib: processes that say where they come from and report how they crash.
#include <cnode/actors/reports.hpp>
#include <cnode/actors/runtime.hpp>

#include "builtin_calls.hpp"
#include "gen_call.hpp"
#include "native_terms.hpp"
#include "proc_lib.hpp"
#include "start_note.hpp"
#include "terms.hpp"

namespace cnode::actors {

namespace {

// proc_lib:init_p/5 and exit_p/3 around one function call.
class proc_lib_process final : public behaviour {
 public:
  proc_lib_process(term module, term function, term args, std::shared_ptr<gen::start_note> note)
      : module_(module), function_(function), args_(args), note_(std::move(note)) {}

  void start(process& self) override { self.call(module_, function_, args_.get()); }
  void receive(process&, block_ptr&) override {}
  void returned(process& self, outcome out) override {
    const auto& n = names();
    if (out.kind == outcome::value) return self.exit(n.normal);
    auto& b = self.scratch();
    std::vector<term> frames;
    for (term t = out.stacktrace ? out.stacktrace : nil; t.is_cons(); t = t.tail()) frames.push_back(t.head());
    frames.push_back(make_tuple_of(b, n.proc_lib, n.init_p_do_apply, small(3), nil));
    const term trace = make_list(b, frames.data(), frames.size());
    reports::crash(self, out.error_class, out.reason, trace);
    term why = out.reason;
    if (out.error_class.same(n.error)) why = make_tuple_of(b, out.reason, trace);
    else if (!out.error_class.same(n.exit)) why = make_tuple_of(b, make_tuple_of(b, n.nocatch, out.reason), trace);
    self.exit(without_natives(self, why));
  }
  void stopping(process&, term reason) override {
    if (note_) note_->set(reason);
  }
  bool movable() const override { return true; }
  term current_function(process& self, block& b) override {
    (void)self;
    return make_tuple_of(b, module_, function_, small(std::max<std::int64_t>(list_length(args_.get()), 0)));
  }

 private:
  term module_, function_;
  owned_term args_;
  std::shared_ptr<gen::start_note> note_;
};

using gen::linkage;

term spawn(process& self, block& b, term module, term function, term args, bool link, std::shared_ptr<gen::start_note> note) {
  const auto& n = names();
  spawn_options options;
  options.group_leader = self.group_leader();
  if (link) options.link_to = self.pid();
  options.dictionary = {{n.initial_call, make_tuple_of(b, module, function, small(list_length(args)))},
                        {n.ancestors, gen::ancestors_for_child(self, b)}};
  options.initial_call = make_tuple_of(b, n.proc_lib, n.init_p, small(5));
  return self.node().spawn(std::make_unique<proc_lib_process>(module, function, args, std::move(note)), options);
}

bool is_mfa(term module, term function, term args) { return module.is_atom() && function.is_atom() && list_length(args) >= 0; }

term spawn_here(cnode_env* env, term module, term function, term args, bool link) {
  if (!is_mfa(module, function, args)) throw_error(names().function_clause);
  return spawn(self(env), heap_of(env), module, function, args, link, {});
}

// On another node: that one runs proc_lib:init_p/5.
task<term> spawn_there(call_context& cx, term node, term module, term function, term args, term options) {
  const auto& n = names();
  if (!node.is_atom() || !is_mfa(module, function, args)) throw_error(n.badarg);
  auto& b = cx.heap();
  const term ancestors = gen::ancestors_for_child(cx.self(), b);
  const term init_p_args = make_list_of(b, ancestors.head(), ancestors.tail(), module, function, args);
  co_return co_await cx.call(atom("erlang"), atom("spawn_opt"), make_list_of(b, node, n.proc_lib, n.init_p, init_p_args, options));
}

task<term> spawn_link_there(call_context& cx, term node, term module, term function, term args) {
  return spawn_there(cx, node, module, function, args, make_list_of(cx.heap(), atom("link")));
}

task<term> start_process(call_context& cx, linkage l, term module, term function, term args, term time) {
  if (!is_mfa(module, function, args)) throw_error(names().function_clause);
  const auto ms = gen::timeout_value(time);
  auto note = std::make_shared<gen::start_note>();
  const term pid = spawn(cx.self(), cx.heap(), module, function, args, l == linkage::link, note);
  co_return co_await gen::sync_start(cx, l, pid, note, ms);
}

term send_ack(cnode_env* env, term parent, term answer) {
  auto& p = self(env);
  p.send(parent, make_tuple_of(heap_of(env), names().ack, p.pid(), answer));
  return names().ok;
}
term init_ack(cnode_env* env, term answer) {
  const term ancestors = self(env).dictionary_get(names().ancestors);
  if (!ancestors || !ancestors.is_cons()) throw_error(names().badarg);
  return send_ack(env, ancestors.head(), answer);
}

// '$initial_call' of process_info's list, of the process itself, or of another one on this node by erlang:process_info/2.
task<term> raw_initial_call(call_context& cx, term who) {
  const auto& n = names();
  const term dictionary = atom("dictionary");
  term entries;
  if (who.is_pid()) {
    const outcome out = co_await cx.apply(atom("erlang"), atom("process_info"), make_list_of(cx.heap(), who, dictionary));
    if (out.kind == outcome::value && out.result.is_tuple(2)) entries = out.result[1];
  } else {
    entries = gen::option(who, dictionary);
  }
  for (; entries && entries.is_cons(); entries = entries.tail())
    if (const term e = entries.head(); e.is_tuple(2) && e[0].same(n.initial_call) && e[1].is_tuple(3)) co_return e[1];
  co_return n.false_;
}

task<term> translate(call_context& cx, term who) {
  const term mfa = co_await raw_initial_call(cx, who);
  co_return mfa.is_tuple(3) ? mfa : make_tuple_of(cx.heap(), names().proc_lib, names().init_p, small(5));
}

task<term> initial_call(call_context& cx, term who) {
  const term mfa = co_await raw_initial_call(cx, who);
  if (!mfa.is_tuple(3) || !mfa[2].is_small()) co_return mfa;
  std::vector<term> dummies;
  for (std::int64_t i = 1; i <= mfa[2].small() && i <= 255; ++i) dummies.push_back(atom("Argument__" + std::to_string(i)));
  co_return make_tuple_of(cx.heap(), mfa[0], mfa[1], make_list(cx.heap(), dummies.data(), dummies.size()));
}

// gen:init_it/6,7: [gen_server | gen_statem | gen_event, Starter, Parent, (Name,) Module, Args, Options]
std::unique_ptr<behaviour> make_server(std::span<const term> a, term ancestors, spawn_options& options, block& b) {
  const auto& n = names();
  const term module = a[a.size() - 3], name = a.size() == 7 ? a[3] : term{};
  const bool has_parent = a[2].is_pid();
  gen::server_start s;
  if (a[0].same(atom("gen_statem"))) s.behaviour = gen::server_start::gen_statem;
  else if (a[0].same(atom("gen_event"))) s.behaviour = gen::server_start::gen_event;
  else if (!a[0].same(n.gen_server)) return nullptr;
  if (!a[1].is_pid() || !(has_parent || a[2].same(n.self)) || !module.is_atom() ||
      (name && !gen::is_server_name(name)) || list_length(a.back()) < 0)
    return nullptr;
  s.module = module;
  s.args = a[a.size() - 2];
  s.name = name;
  s.starter = a[1];
  if (has_parent) s.parent = a[2];
  s.link = static_cast<bool>(options.link_to);
  s.options = {gen::option(a.back(), n.debug), gen::option(a.back(), n.hibernate_after)};
  options.dictionary = {{n.initial_call, gen::initial_call_of(b, s)}, {n.ancestors, ancestors}};
  return gen::make_behaviour(s);
}

}  // namespace

bool is_from_proc_lib(term module, term function) { return module.same(names().proc_lib) && function.same(names().init_p); }

std::unique_ptr<behaviour> make_spawned_by_proc_lib(term called, term called_function, term init_p_args, spawn_options& options, block& b) {
  const auto& n = names();
  if (!is_from_proc_lib(called, called_function)) return nullptr;
  if (list_length(init_p_args) != 5) return nullptr;
  term parts[5];
  for (term& p : parts) p = init_p_args.head(), init_p_args = init_p_args.tail();
  const auto [parent, older, module, function, args] = parts;
  if (!is_mfa(module, function, args) || list_length(older) < 0) return nullptr;
  const term ancestors = make_cons(b, parent, older);
  options.initial_call = make_tuple_of(b, n.proc_lib, n.init_p, small(5));
  const auto count = list_length(args);
  if (module.same(n.gen) && function.same(n.init_it) && (count == 6 || count == 7)) {
    std::vector<term> a;
    for (term t = args; t.is_cons(); t = t.tail()) a.push_back(t.head());
    if (auto server = make_server(a, ancestors, options, b)) return server;
  }
  options.dictionary = {{n.initial_call, make_tuple_of(b, module, function, small(count))}, {n.ancestors, ancestors}};
  return std::make_unique<proc_lib_process>(module, function, args, nullptr);
}

void add_proc_lib_builtins(code_server& code) {
  static constexpr auto for_ever = &otp_atoms::infinity;
  // Spawn options behind the timeout say nothing that matters here.
  static constexpr builtin_function functions[] = {
      {"spawn", 3, plain<spawn_here, 0, 1, 2, false>},
      {"spawn_link", 3, plain<spawn_here, 0, 1, 2, true>},
      {"spawn", 4, waiting<spawn_there, 0, 1, 2, 3, empty_list>},
      {"spawn_link", 4, waiting<spawn_link_there>},
      {"spawn_opt", 5, waiting<spawn_there>},
      {"start", 3, waiting<start_process, linkage::nolink, 0, 1, 2, for_ever>},
      {"start", 4, waiting<start_process, linkage::nolink, 0, 1, 2, 3>},
      {"start", 5, waiting<start_process, linkage::nolink, 0, 1, 2, 3>},
      {"start_link", 3, waiting<start_process, linkage::link, 0, 1, 2, for_ever>},
      {"start_link", 4, waiting<start_process, linkage::link, 0, 1, 2, 3>},
      {"start_link", 5, waiting<start_process, linkage::link, 0, 1, 2, 3>},
      {"start_monitor", 3, waiting<start_process, linkage::monitor, 0, 1, 2, for_ever>},
      {"start_monitor", 4, waiting<start_process, linkage::monitor, 0, 1, 2, 3>},
      {"start_monitor", 5, waiting<start_process, linkage::monitor, 0, 1, 2, 3>},
      {"init_ack", 1, plain<init_ack>},
      {"init_ack", 2, plain<send_ack>},
      {"translate_initial_call", 1, waiting<translate>},
      {"initial_call", 1, waiting<initial_call>},
  };
  code.add_builtin("proc_lib", functions);
}

}  // namespace cnode::actors
