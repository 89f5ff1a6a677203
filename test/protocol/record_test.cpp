// Native records, which OTP 29 has and nobody before it: opaque here, and exact.
#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>
#include <unistd.h>

#include "support/terms_in_erl.hpp"

using namespace cnode;
using namespace cnode::test;

namespace {

std::string field(const char* text) { return etf::term_to_binary(parsed(text)->root).substr(1); }

// tag 67: a record's bytes from its parts; `fields` are the names, then the values.
std::string record(unsigned char count, unsigned char exported, std::initializer_list<const char*> parts) {
  std::string s = raw(131, 67, 0, 0, 0, count, exported);
  for (const char* p : parts) s += field(p);
  return s;
}

block_ptr decoded(const std::string& bytes) {
  auto d = etf::binary_to_term(bytes_of(bytes));
  EXPECT_TRUE(d) << to_string(d.error());
  return d ? std::move(*d) : immediate_block(nil);
}

}  // namespace

// term_to_binary(#pt{x = a, y = "hej"}) of module nr, OTP 29.1.
TEST(NativeRecords, AreReadAndWrittenAsOtp29Does) {
  const auto bytes = raw(131, 67, 0, 0, 0, 2, 1, 119, 2, 'n', 'r', 119, 2, 'p', 't', 119, 1, 'x', 119, 1, 'y', 119, 1, 'a', 107, 0, 3, 'h', 'e', 'j');
  const auto b = decoded(bytes);
  EXPECT_EQ(etf::term_to_binary(b->root), bytes);
  EXPECT_EQ(to_text(b->root), "#nr:pt{x = a,y = \"hej\"}");
  const auto empty = record(0, 0, {"nr", "empty"});
  EXPECT_EQ(etf::term_to_binary(decoded(empty)->root), empty);
  EXPECT_EQ(to_text(decoded(empty)->root), "#nr:empty{}");
  const auto quoted = record(1, 1, {"'Elixir.A'", "'Elixir.B'", "'a b'", "[1,2]"});
  EXPECT_EQ(to_text(decoded(quoted)->root), "#'Elixir.A':'Elixir.B'{'a b' = [1,2]}");
  EXPECT_EQ(inspect(decoded(quoted)->root), "#'Elixir.A':'Elixir.B'{'a b' = [1,2]}");
}

TEST(NativeRecords, KeepTheOrderOfTheirFields) {
  const auto bytes = record(2, 0, {"m", "n", "z", "a", "1", "2"});
  EXPECT_EQ(etf::term_to_binary(decoded(bytes)->root), bytes);
  EXPECT_EQ(to_text(decoded(bytes)->root), "#m:n{z = 1,a = 2}");
}

TEST(NativeRecords, AreRefusedWhereOtp29RefusesThem) {
  for (const auto& bad : {record(2, 0, {"m", "n", "a", "a", "1", "2"}), record(1, 2, {"m", "n", "a", "1"}), record(1, 3, {"m", "n", "a", "1"}),
                          record(1, 255, {"m", "n", "a", "1"}), record(1, 0, {"1", "n", "a", "1"}), record(1, 0, {"m", "1", "a", "1"}),
                          record(1, 0, {"m", "n", "1", "1"}), record(2, 0, {"m", "n", "a", "1"}), raw(131, 67, 255, 255, 255, 255, 0) + field("m") + field("n")})
    EXPECT_FALSE(etf::binary_to_term(bytes_of(bad)));
}

