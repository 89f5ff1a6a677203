// Decoding, encoding and checking the files of codec_terms.erl, ours and libei's. BENCH_TERMS names their folder.
// A decoded term is freed within the time; the buffer an encoding goes to is kept.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>

#include <cnode/protocol/atom_table.hpp>
#include <cnode/protocol/etf.hpp>
#include <cnode/protocol/local_node.hpp>
#include <cnode/protocol/term_order.hpp>

#include "libei_codec.hpp"

namespace cnode::bench {
namespace {

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "bench_codec: %s\n", what.c_str());
  std::exit(1);
}

struct file {
  std::string bytes;
  buffer_ptr shared;  // the same in a counted buffer, as a frame lies in
  block_ptr term;
};

file open(const std::string& name) {
  const char* dir = std::getenv("BENCH_TERMS");
  std::ifstream in(std::string(dir ? dir : ".") + "/" + name + ".term", std::ios::binary);
  file f;
  f.bytes.assign(std::istreambuf_iterator<char>(in), {});
  if (f.bytes.empty()) fail("no file " + name + ".term in BENCH_TERMS");
  f.shared = buffer_ptr::make(f.bytes.size());
  f.bytes.copy(reinterpret_cast<char*>(f.shared.data()), f.bytes.size());
  auto decoded = etf::binary_to_term({f.shared.data(), f.shared.size()});
  if (!decoded) fail(name + ": " + to_string(decoded.error()));
  f.term = std::move(*decoded);
  // What is timed must be right: what we write means the same to us and has a form libei takes.
  const auto written = etf::term_to_binary(f.term->root);
  auto again = etf::binary_to_term({reinterpret_cast<const std::uint8_t*>(written.data()), written.size()});
  if (!again || compare_exact((*again)->root, f.term->root) != 0 || !libei_skip(written)) fail(name + ": does not come back as it was");
  return f;
}

std::span<const std::uint8_t> body(const file& f) { return {f.shared.data() + 1, f.shared.size() - 1}; }

void decode(benchmark::State& state, const file& f) {
  etf::decode_options options;
  options.owner = f.shared;
  for (auto _ : state) {
    auto b = block::make(64);
    benchmark::DoNotOptimize(etf::decode(*b, body(f), options));
  }
}
void encode(benchmark::State& state, const file& f) {
  etf::output out;
  for (auto _ : state) {
    out.clear();
    etf::encode(out, f.term->root);
    benchmark::DoNotOptimize(out.size());
  }
}
void validate(benchmark::State& state, const file& f) {
  for (auto _ : state) benchmark::DoNotOptimize(etf::validate(body(f)));
}

void add(const std::string& name, const file& f) {
  benchmark::RegisterBenchmark(("decode/" + name + "/ours").c_str(), [&f](benchmark::State& s) { decode(s, f); });
  benchmark::RegisterBenchmark(("decode/" + name + "/libei").c_str(), [&f](benchmark::State& s) {
    for (auto _ : s) benchmark::DoNotOptimize(libei_decode(f.bytes));
  });
  benchmark::RegisterBenchmark(("build/" + name + "/libei").c_str(), [&f](benchmark::State& s) {
    for (auto _ : s) libei_build(f.bytes);
  });
  benchmark::RegisterBenchmark(("encode/" + name + "/ours").c_str(), [&f](benchmark::State& s) { encode(s, f); });
  benchmark::RegisterBenchmark(("encode/" + name + "/libei").c_str(), [&f](benchmark::State& s) {
    for (auto _ : s) benchmark::DoNotOptimize(libei_encode(f.term->root));
  });
  benchmark::RegisterBenchmark(("validate/" + name + "/ours").c_str(), [&f](benchmark::State& s) { validate(s, f); });
  benchmark::RegisterBenchmark(("validate/" + name + "/libei").c_str(), [&f](benchmark::State& s) {
    for (auto _ : s) benchmark::DoNotOptimize(libei_skip(f.bytes));
  });
}

}  // namespace
}  // namespace cnode::bench

int main(int argc, char** argv) {
  using namespace cnode::bench;
  cnode::set_this_node(cnode::atom("bench@localhost"), 1);  // so that the pid in the files is another node's, as on a connection
  std::map<std::string, file> files;
  for (const char* name : {"gen_call", "nested_map", "tuples", "deep", "ints", "big_map", "binary"}) {
    files[name] = open(name);
    add(name, files[name]);
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
