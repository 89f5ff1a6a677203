#include <gtest/gtest.h>

#include "support/terms.hpp"

using namespace cnode;
using namespace cnode::test;

namespace {

result<block_ptr> decoded(const std::string& after_version) { return etf::binary_to_term(bytes_of(raw(131) + after_version)); }

errc refused(const std::string& after_version) {
  const auto v = etf::validate(bytes_of(after_version));
  const auto b = decoded(after_version);
  if (b) return errc::ok;
  // validate never refuses less than decode, but for what it cannot know
  const auto e = b.error().code;
  EXPECT_TRUE(!v || e == errc::duplicate_key || e == errc::bad_fun || e == errc::cache_miss || e == errc::trailing_bytes || after_version[0] == 82);
  return e;
}

std::string text(const std::string& after_version) {
  const auto b = decoded(after_version);
  return b ? to_text((*b)->root) : to_string(b.error());
}

etf::decode_options with_atoms(etf::header_atoms a) {
  etf::decode_options o;
  o.atoms = a;
  return o;
}

std::string atom_bytes(std::string_view s) { return raw(119, s.size()) + std::string(s); }
std::string u32(std::uint32_t n) { return raw(n >> 24, n >> 16, n >> 8, n); }

}  // namespace

TEST(EtfDecode, KnowsEveryTag) {
  const auto n = atom_bytes("n@h");
  EXPECT_EQ(text(raw(97, 200)), "200");
  EXPECT_EQ(text(raw(98, 255, 255, 255, 254)), "-2");
  EXPECT_EQ(text(raw(110, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)), "18446744073709551616");
  EXPECT_EQ(text(raw(110, 3, 1, 5, 0, 0)), "-5");
  EXPECT_EQ(text(raw(111, 0, 0, 0, 1, 0, 7)), "7");
  EXPECT_EQ(text(raw(110, 0, 0)), "0");
  EXPECT_EQ(text(raw(70, 63, 248, 0, 0, 0, 0, 0, 0)), "1.5");
  EXPECT_EQ(text(raw(99) + "1.50000000000000000000e+00" + std::string(5, '\0')), "1.5");
  EXPECT_EQ(text(raw(100, 0, 1, 233)), "\xc3\xa9");
  EXPECT_EQ(text(raw(115, 1, 233)), "\xc3\xa9");
  EXPECT_EQ(text(raw(118, 0, 2) + "ab"), "ab");
  EXPECT_EQ(text(raw(119, 0)), "''");
  EXPECT_EQ(text(raw(104, 2, 97, 1, 106)), "{1,[]}");
  EXPECT_EQ(text(raw(105, 0, 0, 0, 1, 97, 1)), "{1}");
  EXPECT_EQ(text(raw(107, 0, 2, 1, 2)), "[1,2]");
  EXPECT_EQ(text(raw(108, 0, 0, 0, 1, 97, 1, 97, 2)), "[1|2]");
  EXPECT_EQ(text(raw(108, 0, 0, 0, 2, 97, 1, 108, 0, 0, 0, 0, 106, 106)), "[1,[]]");
  EXPECT_EQ(text(raw(109, 0, 0, 0, 2, 1, 2)), "<<1,2>>");
  EXPECT_EQ(text(raw(77, 0, 0, 0, 1, 3, 0xbf)), "<<5:3>>");
  EXPECT_EQ(text(raw(77, 0, 0, 0, 1, 8, 5)), "<<5>>");
  EXPECT_EQ(text(raw(77, 0, 0, 0, 0, 0)), "<<>>");
  EXPECT_EQ(text(raw(116, 0, 0, 0, 2, 97, 2, 97, 0) + raw(97, 1, 97, 9)), "#{1 => 9,2 => 0}");
  EXPECT_EQ(text(raw(113) + atom_bytes("m") + atom_bytes("f") + raw(97, 3)), "fun m:f/3");
  const auto at = std::to_string(atom("n@h").atom_index());
  EXPECT_EQ(text(raw(88) + n + u32(1) + u32(2) + u32(3)), "<" + at + ".1.2>");
  EXPECT_EQ(text(raw(103) + n + u32(1) + u32(2) + raw(3)), "<" + at + ".1.2>");
  EXPECT_EQ(text(raw(102) + n + u32(7) + raw(3)), "#Port<" + at + ".7>");
  EXPECT_EQ(text(raw(89) + n + u32(7) + u32(3)), "#Port<" + at + ".7>");
  EXPECT_EQ(text(raw(120) + n + u32(1) + u32(0) + u32(3)), "#Port<" + at + ".4294967296>");
  EXPECT_EQ(text(raw(101) + n + u32(7) + raw(3)), "#Ref<" + at + ".7>");
  EXPECT_EQ(text(raw(114, 0, 2) + n + raw(3) + u32(1) + u32(2)), "#Ref<" + at + ".2.1>");
  EXPECT_EQ(text(raw(90, 0, 5) + n + u32(3) + u32(1) + u32(2) + u32(3) + u32(4) + u32(5)), "#Ref<" + at + ".5.4.3.2.1>");
  const auto fun = raw(1) + std::string(16, 'u') + u32(4) + u32(1) + atom_bytes("m") + raw(97, 4, 97, 99, 88) + n + u32(0) + u32(0) + u32(0) + raw(106);
  EXPECT_EQ(text(raw(112) + u32(static_cast<std::uint32_t>(fun.size() + 4)) + fun), "#Fun<m.4.99>");
  EXPECT_EQ(text(raw(67, 0, 0, 0, 2, 1) + atom_bytes("m") + atom_bytes("r") + atom_bytes("a") + atom_bytes("b") + raw(97, 1, 104, 0)),
            "#m:r{a = 1,b = {}}");
}

