// The compilers' words, as they came out of g++ 12, clang 14, GNU ld and mold, and lines nobody expects.
#include <gtest/gtest.h>

#include "code/compile_diagnostics.hpp"

namespace cnode::test {
namespace {

using actors::compile_diagnostic;
using actors::parse_diagnostics;

// "file:line:column kind text" of each.
std::vector<std::string> summary(std::string_view output) {
  std::vector<std::string> all;
  for (const auto& d : parse_diagnostics(output))
    all.push_back(d.file + ":" + std::to_string(d.line) + ":" + std::to_string(d.column) + (d.warning ? " warning " : " error ") + d.text);
  return all;
}
using lines = std::vector<std::string>;

const std::string two_from_gcc =
    "inc.cpp: In function 'int answer()':\n"
    "inc.cpp:2:23: error: 'nonsense' was not declared in this scope\n"
    "    2 | int answer() { return nonsense; }\n"
    "      |                       ^~~~~~~~\n"
    "inc.cpp: At global scope:\n"
    "inc.cpp:4:12: warning: 'int unused()' defined but not used [-Wunused-function]\n"
    "    4 | static int unused() { return 1; }\n"
    "      |            ^~~~~~\n";

TEST(CompileDiagnostics, AnErrorAndAWarningOfGccAreTold) {
  EXPECT_EQ(summary(two_from_gcc), (lines{"inc.cpp:2:23 error 'nonsense' was not declared in this scope",
                                          "inc.cpp:4:12 warning 'int unused()' defined but not used [-Wunused-function]"}));
}

TEST(CompileDiagnostics, EachHasTheLinesThatLeadToItAndThoseThatFollow) {
  const auto all = parse_diagnostics(two_from_gcc);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_TRUE(all[0].block.starts_with("inc.cpp: In function"));
  EXPECT_TRUE(all[0].block.ends_with("^~~~~~~~\n"));
  EXPECT_TRUE(all[1].block.starts_with("inc.cpp: At global scope:\n"));
  EXPECT_EQ(all[0].block + all[1].block, two_from_gcc);
}

TEST(CompileDiagnostics, NotesBelongToWhatTheyExplain) {
  const auto all = parse_diagnostics(
      "In file included from /usr/include/cnode/export.hpp:9,\n"
      "                 from inc.cpp:1:\n"
      "/usr/include/cnode/clauses.hpp: In instantiation of 'struct clauses_of<x>':\n"
      "inc.cpp:9:3:   required from here\n"
      "/usr/include/cnode/clauses.hpp:70:17: error: static assertion failed: a clause must not capture: state is an argument\n"
      "   70 |   static_assert(...)\n"
      "/usr/include/cnode/clauses.hpp:70:17: note: 'std::is_empty_v<x>' evaluates to false\n");
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].line, 70);
  EXPECT_EQ(all[0].text, "static assertion failed: a clause must not capture: state is an argument");
  EXPECT_NE(all[0].block.find("required from here"), std::string::npos);
  EXPECT_NE(all[0].block.find("evaluates to false"), std::string::npos);
}

TEST(CompileDiagnostics, ClangsAreReadAsWell) {
  EXPECT_EQ(summary("inc.cpp:2:23: error: use of undeclared identifier 'nonsense'\nint answer() { return nonsense; }\n                      ^\n"
                    "inc.cpp:3:10: fatal error: 'none.hpp' file not found\n1 error generated.\n"),
            (lines{"inc.cpp:2:23 error use of undeclared identifier 'nonsense'", "inc.cpp:3:10 error 'none.hpp' file not found"}));
}

TEST(CompileDiagnostics, AWarningMadeAnErrorIsStillAWarning) {
  EXPECT_EQ(summary("inc.cpp:4:12: error: unused variable 'x' [-Werror=unused-variable]\ncc1plus: all warnings being treated as errors\n"),
            lines{"inc.cpp:4:12 warning unused variable 'x' [-Werror=unused-variable]"});
  EXPECT_EQ(summary("inc.cpp:4:12: error: unused variable 'x' [-Werror,-Wunused-variable]\n"),
            lines{"inc.cpp:4:12 warning unused variable 'x' [-Werror,-Wunused-variable]"});
}

TEST(CompileDiagnostics, TheLinkerHasNoPlaceInTheSource) {
  EXPECT_EQ(summary("/usr/bin/ld: /tmp/ccA1.o: in function `answer()':\ninc.cpp:(.text+0x5): undefined reference to `nowhere()'\n"
                    "collect2: error: ld returned 1 exit status\n"),
            lines{":0:0 error undefined reference to `nowhere()'"});
  EXPECT_EQ(summary("mold: error: undefined symbol: nowhere()\ncollect2: error: ld returned 1 exit status\n"),
            lines{":0:0 error undefined symbol: nowhere()"});
  EXPECT_EQ(summary("collect2: error: ld returned 1 exit status\n"), lines{":0:0 error ld returned 1 exit status"});
}

TEST(CompileDiagnostics, ProgramsSpeakOfThemselves) {
  EXPECT_EQ(summary("cc1plus: out of memory allocating 65536 bytes after a total of 135168 bytes\n"), lines{});
  EXPECT_EQ(summary("g++: error: unrecognized command-line option '-fnonsense'\n"),
            lines{":0:0 error unrecognized command-line option '-fnonsense'"});
  EXPECT_EQ(summary("g++: fatal error: Killed signal terminated program cc1plus\ncompilation terminated.\n"),
            lines{":0:0 error Killed signal terminated program cc1plus"});
}

TEST(CompileDiagnostics, ALineWithoutAColumnAndOddFileNamesAreRead) {
  EXPECT_EQ(summary("my file:1.cpp:12: error: text: with colons: 3\n"), lines{"my file:1.cpp:12:0 error text: with colons: 3"});
  EXPECT_EQ(summary("inc.cpp:5:1: internal compiler error: Segmentation fault\n"), lines{"inc.cpp:5:1 error Segmentation fault"});
  EXPECT_EQ(summary("a.cpp:1:2: error: x\r\n"), lines{"a.cpp:1:2 error x"});
}

TEST(CompileDiagnostics, WhatIsNoMessageIsNone) {
  EXPECT_EQ(summary(""), lines{});
  EXPECT_EQ(summary("\n\n\n"), lines{});
  EXPECT_EQ(summary("   12 |   throw std::runtime_error{\"x: error: y\"};\n"), lines{}) << "a line of the source";
  EXPECT_EQ(summary(": error: "), lines{":0:0 error "}) << "cut off anywhere";
  EXPECT_EQ(summary("a.cpp:99999999999999999999:1: error: x\n").size(), 1u) << "a number too large is none";
  EXPECT_EQ(summary("a.cpp:7: note: alone\n"), lines{});
}

}  // namespace
}  // namespace cnode::test
