// The real erl that some tests ask for a second opinion; CNODE_ERL names another one than that on the PATH.
#pragma once

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

namespace cnode::test {

inline std::string erl_command() {
  const char* named = std::getenv("CNODE_ERL");
  return named ? named : "erl";
}

// Whether it runs and has that module. A test that cannot ask fails, so that nobody takes it for one that has passed:
// ASSERT_TRUE(erl_has("systools")). Its ctest label is `erl`.
inline testing::AssertionResult erl_has(const std::string& module) {
  const auto question = erl_command() + " -noshell -eval 'halt(case code:which(" + module + ") of non_existing -> 1; _ -> 0 end).' >/dev/null 2>&1";
  if (std::system(question.c_str()) == 0) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "no " << erl_command() << " with the module " << module
                                     << " runs here: install erlang-base, or leave out the tests that ask erl (ctest -LE erl)";
}

}  // namespace cnode::test