// Module, name, whether exported, number of fields, their names, their values; between tuples and maps.
TEST(NativeRecords, SortAsOtp29Sorts) {
  std::vector<block_ptr> sorted;
  sorted.push_back(parsed("{1,2,3,4}"));
  for (const auto& bytes : {record(3, 0, {"a", "n", "a", "b", "c", "1", "2", "3"}), record(1, 0, {"a", "zz", "a", "0"}), record(1, 0, {"m", "a", "b", "10"}),
                            record(0, 0, {"m", "m"}), record(0, 0, {"m", "n"}), record(1, 0, {"m", "n", "a", "9"}), record(1, 0, {"m", "n", "b", "0"}),
                            record(2, 0, {"m", "n", "a", "z", "0", "3"}), record(2, 0, {"m", "n", "a", "z", "1", "2"}), record(2, 0, {"m", "n", "z", "a", "0", "3"}),
                            record(2, 0, {"m", "n", "z", "a", "1", "2"}), record(0, 1, {"m", "n"}), record(2, 1, {"m", "n", "a", "z", "1", "2"}),
                            record(1, 0, {"z", "a", "a", "0"})})
    sorted.push_back(decoded(bytes));
  sorted.push_back(parsed("#{}"));
  for (std::size_t i = 0; i < sorted.size(); ++i)
    for (std::size_t j = 0; j < sorted.size(); ++j) {
      const int c = compare(sorted[i]->root, sorted[j]->root);
      EXPECT_TRUE(i < j ? c < 0 : i > j ? c > 0 : c == 0) << to_text(sorted[i]->root) << " and " << to_text(sorted[j]->root);
    }
  const auto one = decoded(record(1, 0, {"m", "n", "a", "1"})), also_one = decoded(record(1, 0, {"m", "n", "a", "1.0"}));
  EXPECT_TRUE(equal(one->root, also_one->root));
  EXPECT_FALSE(exactly_equal(one->root, also_one->root));
}

// Each byte of some records with each value: a term that is written as it was read, or a refusal. What is validated decodes.
TEST(NativeRecords, ThatAreDamagedAreTermsOrRefused) {
  for (const auto& good : {record(2, 1, {"m", "n", "z", "a", "1", "\"text\""}), record(1, 0, {"m", "n", "a", "[{1}]"}), record(0, 0, {"m", "n"})}) {
    for (std::size_t at = 1; at < good.size(); ++at)
      for (int value = 0; value < 256; ++value) {
        auto bytes = good;
        bytes[at] = static_cast<char>(value);
        const auto d = etf::binary_to_term(bytes_of(bytes));
        const auto valid = etf::validate(bytes_of(bytes).subspan(1));
        if (!d) continue;
        ASSERT_TRUE(valid) << at << " " << value;
        const auto again = etf::binary_to_term(bytes_of(etf::term_to_binary((*d)->root)));
        ASSERT_TRUE(again);
        EXPECT_TRUE(exactly_equal((*d)->root, (*again)->root));
        EXPECT_EQ(hash((*d)->root), hash((*again)->root));
        EXPECT_EQ(to_text((*d)->root), to_text((*again)->root));
      }
    for (std::size_t size = 1; size < good.size(); ++size) EXPECT_FALSE(etf::binary_to_term(bytes_of(good.substr(0, size))));
  }
}

namespace {

std::filesystem::path otp29() {
  const char* peers = std::getenv("CNODE_PEERS");
  return std::filesystem::path(peers ? peers : "/var/cache/cnode/peers") / "sid";
}

}  // namespace

TEST(NativeRecords, MeanTheSameToOtp29) {
  ASSERT_TRUE(std::filesystem::exists(otp29() / ".complete")) << "no OTP 29 in " << otp29() << ": integration/peers.sh makes it; ctest -LE otp29 leaves this test out";
  ASSERT_EQ(::geteuid(), 0u) << "chroot to OTP 29 takes root; ctest -LE otp29 leaves this test out";
  auto b = block::make(0);
  random_terms plain(*b, 21, random_terms::no_identifiers), any(*b, 22);
  plain.add_records(), any.add_records();
  std::vector<term> terms;
  constexpr std::size_t plain_terms = 1500;
  for (std::size_t i = 0; i < plain_terms; ++i) terms.push_back(plain.any());
  for (int i = 0; i < 1500; ++i) terms.push_back(any.any()), terms.push_back(copy(*b, terms.back()));

  EXPECT_GT(std::count_if(terms.begin(), terms.end(), [](term t) { return t.kind() == CNODE_RECORD; }), 400);
  EXPECT_GT(compare_with_erl(terms, plain_terms, otp29().string()), 400u);
}