TEST(EtfDecode, RefusesWhatClosesABeamConnection) {
  const auto n = atom_bytes("n@h");
  EXPECT_EQ(refused(raw(70, 127, 248, 0, 0, 0, 0, 0, 0)), errc::bad_float);
  EXPECT_EQ(refused(raw(70, 255, 240, 0, 0, 0, 0, 0, 0)), errc::bad_float);
  EXPECT_EQ(refused(raw(99) + "nan" + std::string(28, '\0')), errc::bad_float);
  EXPECT_EQ(refused(raw(77, 0, 0, 0, 1, 0, 1)), errc::bad_bit_count);
  EXPECT_EQ(refused(raw(77, 0, 0, 0, 1, 9, 1)), errc::bad_bit_count);
  EXPECT_EQ(refused(raw(117, 0, 0, 0, 0)), errc::bad_tag);
  EXPECT_EQ(refused(raw(121, 0, 0, 0, 0)), errc::bad_tag);
  EXPECT_EQ(refused(raw(0)), errc::bad_tag);
  EXPECT_EQ(refused(raw(82, 0)), errc::bad_tag);
  EXPECT_EQ(refused(raw(104, 1, 80, 0, 0, 0, 1, 0)), errc::bad_tag);
  EXPECT_EQ(refused(raw(119, 2, 0xc3, 0x28)), errc::bad_atom);
  EXPECT_EQ(refused(raw(119, 3, 0xed, 0xa0, 0x80)), errc::bad_atom);
  EXPECT_EQ(refused(raw(118, 1, 0) + std::string(256, 'x')), errc::bad_atom);
  EXPECT_EQ(refused(raw(90, 0, 6) + n + std::string(28, '\0')), errc::bad_pid);
  EXPECT_EQ(refused(raw(90, 0, 0) + n + u32(0)), errc::bad_pid);
  EXPECT_EQ(refused(raw(88, 97, 1) + std::string(12, '\0')), errc::bad_tag);
  EXPECT_EQ(refused(raw(116, 0, 0, 0, 2, 97, 1, 97, 0, 97, 1, 97, 0)), errc::duplicate_key);
  EXPECT_EQ(refused(raw(67, 0, 0, 0, 0, 2) + atom_bytes("m") + atom_bytes("r")), errc::bad_tag);
  EXPECT_EQ(refused(raw(67, 0, 0, 0, 2, 0) + atom_bytes("m") + atom_bytes("r") + atom_bytes("a") + atom_bytes("a") + raw(106, 106)), errc::duplicate_key);
  EXPECT_EQ(refused(raw(106, 106)), errc::trailing_bytes);
  EXPECT_EQ(refused(raw(113) + atom_bytes("m") + atom_bytes("f") + raw(98, 0, 0, 0, 1)), errc::bad_fun);
  EXPECT_EQ(etf::binary_to_term(bytes_of(raw(130, 106))).error().code, errc::bad_version);
  EXPECT_EQ(etf::binary_to_term({}).error().code, errc::truncated);
}

TEST(EtfDecode, AcceptsAtomsOf255CharactersOfFourBytes) {
  std::string s;
  for (int i = 0; i < 255; ++i) s += "\xf0\x9f\x98\x80";
  EXPECT_EQ(refused(raw(118, s.size() >> 8, s.size() & 255) + s), errc::ok);
}

