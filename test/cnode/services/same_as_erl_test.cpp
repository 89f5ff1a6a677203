// Each call below is made here and by a real erl, and both must end the same way: the same value, or the same class and reason.
#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include <cnode/protocol/etf.hpp>
#include <cnode/protocol/term_order.hpp>

#include "erl.hpp"
#include "host.hpp"

namespace cnode::test {
namespace {

constexpr const char* calls[] = {
#include "same_as_erl_calls.inc"
};

struct erl_answers {
  std::vector<std::string> hex;
  std::string error;
};

erl_answers ask_erl() {
  const std::string dir = ::testing::TempDir();
  const std::string file = dir + "/cnode_same_as_erl_" + std::to_string(::getpid()) + ".calls";
  {
    std::ofstream out(file);
    for (const char* c : calls) out << c << ".\n";
  }
  const std::string command =
      erl_command() + " -noshell -eval '{ok,L}=file:consult(\"" + file +
      "\"), lists:foreach(fun({M,F,A}) -> R = try {value, apply(M,F,A)} catch C:E -> {C,E} end,"
      " io:put_chars([binary:encode_hex(term_to_binary(R)),10]) end, L), halt().' 2>&1";
  erl_answers out;
  FILE* p = popen(command.c_str(), "r");
  if (!p) return {{}, "erl cannot be started"};
  std::string all;
  char buffer[4096];
  while (const auto n = std::fread(buffer, 1, sizeof buffer, p)) all.append(buffer, n);
  const int status = pclose(p);
  std::remove(file.c_str());
  if (status != 0) return {{}, all};
  for (std::size_t at = 0; at < all.size();) {
    const auto end = all.find('\n', at);
    out.hex.push_back(all.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

block_ptr decode(const std::string& hex) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) bytes.push_back(static_cast<std::uint8_t>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  auto t = etf::binary_to_term(bytes);
  return t ? std::move(*t) : nullptr;
}

TEST(Builtins, EndAsErlEnds) {
  ASSERT_TRUE(erl_has("erlang"));
  const auto answers = ask_erl();
  ASSERT_EQ(answers.hex.size(), std::size(calls)) << answers.error;
  host h;
  for (std::size_t i = 0; i < std::size(calls); ++i) {
    const auto expected = decode(answers.hex[i]);
    ASSERT_TRUE(expected) << calls[i] << answers.hex[i];
    auto call = parse_term(calls[i]);
    ASSERT_TRUE(call) << calls[i];
    const term mfa = (*call)->root;
    block_ptr got;
    h.runtime().spawn(std::make_unique<caller>(mfa[0], mfa[1], mfa[2], got));
    run_until(h.runtime(), [&] { return got != nullptr; });
    if (!got) {
      ADD_FAILURE() << calls[i] << " has not ended";
    } else if (!exactly_equal(got->root, expected->root)) {
      ADD_FAILURE() << calls[i] << "\n  erl:  " << to_text(expected->root) << "\n  here: " << to_text(got->root);
    }
  }
}

}  // namespace
}  // namespace cnode::test
