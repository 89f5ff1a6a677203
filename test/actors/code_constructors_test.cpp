// Code that runs before the node asks for it: constructors, within dlopen. In a file without a digest it runs in the probe first, and
// whatever it does to that process becomes a reason. A file with its digest is taken for what its maker built, and opened: a constructor
// that crashes then takes the node with it, as a NIF's load callback takes a BEAM.
#include <gtest/gtest.h>

#include <csignal>

#include <sys/wait.h>

#include "bad_files.hpp"

namespace cnode::test {
namespace {

class Constructors : public BadFile {
 protected:
  void in_the_probe(const std::string& variant, const std::string& rule) { refused(without_digest(contents(built(variant))), rule, variant); }
};

TEST_F(Constructors, AGoodFileWithoutDigestIsLoaded) {
  const auto r = n.load(without_digest(contents(built("no_on_load"))));
  EXPECT_TRUE(r.ok) << r.text;
  EXPECT_EQ(n.call("tiny", "version"), "2");
}
TEST_F(Constructors, Throws) { in_the_probe("opened_throws", "opening it ends the process: Aborted"); }
TEST_F(Constructors, Aborts) { in_the_probe("opened_aborts", "opening it ends the process"); }
TEST_F(Constructors, Segfaults) { in_the_probe("opened_segfaults", "opening it ends the process"); }
TEST_F(Constructors, OverflowsTheStack) { in_the_probe("opened_recurses", "opening it ends the process"); }
TEST_F(Constructors, Exits) { in_the_probe("opened_exits", "exit status 0"); }
TEST_F(Constructors, ExitsAtOnce) { in_the_probe("opened_exits_at_once", "exit status 0"); }
TEST_F(Constructors, Hangs) { in_the_probe("opened_hangs", "longer than 1 s"); }
TEST_F(Constructors, Spins) { in_the_probe("opened_spins", "longer than 1 s"); }
TEST_F(Constructors, StartsAThread) { in_the_probe("opened_starts_a_thread", "starts a thread while it is opened"); }
TEST_F(Constructors, DestructorThatAborts) { in_the_probe("closed_aborts", "opening it ends the process"); }
TEST_F(Constructors, DestructorThatHangs) { in_the_probe("closed_hangs", "longer than 1 s"); }
TEST_F(Constructors, TheNodeAnswersWhileTheProbeHangs) {
  std::promise<load_result> done;
  n.runtime->code().load_binary(atom("tiny"), "from test", without_digest(contents(built("opened_hangs"))), [&](const load_result& r) { done.set_value(r); });
  auto result = done.get_future();
  unsigned calls = 0;
  while (result.wait_for(std::chrono::seconds{0}) != std::future_status::ready) {
    ASSERT_EQ(n.call("tiny", "version"), "1");
    ++calls;
  }
  EXPECT_GT(calls, 10u);
  check_refused(result.get(), "badfile", "longer than 1 s", "hangs");
}

// What trusting a digest means, so that nobody has to guess.
TEST(SignedConstructors, AreTrustedAndTakeTheProcessAlong) {
  ::testing::GTEST_FLAG(death_test_style) = "threadsafe";
  const auto load = [](const char* variant) {
    code_node n;
    n.put("v1");
    n.load_file();
    const auto r = n.load(contents(built(variant)));
    std::fprintf(stderr, "still there: %s\n", r.text.c_str());
    fs::remove_all(n.dir);
    fs::remove_all(run_directory());
    std::_Exit(42);
  };
  const auto died = [](int status) { return WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) != 42); };
  EXPECT_EXIT(load("opened_throws"), died, "thrown by a constructor");
  EXPECT_EXIT(load("opened_segfaults"), died, "");
}

}  // namespace
}  // namespace cnode::test
