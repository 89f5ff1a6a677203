// What an erl makes of terms: bytes, texts, order and equality must be those made here.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <unistd.h>

#include "support/erl.hpp"
#include "support/terms.hpp"

namespace cnode::test {

// {Release, [{term_to_binary(T), "~w", "~p"}], lists:sort(Terms), [{T1 == T2, T1 =:= T2}]} from one erl that reads all terms; null and a
// failure when there is none. ROOT is the folder of another release, or empty.
inline block_ptr answers_of_erl(const std::vector<term>& terms, const std::string& root = {}) {
  constexpr const char* program = R"(
    {ok, B} = file:read_file("in"),
    Ts = binary_to_term(B),
    F = fun(Fmt, T) -> lists:flatten(io_lib:format(Fmt, [T])) end,
    Lines = [{term_to_binary(T), F("~tw", T), F("~0tp", T)} || T <- Ts],
    Pairs = [{A == B2, A =:= B2} || {A, B2} <- lists:zip(Ts, tl(Ts) ++ [hd(Ts)])],
    ok = file:write_file("out", term_to_binary({list_to_integer(erlang:system_info(otp_release)), Lines, lists:sort(Ts), Pairs})),
    halt(0).)";
  const auto inside = "/tmp/cnode_terms_" + std::to_string(::getpid());
  const std::filesystem::path dir = root + inside;
  std::filesystem::create_directories(dir);
  auto b = block::make(0);
  std::ofstream(dir / "in", std::ios::binary) << etf::term_to_binary(make_list(*b, terms.data(), terms.size()));
  std::ofstream(dir / "script") << program;
  const auto erl = root.empty() ? erl_command() : "erl";
  const auto command = (root.empty() ? "" : "HOME=/tmp chroot " + root + " ") + "sh -c 'cd " + inside + " && " + erl + " -noshell -noinput -eval \"$(cat script)\"'";
  const int status = std::system(command.c_str());
  std::ostringstream answer;
  answer << std::ifstream(dir / "out", std::ios::binary).rdbuf();
  std::filesystem::remove_all(dir);
  EXPECT_EQ(status, 0) << command;
  if (status != 0) return {};
  auto d = etf::binary_to_term(bytes_of(answer.str()));
  EXPECT_TRUE(d) << to_string(d.error());
  return d ? std::move(*d) : block_ptr{};
}

// How many texts were compared: those of the first `printable` terms, but for maps that a newer release prints in an order of its own.
inline std::size_t compare_with_erl(std::vector<term> terms, std::size_t printable, const std::string& root = {}) {
  const auto answers = answers_of_erl(terms, root);
  if (!answers) return 0;
  const auto text_of = [](term chars) {
    std::string s;
    chardata_to_string(chars, s);
    return s;
  };
  const bool prints_maps_sorted = answers->root[0].small() <= 25;
  std::size_t compared = 0;
  term line = answers->root[1], pair = answers->root[3];
  for (std::size_t i = 0; i < terms.size(); ++i, line = line.tail(), pair = pair.tail()) {
    const auto back = etf::binary_to_term(bytes_of(line.head()[0].bytes()));
    EXPECT_TRUE(back) << to_string(back.error());
    if (!back) return 0;
    EXPECT_TRUE(exactly_equal((*back)->root, terms[i])) << to_text(terms[i]);
    const auto next = terms[(i + 1) % terms.size()];
    EXPECT_EQ(equal(terms[i], next), pair.head()[0].same(atom("true"))) << to_text(terms[i]) << " and " << to_text(next);
    EXPECT_EQ(exactly_equal(terms[i], next), pair.head()[1].same(atom("true"))) << to_text(terms[i]) << " and " << to_text(next);
    print_options w;
    w.pretty_strings = false;
    const auto text = to_text(terms[i], w);
    if (i >= printable || (!prints_maps_sorted && text.find("#{") != text.npos)) continue;
    EXPECT_EQ(text, text_of(line.head()[1]));
    EXPECT_EQ(to_text(terms[i]), text_of(line.head()[2]));
    ++compared;
  }
  std::stable_sort(terms.begin(), terms.end(), [](term x, term y) { return compare(x, y) < 0; });
  term sorted = answers->root[2];
  for (std::size_t i = 0; i < terms.size(); ++i, sorted = sorted.tail())
    if (compare(terms[i], sorted.head()) != 0) {
      ADD_FAILURE() << i << ": " << to_text(terms[i]) << " but erl has " << to_text(sorted.head());
      break;
    }
  return compared;
}

}  // namespace cnode::test
