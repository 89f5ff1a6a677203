// Random damage to good modules: the node lives, answers within a moment, and version 1 serves on.
//
// With its digest a mutant is refused by the digest, or earlier. Without, the checks of the file's structure and the probe decide; what
// damage they let through lies in code or data nobody ran yet, so such a mutant may well load. Its own functions are not called here,
// and none has an on_load, which is a function like the others: no node can promise anything about machine code that is wrong.
// Constructors, the entry and destructors do run when a file is opened and closed. The probe runs them first, under conditions that let
// less pass than a node's (probe_memory.hpp).
//
//   CNODE_MUTANTS=10000  how many of each (default: few);  CNODE_MUTANT_SEED=N, CNODE_MUTANT_FIRST=I  where to begin;
//   CNODE_MUTANT_FILE=PATH  keeps the one being loaded there and its number in PATH.number, for a look at what crashed
#include <gtest/gtest.h>

#include <chrono>
#include <iostream>
#include <random>

#include "bad_files.hpp"

namespace cnode::test {
namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text && *text ? std::strtoull(text, nullptr, 10) : otherwise;
}

class mutant_maker {
 public:
  explicit mutant_maker(std::uint64_t seed) : random_{seed} {}

  std::string operator()(const std::string& good) {
    auto b = good;
    switch (below(10)) {
      case 0: b.resize(below(b.size())); break;
      case 1: swap_blocks(b); break;
      case 2: b.insert(below(b.size()), random_bytes(1 + below(below(2) ? 16 : 5000))); break;
      case 3: copy_block(b); break;
      default: flip(b, 1 + below(16)); break;
    }
    return b;
  }

 private:
  std::size_t below(std::size_t n) { return random_() % std::max<std::size_t>(n, 1); }
  std::string random_bytes(std::size_t n) {
    std::string s(n, '\0');
    for (auto& c : s) c = static_cast<char>(random_());
    return s;
  }
  // In the first page, the dynamic section, what is loaded, or anywhere.
  std::size_t place(std::string& b) {
    switch (below(4)) {
      case 0: return below(std::min<std::size_t>(b.size(), 4096));
      case 1:
        if (auto* p = find_segment(b, PT_DYNAMIC); p && p->p_offset < b.size() && p->p_filesz > 0)
          return std::min<std::size_t>(b.size() - 1, p->p_offset + below(p->p_filesz));
        [[fallthrough]];
      case 2: {  // what is loaded, not the debug information behind it
        std::size_t end = 1;
        for (unsigned i = 0; auto* p = find_segment(b, PT_LOAD, i); ++i) end = std::max<std::size_t>(end, p->p_offset + p->p_filesz);
        return below(std::min(end, b.size()));
      }
      default: return below(b.size());
    }
  }
  void flip(std::string& b, std::size_t times) {
    std::vector<std::size_t> where(times);
    for (auto& w : where) w = place(b);  // before the headers change
    for (const auto w : where) b[w] = below(2) ? static_cast<char>(random_()) : static_cast<char>(b[w] ^ (1 << below(8)));
  }
  void swap_blocks(std::string& b) {
    const auto size = std::size_t{1} << below(13);
    if (b.size() < 2 * size) return;
    const auto x = below(b.size() - size), y = below(b.size() - size);
    for (std::size_t i = 0; i < size; ++i) std::swap(b[x + i], b[y + i]);
  }
  void copy_block(std::string& b) {
    const auto size = std::size_t{1} << below(11);
    if (b.size() < size) return;
    const auto block = b.substr(below(b.size() - size), size);
    b.replace(below(b.size() - size), size, block);
  }

  std::mt19937_64 random_;
};

struct tally {
  std::uint64_t tried = 0, refused = 0, probed = 0, loaded = 0;
  std::chrono::milliseconds slowest{0};
};

class Mutants : public BadFile {
 protected:
  tally run(const std::vector<std::string>& good, std::uint64_t count) {
    using clock = std::chrono::steady_clock;
    const auto seed = from_environment("CNODE_MUTANT_SEED", 1);
    const char* keep = std::getenv("CNODE_MUTANT_FILE");
    const auto v1 = contents(built("v1"));
    tally t;
    for (std::uint64_t i = from_environment("CNODE_MUTANT_FIRST", 0); i < count; ++i) {
      const auto& original = good[i % good.size()];
      const auto mutant = mutant_maker{seed * 1'000'003 + i}(original);
      if (mutant == original) continue;
      if (keep) {
        write(keep, mutant);
        write(keep + std::string{".number"}, std::to_string(i) + "\n");
      }
      ++t.tried;
      const auto begin = clock::now();
      const auto r = n.load(mutant);
      const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - begin);
      if (took > t.slowest) t.slowest = took;
      if (r.ok) {
        // Back to version 1: the first load makes the mutant old and purges what was old before, the second purges the mutant.
        ++t.loaded;
        EXPECT_TRUE(n.load(v1).ok);
        EXPECT_TRUE(n.load(v1).ok);
        EXPECT_EQ(n.call("code", "purge", "[tiny]"), "false");
      } else {
        ++t.refused;
        t.probed += r.text.find("opening it") != std::string::npos;
        EXPECT_TRUE(r.error.same(atom("badfile")) || r.error.same(atom("on_load_failure"))) << to_text(r.error);
        EXPECT_FALSE(r.text.empty());
      }
      EXPECT_EQ(n.call("tiny", "version"), "1") << "mutant " << i << " of seed " << seed;
      if (HasFailure()) break;
    }
    std::cout << t.tried << " mutants: " << t.refused << " refused (" << t.probed << " of them by what opening did), " << t.loaded
              << " loaded and unloaded, the slowest answer after " << t.slowest.count() << " ms\n";
    EXPECT_TRUE(eventually([] { return private_copies() == 1; })) << private_copies();
    EXPECT_EQ(n.runtime->code().unloads().stuck, 0u);
    // The probe's limit is a second, and a shared machine may be slow.
    EXPECT_LT(t.slowest, std::chrono::seconds{10});
    return t;
  }
  static std::vector<std::string> good_modules(bool with_digest) {
    std::vector<std::string> good;
    for (const auto* variant : {"no_on_load", "living_v1", "living_v3"}) {
      good.push_back(contents(built(variant)));
      if (!with_digest) good.back() = without_digest(good.back());
    }
    return good;
  }
};

// Where the damage leaves no trace of a digest, the file is one without, so few may load.
TEST_F(Mutants, OfFilesWithTheirDigest) {
  const auto t = run(good_modules(true), from_environment("CNODE_MUTANTS", sanitized ? 200 : 1000));
  EXPECT_GE(t.refused + t.loaded, t.tried);
  EXPECT_EQ(t.probed, 0u);
  EXPECT_LE(t.loaded, t.tried / 100);
}

TEST_F(Mutants, OfFilesWithoutDigest) {
  const auto t = run(good_modules(false), from_environment("CNODE_MUTANTS", sanitized ? 60 : 3000));
  EXPECT_GT(t.refused, t.tried / 4);
}

}  // namespace
}  // namespace cnode::test
