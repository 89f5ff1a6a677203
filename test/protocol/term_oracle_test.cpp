// Second opinions on random terms: a real erl, and libei. One erl reads them all and answers in one file.
#include <ei.h>
#include <gtest/gtest.h>

#include "support/terms_in_erl.hpp"

using namespace cnode;
using namespace cnode::test;

TEST(TermsAndErl, AgreeOnBytesTextOrderAndEquality) {
  ASSERT_TRUE(erl_has("io_lib"));
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
  EXPECT_GT(compare_with_erl(terms, plain_terms), plain_terms / 2);
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