TEST(EtfDecode, ReservesNothingForAnnouncedSizes) {
  EXPECT_EQ(refused(raw(105, 255, 255, 255, 255, 106)), errc::truncated);
  EXPECT_EQ(refused(raw(108, 255, 255, 255, 255, 106)), errc::truncated);
  EXPECT_EQ(refused(raw(116, 255, 255, 255, 255, 106)), errc::truncated);
  EXPECT_EQ(refused(raw(109, 255, 255, 255, 255, 1)), errc::truncated);
  // Tuples in tuples that all claim the same bytes.
  std::string nested;
  for (int i = 0; i < 1000; ++i) nested += raw(105) + u32(2500);
  EXPECT_EQ(refused(nested), errc::truncated);
}

TEST(EtfDecode, TakesAMillionLevels) {
  const auto check = [](std::string s) {
    auto b = decoded(s);
    ASSERT_TRUE(b) << to_string(b.error());
    EXPECT_EQ(etf::term_to_binary((*b)->root), raw(131) + s);
    const auto c = copy_to_block((*b)->root);
    EXPECT_TRUE(exactly_equal(c->root, (*b)->root));
    EXPECT_EQ(hash(c->root), hash((*b)->root));
    auto v = etf::validate(bytes_of(s));
    ASSERT_TRUE(v);
    EXPECT_EQ(*v, s.size());
  };
  std::string tuples, lists, heads;
  for (int i = 0; i < 1000000; ++i) tuples += raw(104, 1);
  check(tuples + raw(106));
  for (int i = 0; i < 100000; ++i) lists += raw(108, 0, 0, 0, 1);
  check(lists + raw(106) + std::string(100000, 106));
  for (int i = 0; i < 100000; ++i) heads += raw(116, 0, 0, 0, 1);
  check(heads + raw(106) + std::string(100000, 106));
}

TEST(EtfDecode, RefusesEveryPrefixOfATermAsTruncated) {
  auto b = block::make(0);
  random_terms random(*b, 1);
  for (int i = 0; i < 300; ++i) {
    const auto s = etf::term_to_binary(random.any());
    for (std::size_t n = 0; n < s.size(); ++n) {
      // a copy of its own, so that a read past the end is seen
      const std::vector<std::uint8_t> cut(s.begin(), s.begin() + static_cast<std::ptrdiff_t>(n));
      const auto d = etf::binary_to_term(cut);
      ASSERT_FALSE(d);
      ASSERT_EQ(d.error().code, errc::truncated) << to_string(d.error());
      if (n > 0) {
        ASSERT_FALSE(etf::validate(std::span(cut).subspan(1)));
      }
    }
  }
}

TEST(EtfDecode, SurvivesEveryFlippedByte) {
  auto b = block::make(0);
  random_terms random(*b, 2);
  for (int i = 0; i < 300; ++i) {
    auto s = etf::term_to_binary(random.any());
    for (std::size_t n = 1; n < s.size(); ++n) {
      auto damaged = s;
      damaged[n] = static_cast<char>(random.below(256));
      const auto d = etf::binary_to_term(bytes_of(damaged));
      const auto v = etf::validate(bytes_of(damaged).subspan(1));
      if (d) {
        ASSERT_TRUE(v);
        ASSERT_EQ(*v + 1, damaged.size());
      }
    }
  }
}

TEST(EtfRoundTrip, KeepsRandomTerms) {
  auto b = block::make(0);
  random_terms random(*b, 3);
  for (int i = 0; i < 5000; ++i) {
    const auto t = random.any();
    const auto s = etf::term_to_binary(t);
    auto back = etf::binary_to_term(bytes_of(s));
    ASSERT_TRUE(back) << to_text(t) << "\n" << to_string(back.error());
    EXPECT_TRUE(exactly_equal(t, (*back)->root)) << to_text(t);
    EXPECT_EQ(hash(t), hash((*back)->root));
    EXPECT_EQ(etf::term_to_binary((*back)->root), s);
    const auto v = etf::validate(bytes_of(s).subspan(1));
    ASSERT_TRUE(v) << to_string(v.error());
    EXPECT_EQ(*v + 1, s.size());
  }
}

TEST(EtfDecode, SharesLargeBinariesWithTheirOwner) {
  const auto s = raw(109) + u32(1000) + std::string(1000, 'x');
  auto owner = buffer_ptr::make(s.size());
  std::memcpy(owner.data(), s.data(), s.size());
  auto b = block::make(0);
  etf::decode_options options;
  options.owner = owner;
  const auto d = etf::decode(*b, {owner.data(), owner.size()}, options);
  options = {};
  ASSERT_TRUE(d);
  EXPECT_EQ(reinterpret_cast<const std::uint8_t*>(d->value.bytes().data()), owner.data() + 5);
  owner = {};
  EXPECT_EQ(d->value.bytes(), std::string(1000, 'x'));  // the block holds it
}

