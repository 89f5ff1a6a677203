// erlang: what the node is made of and how it does; time.
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <ctime>
#include <thread>

#include <cnode/protocol/local_node.hpp>

#include "bigint.hpp"
#include "call.hpp"
#include "modules.hpp"

#ifndef CNODE_VERSION
#error "services.cmake defines CNODE_VERSION"
#endif

namespace cnode::services {

namespace {

using std::chrono::steady_clock;
using std::chrono::system_clock;

constexpr std::string_view otp_release = "25";  // whose behaviour the node has

std::int64_t cores() { return std::max(1u, std::thread::hardware_concurrency()); }

std::string system_version(const actors::runtime& node) {
  const auto n = std::to_string(node.schedulers());
  return "Erlang/OTP " + std::string(otp_release) + " [cnode " CNODE_VERSION "] [64-bit] [smp:" + n + ":" + n + "]\n";
}

std::string architecture() {
#if defined(__x86_64__)
  return "x86_64-pc-linux-gnu";
#elif defined(__aarch64__)
  return "aarch64-unknown-linux-gnu";
#else
#error "name the architecture"
#endif
}

term system_info_(call& c) {
  auto& node = c.node();
  const auto item = c[0].is_atom() ? atom_text(c[0]) : std::string_view{};
  if (item == "otp_release") return c.text(otp_release);
  if (item == "version") return c.text(CNODE_VERSION);
  if (item == "system_version") return c.text(system_version(node));
  if (item == "machine") return c.text("CNODE");
  if (item == "emu_flavor") return atom("cnode");
  if (item == "emu_type" || item == "build_type") return atom("opt");
  if (item == "system_architecture") return c.text(architecture());
  if (item == "process_count") return c.integer(static_cast<std::int64_t>(node.process_count()));
  if (item == "process_limit") return c.integer(actors::runtime_config{}.max_processes);
  if (item == "port_count" || item == "ets_count") return small(0);
  if (item == "schedulers" || item == "schedulers_online") return c.integer(node.schedulers());
  if (item == "dirty_cpu_schedulers" || item == "dirty_cpu_schedulers_online" || item == "dirty_io_schedulers") return small(0);
  if (item == "logical_processors" || item == "logical_processors_online" || item == "logical_processors_available") return c.integer(cores());
  if (item == "atom_count") return c.integer(atom_count());
  if (item == "atom_limit") return c.integer(1 << 20);
  if (item == "wordsize") return small(sizeof(void*));
  if (item == "smp_support" || item == "threads" || item == "dynamic_trace_probes") return boolean(item != "dynamic_trace_probes");
  if (item == "creation") return make_unsigned(c.heap(), this_node().creation);
  if (item == "dist") return c.binary(this_node().name.same(atom("nonode@nohost")) ? "=node:'nonode@nohost'\n" : "=visible_node:" + std::string(atom_text(this_node().name)) + "\n");
  if (item == "start_time") return c.integer(std::chrono::nanoseconds(node.started_at().time_since_epoch()).count());
  if (item == "end_time") return c.integer(INT64_MAX);
  if (item == "os_monotonic_time_source" || item == "os_system_time_source") {
    const bool monotonic = item == "os_monotonic_time_source";
    return c.list(c.tuple(atom("function"), atom("clock_gettime")), c.tuple(atom("clock_id"), atom(monotonic ? "CLOCK_MONOTONIC" : "CLOCK_REALTIME")));
  }
  if (item == "time_correction" || item == "multi_scheduling") return item == "time_correction" ? boolean(true) : atom("enabled");
  if (item == "time_warp_mode") return atom("multi_time_warp");
  if (item == "time_offset") return atom("volatile");
  if (item == "tolerant_timeofday") return atom("enabled");
  if (item == "kernel_poll") return boolean(true);
  if (item == "delayed_node_table_gc") return atom("infinity");
  if (item == "c_compiler_used") {
#if defined(__clang__)
    return c.tuple(atom("clang"), c.tuple(small(__clang_major__), small(__clang_minor__), small(__clang_patchlevel__)));
#else
    return c.tuple(atom("gnuc"), c.tuple(small(__GNUC__), small(__GNUC_MINOR__), small(__GNUC_PATCHLEVEL__)));
#endif
  }
  if (c[0].is_tuple(2) && is(c[0][0], "wordsize") && (is(c[0][1], "internal") || is(c[0][1], "external"))) return small(8);
  return c.badarg();
}

// ---- memory: what the allocator has handed out. How much of it each kind of data takes is not counted.
std::uint64_t allocated() {
  const auto m = mallinfo2();
  return m.uordblks + m.hblkhd;
}
term memory_0(call& c) { return c.list(c.tuple(atom("total"), make_unsigned(c.heap(), allocated()))); }
term memory_1(call& c) {
  if (is(c[0], "total")) return make_unsigned(c.heap(), allocated());
  if (const auto types = elements(c[0])) {
    std::vector<term> out;
    for (const term t : *types) {
      if (!is(t, "total")) return c.badarg();
      out.push_back(c.tuple(t, make_unsigned(c.heap(), allocated())));
    }
    return make_list(c.heap(), out.data(), out.size());
  }
  return c.badarg();
}

// {Total, since the last call}, as statistics/1 keeps it for the whole node.
term with_difference(call& c, std::uint64_t now, std::atomic<std::uint64_t>& last) {
  const auto before = last.exchange(now);
  return c.tuple(make_unsigned(c.heap(), now), make_unsigned(c.heap(), now > before ? now - before : 0));
}

std::uint64_t cpu_ms() {
  rusage u{};
  getrusage(RUSAGE_SELF, &u);
  return static_cast<std::uint64_t>(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 +
         static_cast<std::uint64_t>(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
}

term statistics_(call& c) {
  static std::atomic<std::uint64_t> last_wall, last_runtime, last_reductions;
  auto& node = c.node();
  if (is(c[0], "wall_clock")) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - node.started_at()).count();
    return with_difference(c, static_cast<std::uint64_t>(ms), last_wall);
  }
  if (is(c[0], "runtime")) return with_difference(c, cpu_ms(), last_runtime);
  if (is(c[0], "reductions") || is(c[0], "exact_reductions")) return with_difference(c, node.reductions(), last_reductions);
  if (is(c[0], "run_queue") || is(c[0], "total_run_queue_lengths") || is(c[0], "total_run_queue_lengths_all") || is(c[0], "total_active_tasks"))
    return make_unsigned(c.heap(), node.run_queue());
  if (is(c[0], "context_switches")) {
    rusage u{};
    getrusage(RUSAGE_SELF, &u);
    return c.tuple(c.integer(u.ru_nvcsw + u.ru_nivcsw), small(0));
  }
  if (is(c[0], "io")) {
    std::uint64_t in = 0, out = 0;
    if (auto* host = host_of(node))
      for (const auto& p : host->peers()) {
        in += p.bytes_in;
        out += p.bytes_out;
      }
    return c.tuple(c.tuple(atom("input"), make_unsigned(c.heap(), in)), c.tuple(atom("output"), make_unsigned(c.heap(), out)));
  }
  return c.badarg();
}

// ---- time. The native unit is the nanosecond.
std::int64_t system_ns() { return std::chrono::nanoseconds(system_clock::now().time_since_epoch()).count(); }
std::int64_t monotonic_ns() { return std::chrono::nanoseconds(steady_clock::now().time_since_epoch()).count(); }

// Parts a second; 0: no unit.
std::int64_t parts(term unit) {
  if (unit.is_small()) return unit.small() > 0 ? unit.small() : 0;
  if (!unit.is_atom()) return 0;
  const auto u = atom_text(unit);
  if (u == "second" || u == "seconds") return 1;
  if (u == "millisecond" || u == "milli_seconds") return 1000;
  if (u == "microsecond" || u == "micro_seconds") return 1000000;
  if (u == "nanosecond" || u == "nano_seconds" || u == "native" || u == "perf_counter") return 1000000000;
  return 0;
}

// Rounded towards minus infinity, as erlang:convert_time_unit/3.
term converted(call& c, const bigint& time, std::int64_t from, std::int64_t to) {
  bigint q, r;
  divide(time * bigint::of(to), bigint::of(from), q, r);
  if (r.negative) q = q - bigint::of(std::int64_t{1});
  return q.to_term(c.heap());
}
term in_unit(call& c, std::int64_t ns) {
  const auto p = parts(c[0]);
  return p ? converted(c, bigint::of(ns), 1000000000, p) : c.badarg();
}
term convert_time_unit_(call& c) {
  const auto from = parts(c[1]), to = parts(c[2]);
  return c[0].is_integer() && from && to ? converted(c, bigint::of(c[0]), from, to) : c.badarg();
}
term system_time_0(call& c) { return c.integer(system_ns()); }
term system_time_1(call& c) { return in_unit(c, system_ns()); }
term monotonic_time_0(call& c) { return c.integer(monotonic_ns()); }
term monotonic_time_1(call& c) { return in_unit(c, monotonic_ns()); }
term time_offset_0(call& c) { return c.integer(system_ns() - monotonic_ns()); }
term time_offset_1(call& c) { return in_unit(c, system_ns() - monotonic_ns()); }

term unique() {
  static std::atomic<std::int64_t> next{1};
  return small(next.fetch_add(1, std::memory_order_relaxed));
}
term unique_integer_0(call&) { return unique(); }
term unique_integer_1(call& c) {
  const auto options = elements(c[0]);
  if (!options) return c.badarg();
  for (const term o : *options)
    if (!is(o, "positive") && !is(o, "monotonic")) return c.badarg();
  return unique();
}

term micros_tuple(call& c, std::int64_t us) { return c.tuple(small(us / 1000000000000), small(us / 1000000 % 1000000), small(us % 1000000)); }
term timestamp_(call& c) { return micros_tuple(c, system_ns() / 1000); }
// now/0: never the same twice.
term now_(call& c) {
  static std::atomic<std::int64_t> last{0};
  auto us = system_ns() / 1000;
  auto before = last.load();
  do us = std::max(us, before + 1);
  while (!last.compare_exchange_weak(before, us));
  return micros_tuple(c, us);
}

std::tm broken_down(bool local) {
  const auto t = system_clock::to_time_t(system_clock::now());
  std::tm tm{};
  local ? localtime_r(&t, &tm) : gmtime_r(&t, &tm);
  return tm;
}
term date_of(call& c, const std::tm& t) { return c.tuple(small(t.tm_year + 1900), small(t.tm_mon + 1), small(t.tm_mday)); }
term time_of(call& c, const std::tm& t) { return c.tuple(small(t.tm_hour), small(t.tm_min), small(t.tm_sec)); }
term date_(call& c) { return date_of(c, broken_down(true)); }
term time_(call& c) { return time_of(c, broken_down(true)); }
template <bool Local>
term date_time(call& c) {
  const auto t = broken_down(Local);
  return c.tuple(date_of(c, t), time_of(c, t));
}

term halt(call& c, term status) {
  int code = 0;
  if (status.is_small() && status.small() >= 0) code = static_cast<int>(status.small() & 0xff);
  else if (is(status, "abort")) code = 134;
  else if (status.is_list()) code = 1;  // erl writes a crash dump with this slogan and ends with 1
  else return c.badarg();
  auto* host = host_of(c.node());
  if (!host) return c.error(atom("notsup"));
  host->stop(code);
  return boolean(true);
}
term halt_0(call& c) { return halt(c, small(0)); }
term halt_1(call& c) { return halt(c, c[0]); }

constexpr actors::builtin_function table[] = {
    {"system_info", 1, bif<system_info_>}, {"memory", 0, bif<memory_0>}, {"memory", 1, bif<memory_1>}, {"statistics", 1, bif<statistics_>},
    {"system_time", 0, bif<system_time_0>}, {"system_time", 1, bif<system_time_1>}, {"monotonic_time", 0, bif<monotonic_time_0>},
    {"monotonic_time", 1, bif<monotonic_time_1>}, {"time_offset", 0, bif<time_offset_0>}, {"time_offset", 1, bif<time_offset_1>},
    {"convert_time_unit", 3, bif<convert_time_unit_>}, {"unique_integer", 0, bif<unique_integer_0>}, {"unique_integer", 1, bif<unique_integer_1>},
    {"timestamp", 0, bif<timestamp_>}, {"now", 0, bif<now_>}, {"date", 0, bif<date_>}, {"time", 0, bif<time_>},
    {"localtime", 0, bif<date_time<true>>}, {"universaltime", 0, bif<date_time<false>>}, {"halt", 0, bif<halt_0>}, {"halt", 1, bif<halt_1>}, {"halt", 2, bif<halt_1>},
};

term os_timestamp(call& c) { return timestamp_(c); }
constexpr actors::builtin_function os_table[] = {
    {"timestamp", 0, bif<os_timestamp>}, {"system_time", 0, bif<system_time_0>}, {"system_time", 1, bif<system_time_1>},
    {"perf_counter", 0, bif<monotonic_time_0>}, {"perf_counter", 1, bif<monotonic_time_1>},
};

term elixir_otp_release(call& c) { return c.binary(otp_release); }
term elixir_os_pid(call& c) { return c.binary(std::to_string(getpid())); }
constexpr actors::builtin_function elixir_table[] = {
    {"otp_release", 0, bif<elixir_otp_release>}, {"pid", 0, bif<elixir_os_pid>}, {"system_time", 0, bif<system_time_0>},
    {"system_time", 1, bif<system_time_1>}, {"monotonic_time", 0, bif<monotonic_time_0>}, {"monotonic_time", 1, bif<monotonic_time_1>},
    {"os_time", 0, bif<system_time_0>}, {"os_time", 1, bif<system_time_1>}, {"time_offset", 0, bif<time_offset_0>}, {"time_offset", 1, bif<time_offset_1>},
    {"unique_integer", 0, bif<unique_integer_0>}, {"unique_integer", 1, bif<unique_integer_1>}, {"halt", 0, bif<halt_0>}, {"halt", 1, bif<halt_1>},
    {"stop", 0, bif<halt_0>}, {"stop", 1, bif<halt_1>},
};

}  // namespace

void add_system_functions(actors::code_server& code) {
  code.add_builtin("erlang", table);
  code.add_builtin("os", os_table);
  code.add_builtin("Elixir.System", elixir_table);
}

}  // namespace cnode::services
