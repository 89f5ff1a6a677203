// Second opinions on random terms: a real erl, and libei. One erl reads them all and answers in one file.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <ei.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "support/terms.hpp"

using namespace cnode;
using namespace cnode::test;

namespace {

// Answers {Release, [{term_to_binary(T), "~w", "~p"}], lists:sort(Terms), [{T1 == T2, T1 =:= T2}]}.
constexpr const char* program = R"(
  [In, Out] = init:get_plain_arguments(),
  {ok, B} = file:read_file(In),
  Ts = binary_to_term(B),
  F = fun(Fmt, T) -> lists:flatten(io_lib:format(Fmt, [T])) end,
  Lines = [{term_to_binary(T), F("~tw", T), F("~0tp", T)} || T <- Ts],
  Pairs = [{A == B2, A =:= B2} || {A, B2} <- lists:zip(Ts, tl(Ts) ++ [hd(Ts)])],
  ok = file:write_file(Out, term_to_binary({list_to_integer(erlang:system_info(otp_release)), Lines, lists:sort(Ts), Pairs})),
  halt(0).)";

block_ptr ask_erl(const std::vector<term>& terms) {
  const auto dir = std::filesystem::temp_directory_path() / ("cnode_terms_" + std::to_string(getpid()));
  std::filesystem::create_directories(dir);
  const auto in = (dir / "in").string(), out = (dir / "out").string(), script = (dir / "script").string();
  auto b = block::make(0);
  std::ofstream(in, std::ios::binary) << etf::term_to_binary(make_list(*b, terms.data(), terms.size()));
  std::ofstream(script) << program;
  const auto command = "erl -noshell -noinput -eval \"$(cat " + script + ")\" -extra " + in + " " + out;
  const int status = std::system(command.c_str());
  std::ostringstream answer;
  answer << std::ifstream(out, std::ios::binary).rdbuf();
  std::filesystem::remove_all(dir);
  if (status != 0) return {};
  const auto bytes = answer.str();
  auto d = etf::binary_to_term(bytes_of(bytes));
  EXPECT_TRUE(d) << to_string(d.error());
  return d ? std::move(*d) : block_ptr{};
}

bool have_erl() { return std::system("command -v erl >/dev/null 2>&1") == 0; }

std::string text_of(term chars) {
  std::string s;
  chardata_to_string(chars, s);
  return s;
}

}  // namespace

TEST(TermsAndErl, AgreeOnBytesTextOrderAndEquality) {
  if (!have_erl()) GTEST_SKIP() << "no erl on the PATH";
  auto b = block::make(0);
  random_terms plain(*b, 11, random_terms::no_identifiers), any(*b, 12);
  std::vector<term> terms;
  constexpr std::size_t plain_terms = 2000;
  for (std::size_t i = 0; i < plain_terms; ++i) terms.push_back(plain.any());
  for (int i = 0; i < 2000; ++i) terms.push_back(any.any());
  for (int i = 0; i < 1000; ++i) {  // neighbours that are equal, or nearly
    const auto t = any.any(1);
    terms.push_back(t);
    terms.push_back(t.is_small() ? make_float(*b, static_cast<double>(t.small())) : copy(*b, t));
  }
  const auto answer = ask_erl(terms);
  ASSERT_TRUE(answer);
  const bool prints_maps_sorted = answer->root[0].small() <= 25;
  term line = answer->root[1], pair = answer->root[3];
  for (std::size_t i = 0; i < terms.size(); ++i, line = line.tail(), pair = pair.tail()) {
    const auto back = etf::binary_to_term(bytes_of(line.head()[0].bytes()));
    ASSERT_TRUE(back) << to_string(back.error());
    EXPECT_TRUE(exactly_equal((*back)->root, terms[i])) << to_text(terms[i]);
    const auto next = terms[(i + 1) % terms.size()];
    EXPECT_EQ(equal(terms[i], next), pair.head()[0].same(atom("true"))) << to_text(terms[i]) << " and " << to_text(next);
    EXPECT_EQ(exactly_equal(terms[i], next), pair.head()[1].same(atom("true"))) << to_text(terms[i]) << " and " << to_text(next);
    if (i >= plain_terms || !prints_maps_sorted) continue;
    print_options w;
    w.pretty_strings = false;
    EXPECT_EQ(to_text(terms[i], w), text_of(line.head()[1]));
    EXPECT_EQ(to_text(terms[i]), text_of(line.head()[2]));
  }
  std::stable_sort(terms.begin(), terms.end(), [](term x, term y) { return compare(x, y) < 0; });
  term sorted = answer->root[2];
  for (std::size_t i = 0; i < terms.size(); ++i, sorted = sorted.tail())
    ASSERT_EQ(compare(terms[i], sorted.head()), 0) << i << ": " << to_text(terms[i]) << " but erl has " << to_text(sorted.head());
}

TEST(TermsAndLibei, AgreeOnLengthsAndValues) {
  auto b = block::make(0);
  random_terms random(*b, 13);
  for (int i = 0; i < 5000; ++i) {
    const auto t = random.any();
    const auto s = etf::term_to_binary(t);
    int at = 0, version = 0;
    ASSERT_EQ(ei_decode_version(s.data(), &at, &version), 0);
    auto after = at;
    ASSERT_EQ(ei_skip_term(s.data(), &after), 0) << to_text(t);
    EXPECT_EQ(static_cast<std::size_t>(after), s.size()) << to_text(t);
    const auto v = etf::validate(bytes_of(s).subspan(1));
    ASSERT_TRUE(v);
    EXPECT_EQ(*v + 1, static_cast<std::size_t>(after));
    if (t.is_tuple()) {
      int n = 0;
      ASSERT_EQ(ei_decode_tuple_header(s.data(), &at, &n), 0);
      EXPECT_EQ(static_cast<std::uint64_t>(n), t.arity());
    } else if (t.is_float()) {
      double d = 0;
      ASSERT_EQ(ei_decode_double(s.data(), &at, &d), 0);
      EXPECT_EQ(d, t.float_value());
    } else if (long long x = 0; t.is_small()) {
      ASSERT_EQ(ei_decode_longlong(s.data(), &at, &x), 0);
      EXPECT_EQ(x, t.small());
    }
  }
}

TEST(TermsAndLibei, OursReadsWhatEiEncodes) {
  ei_x_buff x;
  ASSERT_EQ(ei_x_new_with_version(&x), 0);
  ASSERT_EQ(ei_x_format_wo_ver(&x, "{~a,[~i,~d,~s],{}}", "ok", -300, 2.5, "text"), 0);
  const auto d = etf::binary_to_term(bytes_of({x.buff, static_cast<std::size_t>(x.index)}));
  ASSERT_TRUE(d) << to_string(d.error());
  EXPECT_EQ(to_text((*d)->root), "{ok,[-300,2.5,\"text\"],{}}");
  ei_x_free(&x);
}
