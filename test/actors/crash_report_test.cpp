// What the program says when it dies in a module's code; each death in a child process.
#include <gtest/gtest.h>

#include <csignal>

#include <cnode/actors/crash_report.hpp>

#include "flight_node.hpp"

namespace cnode::test {
namespace {

class CrashReport : public ::testing::Test {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "the sanitizer has handlers of its own";
#endif
    ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  }
  static void die(const std::string& function, const std::string& args) {
    actors::install_crash_report();
    flight_node n;
    n.call("flight", function, args);
  }
};

TEST_F(CrashReport, NamesSignalPlaceProcessAndFunctionAndTheSignalTakesItsCourse) {
  EXPECT_EXIT(die("crash", "[<<\"segv\">>]"), ::testing::KilledBySignal(SIGSEGV),
              "crashed: SIGSEGV at address 0x8, code at flight vsn 1 \\+0x[0-9a-f]+ \\(flight-.*\\.so\\)\n"
              "  in process <0\\.[0-9]+\\.[0-9]+>, which ran flight:crash/1\n  #[0-9]+ flight vsn 1 \\+0x");
}

TEST_F(CrashReport, IsWrittenForEachDeadlySignal) {
  EXPECT_EXIT(die("crash", "[<<\"abort\">>]"), ::testing::KilledBySignal(SIGABRT), "crashed: SIGABRT.*\n  in process.*flight:crash/1\n.*flight vsn 1");
  EXPECT_EXIT(die("crash", "[<<\"ill\">>]"), ::testing::KilledBySignal(SIGILL), "crashed: SIGILL.*code at flight vsn 1.*\n.*flight:crash/1");
  EXPECT_EXIT(die("crash", "[<<\"fpe\">>]"), ::testing::KilledBySignal(SIGFPE), "crashed: SIGFPE.*\n  in process.*flight:crash/1");
}

TEST_F(CrashReport, IsWrittenForAnExceptionNobodyMayCatch) {
  EXPECT_EXIT(die("crash", "[<<\"terminate\">>]"), ::testing::KilledBySignal(SIGABRT), "not allowed here.*\n(.*\n)*.*crashed: SIGABRT.*\n.*flight:crash/1");
}

TEST_F(CrashReport, IsWrittenWhenTheStackIsFull) {
  EXPECT_EXIT(die("overflow", "[]"), ::testing::KilledBySignal(SIGSEGV), "crashed: SIGSEGV.*code at flight vsn 1.*\n.*flight:overflow/0");
}

TEST_F(CrashReport, NamesAHostOwnedThread) {
  const auto thread_dies = [] {
    actors::install_crash_report();
    flight_node n;
    auto c = n.flight("owner_of_crash", "[]");
    std::this_thread::sleep_for(std::chrono::seconds{20});
  };
  EXPECT_EXIT(thread_dies(), ::testing::KilledBySignal(SIGSEGV), "crashed: SIGSEGV.*\n  in a thread of <0\\..*>: flight doomed\n");
}

TEST_F(CrashReport, NamesTheVersionThatWasMappedWhereThereIsNothingNow) {
  const auto stale = [] {
    actors::install_crash_report();
    flight_node n;
    const auto address = std::stoll(n.call("flight", "address_of_version"));
    n.load_version(2);
    n.purge();
    n.unmaps(1);
    n.load_version(3);  // somewhere, perhaps right there: then it is called
    n.purge();
    n.unmaps(2);
    reinterpret_cast<void (*)()>(address)();
  };
  EXPECT_EXIT(stale(), ::testing::KilledBySignal(SIGSEGV), "crashed: SIGSEGV.*code at (unloaded )?flight vsn [123] \\+0x.*\n  in no process");
}

}  // namespace
}  // namespace cnode::test
