// Good files at bad moments: changed while they are read or after, no room, no descriptors, no memory, everything at once.
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <thread>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bad_files.hpp"

namespace cnode::test {
namespace {

class BadMoments : public BadFile {};

load_result load_of(code_node& n) { return n.load_file(); }

TEST_F(BadMoments, CopiedOverOrTruncatedAfterTheLoad) {
  // In place, as cp does: the same inode.
  write(n.file(), contents(built("v2")));
  EXPECT_EQ(n.call("tiny", "version"), "1");
  write(n.file(), "garbage");
  EXPECT_EQ(n.call("tiny", "version"), "1");
  ASSERT_EQ(::truncate(n.file().c_str(), 0), 0);
  serves_on("truncated");
  fs::remove(n.file());
  serves_on("removed");
  n.put("v2");
  ASSERT_TRUE(n.load_file().ok);
  EXPECT_EQ(n.call("tiny", "version"), "2");
}

// What is loaded is one of the two files that were ever whole, whatever the reader met.
TEST_F(BadMoments, ChangedOrTruncatedWhileBeingRead) {
  const auto v1 = contents(built("v1")), v2 = contents(built("v2"));
  std::atomic<bool> stop{false};
  std::thread writer{[&] {
    for (unsigned i = 0; !stop; ++i) {
      const int fd = ::open(n.file().c_str(), O_WRONLY | O_CREAT | (i % 3 == 0 ? O_TRUNC : 0), 0600);
      const auto& bytes = i % 2 ? v1 : v2;
      for (std::size_t done = 0; done < bytes.size();) done += static_cast<std::size_t>(std::max<ssize_t>(1, ::write(fd, bytes.data() + done, std::min<std::size_t>(7777, bytes.size() - done))));
      if (i % 5 == 0) (void)!::ftruncate(fd, static_cast<off_t>(bytes.size() / 2));
      ::close(fd);
    }
  }};
  unsigned loaded = 0, refused_ones = 0;
  for (int i = 0; i < (sanitized ? 60 : 200); ++i) {
    n.call("code", "purge", "[tiny]");
    const auto r = n.load_file();
    if (r.ok) ++loaded;
    else {
      ++refused_ones;
      EXPECT_TRUE(r.error.same(atom("badfile"))) << to_text(r.error);
      EXPECT_FALSE(r.text.empty());
    }
    const auto version = n.call("tiny", "version");
    EXPECT_TRUE(version == "1" || version == "2") << version;
  }
  stop = true;
  writer.join();
  EXPECT_EQ(loaded + refused_ones, sanitized ? 60u : 200u);
  n.call("code", "purge", "[tiny]");
  EXPECT_TRUE(eventually([] { return private_copies() == 1; }));
}

// In a child: the limit concerns every file of a process.
TEST(BadMomentsOfAProcess, DiskFull) {
  ::testing::GTEST_FLAG(death_test_style) = "threadsafe";
  const auto full = [] {
    std::signal(SIGXFSZ, SIG_IGN);
    code_node n;
    n.put("v1");
    bool good = n.load_file().ok;
    n.put("v2");
    limit(RLIMIT_FSIZE, 4096);
    const auto r = n.load_file();
    limit(RLIMIT_FSIZE, RLIM_INFINITY);
    good = good && !r.ok && r.error.same(atom("badfile")) && r.text.find("cannot write the private copy") != std::string::npos &&
           n.call("tiny", "version") == "1" && private_copies() == 1 && n.load_file().ok && n.call("tiny", "version") == "2";
    std::fprintf(stderr, "%s\n", r.text.c_str());
    fs::remove_all(n.dir);
    fs::remove_all(run_directory());
    std::_Exit(good ? 0 : 1);
  };
  EXPECT_EXIT(full(), ::testing::ExitedWithCode(0), "File too large");
}

TEST_F(BadMoments, DescriptorsUsedUp_EMFILE) {
  n.put("v2");
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  limit(RLIMIT_NOFILE, 128);
  std::vector<int> taken;
  for (int fd; (fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;) taken.push_back(fd);
  std::vector<load_result> results;
  std::vector<std::string> versions;
  // With none left, then one, two ... until it succeeds.
  for (int left = 0; left < 40 && (results.empty() || !results.back().ok); ++left) {
    results.push_back(n.load_file());
    versions.push_back(n.call("tiny", "version"));
    ::close(taken.back());
    taken.pop_back();
  }
  for (const int fd : taken) ::close(fd);
  ::setrlimit(RLIMIT_NOFILE, &before);
  ASSERT_GE(results.size(), 2u);
  EXPECT_TRUE(results.back().ok) << results.back().text;
  EXPECT_EQ(versions.back(), "2");
  results.pop_back(), versions.pop_back();
  for (const auto& r : results) EXPECT_NE(r.text.find("Too many open files"), std::string::npos) << r.text;
  for (const auto& v : versions) EXPECT_EQ(v, "1");
  EXPECT_EQ(n.call("code", "purge", "[tiny]"), "false");
  EXPECT_TRUE(eventually([] { return private_copies() == 1; }));
}

TEST(BadMomentsOfAProcess, MemoryUsedUp_ENOMEM) {
  if (sanitized) GTEST_SKIP() << "sanitizers need the address space themselves";
  ::testing::GTEST_FLAG(death_test_style) = "threadsafe";
  const auto poor = [] {
    code_node n;
    n.put("v1");
    bool good = n.load_file().ok;
    std::size_t pages = 0;
    std::ifstream{"/proc/self/statm"} >> pages;
    limit(RLIMIT_AS, pages * 4096 + (96u << 20));
    // A file that does not fit into memory, and one whose zeroed data does not.
    n.put("v2");
    if (::truncate(n.file().c_str(), 250 << 20) != 0) good = false;
    const auto large = n.load_file();
    auto b = contents(built("v2"));
    Elf64_Phdr* last = nullptr;
    for (unsigned i = 0; auto* p = find_segment(b, PT_LOAD, i); ++i) last = p;
    last->p_memsz = std::uint64_t{3} << 30;
    const auto wide = n.load(without_digest(b));
    for (const auto* r : {&large, &wide}) {
      good = good && !r->ok && r->error.same(atom("badfile"));
      std::fprintf(stderr, "%s\n", r->text.c_str());
    }
    good = good && n.call("tiny", "version") == "1" && n.load(contents(built("v2"))).ok && n.call("tiny", "version") == "2";
    fs::remove_all(n.dir);
    fs::remove_all(run_directory());
    std::_Exit(good ? 0 : 1);
  };
  EXPECT_EXIT(poor(), ::testing::ExitedWithCode(0), "memory");
}

TEST_F(BadMoments, RunDirectoryRemoved) {
  const auto run = run_directory();
  ASSERT_NE(run.find("/cnode-"), std::string::npos);
  fs::remove_all(run);
  EXPECT_EQ(n.call("tiny", "version"), "1");
  EXPECT_TRUE(n.load(contents(built("v2"))).ok);
  EXPECT_EQ(n.call("tiny", "version"), "2");
}

TEST(RunDirectory, OfADeadProcessGoesWhenANodeStarts) {
  const pid_t dead = ::fork();
  if (dead == 0) ::_exit(0);
  ASSERT_EQ(::waitpid(dead, nullptr, 0), dead);
  const char* base = std::getenv("XDG_RUNTIME_DIR");
  const auto user = std::to_string(::getuid());
  const auto parent = fs::path{base && *base && ::access(base, W_OK) == 0 ? base : "/tmp"};
  const auto left = parent / ("cnode-" + user + "-" + std::to_string(dead) + "-left"), ours = parent / ("cnode-" + user + "-" + std::to_string(::getpid()) + "-ours");
  for (const auto& d : {left, ours}) {
    fs::create_directory(d);
    write(d / "tiny-1-1.so", "x");
  }
  {
    code_node n;
    EXPECT_TRUE(eventually([&] { return !fs::exists(left); }));
    EXPECT_TRUE(fs::exists(ours));
    fs::remove_all(n.dir);
  }
  fs::remove_all(ours);
}

// Also when it became a file, or belongs to nobody any more: a new one is made.
TEST_F(BadMoments, RunDirectoryReplacedByAFile) {
  const auto run = run_directory();
  fs::remove_all(run);
  write(run, "in the way");
  const auto r = n.load(contents(built("v2")));
  EXPECT_TRUE(r.ok) << r.text;
  EXPECT_EQ(n.call("tiny", "version"), "2");
  fs::remove(run);
}

TEST_F(BadMoments, TwoLoadsOfOneModuleAtOnce) {
  n.put("v2");
  const auto load = [&] {
    std::promise<load_result> done;
    auto result = done.get_future();
    n.runtime->code().load_file(atom("tiny"), [&](const load_result& r) { done.set_value(r); });
    return result.get();
  };
  for (int round = 0; round < 20; ++round) {
    n.call("code", "purge", "[tiny]");
    load_result a, b;
    std::thread other{[&] { a = load(); }};
    b = load();
    other.join();
    // One makes the former current version old, which stands in the way of the other.
    EXPECT_NE(a.ok, b.ok);
    EXPECT_EQ(to_text((a.ok ? b : a).error), "not_purged");
    EXPECT_EQ(n.call("tiny", "version"), "2");
  }
  n.call("code", "purge", "[tiny]");
  EXPECT_TRUE(eventually([] { return private_copies() == 1; }));
}

TEST_F(BadMoments, LoadDuringPurge) {
  std::atomic<bool> stop{false};
  std::thread purger{[&] {
    while (!stop) n.call("code", "purge", "[tiny]");
  }};
  std::thread deleter{[&] {
    while (!stop) n.call("code", "soft_purge", "[tiny]");
  }};
  unsigned ok = 0;
  for (int i = 0; i < 100; ++i) {
    n.put(i % 2 ? "v1" : "v2");
    const auto r = load_of(n);
    ok += r.ok;
    if (!r.ok) {
      EXPECT_EQ(to_text(r.error), "not_purged") << r.text;
    }
    const auto version = n.call("tiny", "version");
    EXPECT_TRUE(version == "1" || version == "2") << version;
  }
  stop = true;
  purger.join();
  deleter.join();
  EXPECT_GT(ok, 0u);
  n.call("code", "purge", "[tiny]");
  EXPECT_TRUE(eventually([] { return private_copies() == 1; }));
  EXPECT_EQ(n.runtime->code().unloads().stuck, 0u);
}

}  // namespace
}  // namespace cnode::test