TEST(EtfDecode, MakesPidsOfThisNodeImmediate) {
  const auto us = this_node();
  const auto pid = [&](std::uint32_t serial, std::uint32_t creation) {
    return raw(88) + atom_bytes(atom_text(us.name)) + u32(17) + u32(serial) + u32(creation);
  };
  EXPECT_TRUE((*decoded(pid(3, us.creation)))->root.is_local_pid());
  EXPECT_FALSE((*decoded(pid(3, us.creation + 1)))->root.is_local_pid());
  EXPECT_FALSE((*decoded(pid(1u << 26, us.creation)))->root.is_local_pid());
  EXPECT_TRUE((*decoded(pid(1u << 26, us.creation)))->root.is_pid());
}

TEST(EtfDecode, TakesCacheReferencesFromTheHeader) {
  const term atoms[] = {atom("x"), atom("y")};
  auto b = block::make(0);
  const auto d = etf::decode(*b, bytes_of(raw(104, 2, 82, 1, 82, 0)), with_atoms(atoms));
  ASSERT_TRUE(d);
  EXPECT_EQ(to_text(d->value), "{y,x}");
  EXPECT_EQ(etf::decode(*b, bytes_of(raw(82, 2)), with_atoms(atoms)).error().code, errc::cache_miss);
}

TEST(EtfDecode, SafeMakesNoAtoms) {
  auto b = block::make(0);
  const auto before = atom_count();
  etf::decode_options options;
  options.safe = true;
  EXPECT_EQ(etf::decode(*b, bytes_of(atom_bytes("never seen before")), options).error().code, errc::bad_atom);
  EXPECT_EQ(atom_count(), before);
}

TEST(EtfDecode, UnpacksACompressedTerm) {
  // term_to_binary(lists:duplicate(100, $a), [compressed]) of OTP 25
  const auto packed = raw(131, 80, 0, 0, 0, 103, 120, 156, 203, 102, 72, 73, 164, 3, 0, 0, 204, 203, 38, 180);
  const auto b = etf::binary_to_term(bytes_of(packed));
  ASSERT_TRUE(b) << to_string(b.error());
  EXPECT_EQ(to_text((*b)->root), '"' + std::string(100, 'a') + '"');
  EXPECT_EQ(etf::binary_to_term(bytes_of(packed + "x")).error().code, errc::trailing_bytes);
  for (std::size_t n = 0; n < packed.size(); ++n) EXPECT_FALSE(etf::binary_to_term(bytes_of(packed.substr(0, n))));
  EXPECT_EQ(etf::binary_to_term(bytes_of(raw(131, 80, 15, 255, 255, 255, 120, 156))).error().code, errc::compressed);
}

TEST(EtfEncode, SendsLargeSharedBinariesByReference) {
  auto b = block::make(0);
  const auto bin = make_binary(*b, std::string(100000, 'z'));
  etf::output out;
  etf::encode(out, make_tuple_of(*b, bin, small(1)));
  const auto pieces = out.pieces();
  ASSERT_EQ(pieces.size(), 3u);
  EXPECT_EQ(reinterpret_cast<const char*>(pieces[1].data), bin.bytes().data());
  const auto all = out.str();
  EXPECT_EQ(all.size(), out.size());
  for (std::size_t left = all.size(); left; left -= std::min<std::size_t>(left, 777)) {
    ASSERT_EQ(out.size(), left);
    ASSERT_EQ(out.str(), all.substr(all.size() - left));
    out.consume(std::min<std::size_t>(left, 777));
  }
  EXPECT_EQ(out.size(), 0u);
}

TEST(EtfOutput, PatchesEarlierBytesAcrossSharedOnes) {
  etf::output out;
  auto owner = buffer_ptr::make(10);
  std::memset(owner.data(), 'x', 10);
  out.put("abcd", 4);
  out.share(owner, owner.data(), 10);
  out.put("0000efgh", 8);
  out.patch_u32(14, 0x31323334);
  out.patch_u32(0, 0x41424344);
  EXPECT_EQ(out.str(), "ABCDxxxxxxxxxx1234efgh");
  out.consume(6);
  out.patch_u32(8, 0x35363738);
  EXPECT_EQ(out.str(), "xxxxxxxx5678efgh");
}
