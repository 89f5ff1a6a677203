// Processes of one node without its sockets: the loops of bench_local on a runtime with one scheduler.
#include <benchmark/benchmark.h>

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <future>
#include <map>
#include <thread>

#include <cnode/actors/code_server.hpp>
#include <cnode/actors/gen.hpp>
#include <cnode/actors/process.hpp>
#include <cnode/actors/runtime.hpp>
#include <cnode/protocol/atom_table.hpp>
#include <cnode/protocol/term_text.hpp>

namespace cnode::bench {
namespace {

using namespace actors;

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "bench_local_processes: %s\n", what.c_str());
  std::exit(1);
}

// Applies one function and hands its value over.
class applier : public behaviour {
 public:
  applier(term m, term f, block_ptr args, std::shared_ptr<std::promise<block_ptr>> answer)
      : m_(m), f_(f), args_(std::move(args)), answer_(std::move(answer)) {}
  void start(process& self) override { self.call(m_, f_, args_->root); }
  void receive(process&, block_ptr&) override {}
  void returned(process& self, outcome o) override {
    if (o.kind != outcome::value) fail(to_text(o.error_class) + ": " + to_text(o.reason));
    answer_->set_value(copy_to_block(o.result));
    self.exit(atom("normal"));
  }

 private:
  term m_, f_;
  block_ptr args_;
  std::shared_ptr<std::promise<block_ptr>> answer_;
};

class node {
 public:
  node() {
    runtime_config config;
    config.schedulers = 1;
    config.max_processes = 1u << 22;
    config.log = [](log_level l, std::string_view text) {
      if (l >= log_level::warning) std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
    };
    runtime_ = std::make_unique<runtime>(std::move(config));
    add_behaviour_builtins(*runtime_);
    runtime_->code().add_path(BENCH_MODULES, true);
    runtime_->start();
    server = apply("servers", {small(1)})->root.head();  // a pid of this node: always valid
  }
  ~node() { runtime_->stop(); }

  block_ptr apply(const char* function, std::initializer_list<term> args) {
    auto b = block::make(64);
    b->root = make_list(*b, args.begin(), args.size());
    b->root = copy(*b, b->root);
    const auto answer = std::make_shared<std::promise<block_ptr>>();
    auto value = answer->get_future();
    runtime_->spawn(std::make_unique<applier>(atom("bench_local"), atom(function), std::move(b), answer));
    return value.get();
  }
  std::size_t count() const { return runtime_->process_count(); }
  // Until all processes wait.
  void settle() const {
    for (auto before = ~std::uint64_t{0}; runtime_->run_queue() > 0 || runtime_->reductions() != before;) {
      before = runtime_->reductions();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  term server;

 private:
  std::unique_ptr<runtime> runtime_;
};

node& the_node() {
  static node n;
  return n;
}

// What a coroutine builds goes when it ends, so the loops are short.
constexpr std::int64_t batch = 1000;

void report(benchmark::State& state) { state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * batch); }

void call(benchmark::State& state) {
  std::int64_t last = 0;
  for (auto _ : state) {
    const auto count = the_node().apply("calls", {the_node().server, small(batch)})->root;
    if (!count.is_small() || count.small() < last + batch) fail("calls: a count that does not rise");
    last = count.small();
  }
  report(state);
}
void send(benchmark::State& state) {
  auto before = the_node().apply("sends", {the_node().server, small(0)})->root.small();
  for (auto _ : state) {
    const auto count = the_node().apply("sends", {the_node().server, small(batch)})->root.small();
    if (count != before + batch) fail("sends: the server counted " + std::to_string(count - before));
    before = count;
  }
  report(state);
}
void ping_pong(benchmark::State& state) {
  for (auto _ : state)
    if (the_node().apply("pings", {small(batch)})->root.small() != batch) fail("pings");
  report(state);
}
void spawn(benchmark::State& state) {
  for (auto _ : state)
    if (the_node().apply("spawns", {small(batch)})->root.small() != batch) fail("spawns");
  report(state);
}
// A message to each of so many servers in turn, to all of them.
void send_to_many(benchmark::State& state) {
  static std::map<std::int64_t, block_ptr> made;  // Google Benchmark comes here several times
  auto& all = made[state.range(0)];
  if (!all) all = the_node().apply("servers", {small(state.range(0))});
  const auto n = std::max(batch, state.range(0));
  for (auto _ : state) the_node().apply("sends_to_each", {all->root, small(n)});
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * n);
}

double rss() {
  std::ifstream in("/proc/self/statm");
  double size = 0, pages = 0;
  in >> size >> pages;
  return pages * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

// Not a time, so not Google Benchmark's: bytes a waiting process adds to what is resident. A program of its own per figure.
int memory(const char* function, std::int64_t n) {
  auto& all = the_node();
  all.apply(function, {small(100)});
  all.settle();
  const auto before = rss();
  const auto there = all.count();
  const auto kept = all.apply(function, {small(n)});
  all.settle();
  const auto used = rss() - before;
  // Who applied the function the first time may have been there still.
  if (all.count() + 1 < there + static_cast<std::size_t>(n)) fail(std::string(function) + ": they are not all there");
  std::printf("{\"%s\": %.2f}\n", function, used / static_cast<double>(n));
  std::fflush(stdout);
  std::_Exit(0);
}

}  // namespace
}  // namespace cnode::bench

int main(int argc, char** argv) {
  using namespace cnode::bench;
  if (argc == 4 && std::string(argv[1]) == "memory") return memory(argv[2], std::atoll(argv[3]));
  for (const auto& [name, f] : {std::pair{"call", &call}, std::pair{"send", &cnode::bench::send}, std::pair{"ping_pong", &ping_pong}, std::pair{"spawn", &spawn}})
    benchmark::RegisterBenchmark(name, f)->UseRealTime();
  const char* many = std::getenv("BENCH_MANY");
  benchmark::RegisterBenchmark("send_to_many", &send_to_many)->RangeMultiplier(10)->Range(1, many ? std::atoll(many) : 1000)->UseRealTime();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
