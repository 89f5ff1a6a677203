// Whether a file is what was built: its digest, the process that opens it first where there is none, and what `cnode describe` says.
#include <gtest/gtest.h>

#include <sys/stat.h>

#include "code/digest_trailer.hpp"
#include "code/probe.hpp"
#include "code_node.hpp"

namespace cnode::test {
namespace {

constexpr std::size_t trailer_size = 95;

std::string good() { return contents(built("v1")); }
std::string without_trailer(std::string bytes) {
  EXPECT_EQ(bytes.substr(bytes.size() - trailer_size, 13), "CNODE-SHA256 ");
  bytes.resize(bytes.size() - trailer_size);
  return bytes;
}
// Code or data that no structure speaks of.
std::string damaged(std::string bytes) {
  const auto at = bytes.find("gen_server and a counter");
  bytes[at == std::string::npos ? bytes.find("only_in_2") == std::string::npos ? bytes.find("adopted") : bytes.find("only_in_2") : at] ^= 1;
  return bytes;
}

struct described {
  int status = 0;
  std::string text;
  explicit described(const std::string& path) { text = actors::describe_module_file(path, status); }
  bool says(const std::string& what) const { return text.find(what) != std::string::npos; }
};

class Digest : public ::testing::Test {
 protected:
  // Refused by the loader and by `cnode describe` with one and the same text.
  void refused(const std::string& bytes, const std::string& rule) {
    const auto r = n.load(bytes);
    EXPECT_FALSE(r.ok);
    EXPECT_TRUE(r.error.same(atom("badfile")));
    EXPECT_NE(r.text.find(rule), std::string::npos) << r.text;
    n.put_bytes(bytes);
    const described d{n.file()};
    EXPECT_NE(d.status, 0);
    const auto why = r.text.substr(std::string{"from test: "}.size());
    EXPECT_EQ(d.text, n.file() + ": refused: " + why + "\n");
  }
  code_node n;
};

TEST_F(Digest, OfABuiltModuleIsRight) {
  const auto bytes = good();
  const auto t = actors::read_digest_trailer(bytes, 0);
  EXPECT_EQ(t.kind, t.right);
  EXPECT_EQ(t.image.size(), bytes.size() - trailer_size);
  EXPECT_EQ(actors::make_digest_trailer(t.image), bytes.substr(t.image.size()));
}

TEST_F(Digest, ThatDoesNotMatchRefusesTheFile) {
  refused(damaged(good()), "digest mismatch");
  auto other_digest = good();
  other_digest[other_digest.size() - 2] = other_digest[other_digest.size() - 2] == '0' ? '1' : '0';
  refused(other_digest, "digest mismatch");
  auto other_size = good();
  other_size[other_size.size() - trailer_size + 13] = 'f';
  refused(other_size, "digest mismatch");
}

TEST_F(Digest, ABrokenRuleIsNamedAndTheDigestToo) {
  auto bytes = good();
  bytes[4] = 1;  // ELFCLASS32
  refused(bytes, "not a 64-bit ELF file; its digest does not match either");
}

TEST_F(Digest, BytesBehindTheImageThatAreNoDigestRefuseTheFile) {
  refused(good() + "x", "that are no digest");
  refused(good().substr(0, good().size() - 40), "that are no digest");
  refused(without_trailer(good()) + std::string(trailer_size, '\0'), "that are no digest");
}

TEST_F(Digest, WithoutOneTheFileIsOpenedByAProbeAndLoaded) {
  const auto r = n.load(without_trailer(contents(built("no_on_load"))));
  EXPECT_TRUE(r.ok) << r.text;
  EXPECT_EQ(n.call("tiny", "version"), "2");
}

TEST_F(Digest, WithoutOneAFileWithAnOnLoadIsRefusedUntilItIsSigned) {
  refused(without_trailer(good()), "has an on_load, which runs in the node, and no digest");
  std::string why;
  n.put_bytes(without_trailer(good()));
  ASSERT_TRUE(actors::sign_module_file(n.file(), why)) << why;
  EXPECT_TRUE(n.load_file().ok);
}

TEST_F(Digest, IsNotGivenToWhatIsNoModule) {
  std::string why;
  n.put_bytes(good().substr(0, 5000));
  EXPECT_FALSE(actors::sign_module_file(n.file(), why));
  EXPECT_NE(why.find("outside the file"), std::string::npos) << why;
  EXPECT_EQ(contents(n.file()).size(), 5000u);
}

TEST_F(Digest, DecidesTheVsnNobodyGave) {
  ASSERT_TRUE(n.load(contents(built("no_vsn"))).ok);
  const auto with = n.call("tiny", "module_info", "[attributes]");
  ASSERT_TRUE(n.load(without_trailer(contents(built("no_vsn")))).ok);
  EXPECT_EQ(n.call("tiny", "module_info", "[attributes]"), with);
}

TEST_F(Digest, SigningTwiceIsSigningOnce) {
  std::string why;
  n.put_bytes(without_trailer(good()));
  ASSERT_TRUE(actors::sign_module_file(n.file(), why)) << why;
  EXPECT_EQ(contents(n.file()), good());
  ASSERT_TRUE(actors::sign_module_file(n.file(), why)) << why;
  EXPECT_EQ(contents(n.file()), good());
  // With CMake, as cnode_add_module does; also over a digest that is not right any more.
  const auto sign = "cmake -DCNODE_FILE=" + n.file() + " -P " SIGN_SCRIPT;
  ASSERT_EQ(std::system(sign.c_str()), 0);
  EXPECT_EQ(contents(n.file()), good());
  n.put_bytes(damaged(good()));
  ASSERT_EQ(std::system(sign.c_str()), 0);
  EXPECT_TRUE(n.load_file().ok);
}

TEST_F(Digest, ASignatureThatCannotBeWrittenSaysWhy) {
  std::string why;
  EXPECT_FALSE(actors::sign_module_file(n.dir + "/nowhere.so", why));
  EXPECT_NE(why.find("No such file"), std::string::npos) << why;
}

TEST_F(Digest, IsShownByDescribe) {
  n.put_bytes(good());
  const described with{n.file()};
  EXPECT_EQ(with.status, 0);
  for (const auto* what : {"module: tiny\n", "vsn: <<\"1\">>\n", "exports: version/0 wait/0", "stamp: abi 1.", "compiler: ", "(signed)\n", "needs: "})
    EXPECT_TRUE(with.says(what)) << what << "\n" << with.text;
  n.put_bytes(without_trailer(contents(built("no_on_load"))));
  EXPECT_TRUE(described{n.file()}.says("(not signed: opened by a probe first)\n"));
}

// ---- the probe

TEST_F(Digest, AProbeThatNeedsMoreThanASecondIsKilledAndTheFileRefused) {
  ASSERT_TRUE(n.load(good()).ok);
  const auto begin = std::chrono::steady_clock::now();
  refused(without_trailer(contents(built("SLOW"))), "opening it takes longer than 1 s");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds{8});  // two probes
  EXPECT_EQ(n.call("tiny", "version"), "1");
}

TEST_F(Digest, AnEntryThatCallsWhatOnlyCallbacksMayIsRefused) { refused(without_trailer(contents(built("EARLY_CALL"))), "only a callback may call"); }

TEST_F(Digest, ADescriptionThatPointsOutsideTheFileIsRefusedWithADigestToo) {
  for (const auto& bytes : {contents(built("OUTSIDE")), without_trailer(contents(built("OUTSIDE")))}) {
    const auto r = n.load(bytes);
    EXPECT_FALSE(r.ok);
    EXPECT_NE(r.text.find("its on_load is no function of the file"), std::string::npos) << r.text;
  }
}

TEST_F(Digest, WhatTheLinkerRefusesIsSaidInTheSameWordsWithAndWithoutADigest) {
  const auto with = n.load(contents(built("UNDEFINED"))), without = n.load(without_trailer(contents(built("UNDEFINED"))));
  EXPECT_NE(with.text.find("undefined symbol: nobody_has_this"), std::string::npos) << with.text;
  EXPECT_EQ(with.text, without.text);
}

TEST_F(Digest, AFileThatFailsCostsNothing) {
  ASSERT_TRUE(n.load(good()).ok);
  ASSERT_TRUE(n.load(good()).ok);
  auto waiting = n.start_waiting();  // in what is old code as soon as the next version is there
  ASSERT_TRUE(n.load(contents(built("v2"))).ok);
  for (const auto* bad : {"UNDEFINED", "VSN", "NULL"}) EXPECT_FALSE(n.load(contents(built(bad))).ok);
  EXPECT_TRUE(n.runtime->alive(waiting.pid));  // no purge for a file that is refused
  n.go(waiting.pid);
  EXPECT_EQ(n.wait(std::move(waiting)), "1");
}

// ---- rules of the file

TEST_F(Digest, AThreadLocalWithADestructorIsRefused) { refused(contents(built("THREAD_LOCAL")), "thread_local variable with a destructor"); }
TEST_F(Digest, OtherSettingsOfTheStandardLibraryAreRefused) {
  refused(contents(built("CXX11_ABI")), "-D_GLIBCXX_USE_CXX11_ABI=");
  refused(contents(built("DEBUG_MODE")), "with -D_GLIBCXX_DEBUG");
}
TEST_F(Digest, AModuleLinkedAgainstAModuleIsRefused) {
  fs::copy_file(std::string{TEST_MODULES} + "/other_name/friend.so", n.dir + "/friend.so");
  const auto bytes = contents(built("LINKED"));
  n.put_bytes(bytes);
  const auto r = n.load_file();
  EXPECT_FALSE(r.ok);
  EXPECT_NE(r.text.find("is linked against the module friend.so"), std::string::npos) << r.text;
  EXPECT_TRUE(described{n.file()}.says("is linked against the module friend.so"));
}

TEST_F(Digest, WhatTakesLongToOpenIsNamedInTheLogWhileItLasts) {
  ASSERT_TRUE(n.load(contents(built("SLOW"))).ok);
  std::lock_guard guard{n.log_lock};
  EXPECT_NE(n.log.find("module tiny: opening it (dlopen with its constructors, then its entry) takes longer than 1 s"), std::string::npos) << n.log;
}

TEST_F(Digest, PrivateCopiesBelongToTheUserAlone) {
  ASSERT_TRUE(n.load(good()).ok);
  std::ifstream maps{"/proc/self/maps"};
  std::string copy;
  for (std::string line; std::getline(maps, line);)
    if (line.find("/tiny-") != std::string::npos) copy = line.substr(line.find('/'));
  struct stat file {}, directory {};
  ASSERT_EQ(::stat(copy.c_str(), &file), 0) << copy;
  ASSERT_EQ(::stat(copy.substr(0, copy.rfind('/')).c_str(), &directory), 0);
  EXPECT_EQ(file.st_mode & 07777, 0500u);
  EXPECT_EQ(directory.st_mode & 07777, 0700u);
}

}  // namespace
}  // namespace cnode::test
