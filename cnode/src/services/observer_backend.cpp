// observer_backend: what observer and etop on a BEAM node ask of the node they watch. Records are those of observer_backend.hrl.
#include <sys/resource.h>

#include <chrono>

#include <cnode/protocol/local_node.hpp>

#include "modules.hpp"
#include "routine.hpp"

namespace cnode::services {

namespace {

constexpr std::size_t chunk = 10000;  // processes in a message of procs_info

term vsn_0(call& c) { return c.tuple(atom("ok"), c.text(CNODE_VERSION)); }

// What a function of module erlang answers, or none when it raised.
routine<owned> asked(talk& t, std::string_view function, term args) {
  const auto& a = co_await t.apply(atom("erlang"), atom(function), args);
  owned value = a.value ? owned(a.value) : owned{};
  co_return value;
}

routine<term> sys_info(talk& t) {
  static constexpr std::string_view system_items[] = {
      "logical_processors", "logical_processors_online", "logical_processors_available", "schedulers", "schedulers_online", "otp_release", "version",
      "system_architecture", "kernel_poll", "smp_support", "threads", "atom_limit", "atom_count", "process_limit", "process_count", "port_count", "ets_count"};
  std::vector<std::pair<std::string_view, owned>> items;
  for (const auto item : system_items) {
    owned value = co_await asked(t, "system_info", t.list(atom(item)));
    if (value.get()) items.emplace_back(item, value);
    if (item == "schedulers_online") items.emplace_back("schedulers_available", value);
  }
  for (const std::string_view size : {"internal", "external"}) {
    owned value = co_await asked(t, "system_info", t.list(t.tuple(atom("wordsize"), atom(size))));
    if (value.get()) items.emplace_back(size == "internal" ? "wordsize_internal" : "wordsize_external", value);
  }
  const owned wall_clock = co_await asked(t, "statistics", t.list(atom("wall_clock")));
  items.emplace_back("uptime", owned(wall_clock.get()[0]));
  owned run_queue = co_await asked(t, "statistics", t.list(atom("run_queue")));
  items.emplace_back("run_queue", run_queue);
  const owned io = co_await asked(t, "statistics", t.list(atom("io")));
  items.emplace_back("io_input", owned(io.get()[0][1]));
  items.emplace_back("io_output", owned(io.get()[1][1]));
  items.emplace_back("thread_pool_size", owned(small(0)));
  items.emplace_back("alloc_info", owned(nil));
  const owned memory = co_await asked(t, "memory", nil);
  auto& b = t.heap();
  term list = copy(b, memory.get());
  for (auto i = items.rbegin(); i != items.rend(); ++i) list = make_cons(b, make_tuple_of(b, atom(i->first), copy(b, i->second.get())), list);
  co_return list;
}

// #etop_proc_info{} of a process; none when it has ended.
routine<term> process_entry(talk& t, term pid, block& b) {
  const term items = t.list(atom("registered_name"), atom("initial_call"), atom("memory"), atom("reductions"), atom("current_function"), atom("message_queue_len"));
  const owned got = co_await asked(t, "process_info", t.list(pid, items));
  if (!got.get() || list_length(got.get()) != 6) co_return term{};
  term values[6];
  term rest = got.get();
  for (term& v : values) v = rest.head()[1], rest = rest.tail();
  owned name(values[0].is_atom() && !values[0].is_nil() ? values[0] : values[1]);
  if (const term call = name.get(); call.is_tuple(3) && is(call[0], "proc_lib") && is(call[1], "init_p")) {
    const auto& translated = co_await t.apply(atom("proc_lib"), atom("translate_initial_call"), t.list(pid));
    if (translated.value) name = owned(translated.value);
  }
  co_return make_tuple_of(b, atom("etop_proc_info"), pid, copy(b, values[2]), copy(b, values[3]), copy(b, name.get()), small(0), copy(b, values[4]), copy(b, values[5]));
}

// The entries of these processes, but for the one that asks.
routine<block_ptr> entries(talk& t, const std::vector<term>& pids) {
  auto b = block::make(256);
  term list = nil;
  for (const term pid : pids) {
    if (pid.same(t.self().pid())) continue;
    const heap_use use(t);
    const term entry = co_await process_entry(t, pid, *b);
    if (entry) list = make_cons(*b, entry, list);
  }
  b->root = list;
  co_return b;
}

routine<term> procs_info(talk& t, owned collector) {
  const auto pids = t.node().processes();
  for (std::size_t from = 0; from == 0 || from < pids.size(); from += chunk) {
    const std::vector<term> part(pids.begin() + static_cast<std::ptrdiff_t>(from), pids.begin() + static_cast<std::ptrdiff_t>(std::min(from + chunk, pids.size())));
    const block_ptr list = co_await entries(t, part);
    t.self().send(collector.get(), t.tuple(atom("procs_info"), t.self().pid(), list->root));
  }
  co_return ok();
}

// #etop_info{}. The use of processors is told as etop had it first, by wall_clock and runtime, which it still takes.
routine<term> etop_collect(talk& t, owned collector) {
  const auto pids = t.node().processes();
  const block_ptr list = co_await entries(t, pids);
  const owned now = co_await asked(t, "timestamp", nil);
  const owned wall_clock = co_await asked(t, "statistics", t.list(atom("wall_clock")));
  const owned runtime = co_await asked(t, "statistics", t.list(atom("runtime")));
  const owned run_queue = co_await asked(t, "statistics", t.list(atom("run_queue")));
  const owned memory = co_await asked(t, "memory", nil);
  const term info = t.tuple(atom("etop_info"), now.get(), small(list_length(list->root)), wall_clock.get(), runtime.get(), run_queue.get(), nil, memory.get(), list->root);
  t.self().send(collector.get(), t.tuple(t.self().pid(), info));
  co_return ok();
}

// Each scheduler's part of the processor time that the whole program used, as scheduler_wall_time has it.
term scheduler_times(talk& t) {
  rusage u{};
  getrusage(RUSAGE_SELF, &u);
  const auto n = std::max<std::int64_t>(1, t.node().schedulers());
  const std::int64_t used = ((u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 + u.ru_utime.tv_usec + u.ru_stime.tv_usec) / n;
  const std::int64_t wall = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - t.node().started_at()).count();
  auto& b = t.heap();
  term list = nil;
  for (auto id = n; id > 0; --id) list = make_cons(b, make_tuple_of(b, small(id), make_integer(b, std::min(used, wall)), make_integer(b, wall)), list);
  return list;
}

// Until any message comes. observer draws six kinds of memory; what is not counted apart stays at 0.
routine<term> fetch_stats(talk& t, owned parent, std::int64_t every_ms) {
  t.self().set_trap_exit(true);
  const talk::matcher any = [](term) { return true; };
  for (;;) {
    const term m = co_await t.wait_for(any, every_ms);
    if (m) co_return ok();
    const heap_use use(t);
    const owned io = co_await asked(t, "statistics", t.list(atom("io")));
    const owned total = co_await asked(t, "memory", t.list(atom("total")));
    std::vector<term> memory{t.tuple(atom("total"), total.get())};
    for (const std::string_view kind : {"processes", "atom", "binary", "code", "ets"}) memory.push_back(t.tuple(atom(kind), small(0)));
    const term kinds = make_list(t.heap(), memory.data(), memory.size());
    t.self().send(parent.get(), t.tuple(atom("stats"), small(1), scheduler_times(t), io.get(), kinds));
  }
}

term sys_info_0(call& c) {
  return run_routine(c, [](talk& t) { return sys_info(t); });
}
term procs_info_1(call& c) {
  return run_routine(c, [&](talk& t) { return procs_info(t, owned(c[0])); });
}
term etop_collect_1(call& c) {
  return run_routine(c, [&](talk& t) { return etop_collect(t, owned(c[0])); });
}
term fetch_stats_2(call& c) {
  if (!c[1].is_small() || c[1].small() < 1) return c.badarg();
  return run_routine(c, [&](talk& t) { return fetch_stats(t, owned(c[0]), c[1].small()); });
}

// There are no ports, sockets or tables.
term none_0(call&) { return nil; }
term get_table_list_2(call& c) {
  if (is(c[0], "ets")) return nil;
  if (!is(c[0], "mnesia")) return c.function_clause();
  return c.throw_(c.tuple(atom("error"), c.text("Mnesia is not running on: " + std::string(atom_text(this_node().name)))));
}
term get_table_3(call& c) {
  c.self().send(c[0], c.tuple(c.self().pid(), atom("$end_of_table")));
  return c.self().pid();
}

constexpr builtin table[] = {
    {"vsn", 0, bif<vsn_0>}, {"sys_info", 0, bif<sys_info_0>}, {"procs_info", 1, bif<procs_info_1>}, {"etop_collect", 1, bif<etop_collect_1>},
    {"fetch_stats", 2, bif<fetch_stats_2>}, {"get_port_list", 0, bif<none_0>}, {"get_socket_list", 0, bif<none_0>}, {"socket_info", 0, bif<none_0>},
    {"get_table_list", 2, bif<get_table_list_2>}, {"get_table", 3, bif<get_table_3>},
};

}  // namespace

void add_observer_functions(actors::code_server& code) { code.add_builtin("observer_backend", table); }

}  // namespace cnode::services
