// Every tag of the external term format in a message to a node that runs: it comes back the same, or the connection is closed where a BEAM closes it.
#include "meeting.hpp"

namespace cnode::test {
namespace {

template <class... N>
std::string u8(N... n) {
  return {static_cast<char>(n)...};
}
std::string u32(std::uint32_t n) { return big_endian(n, 4); }
std::string short_atom(const std::string& s) { return u8(119, s.size()) + s; }
const std::string one = short_atom("one@localhost");

// What the node sends back when this term is sent to echo.
std::string echoed(const std::string& term) {
  meeting m;
  const auto me = etf::term_to_binary(m.peer.word("ME")).substr(1);
  m.peer.tells_bytes("{6,ME,'',echo}", u8(131, 104, 2) + me + term);
  const auto text = m.peer.hears();
  const std::string before = "{22,P,ME} ";
  return text.starts_with(before) ? text.substr(before.size()) : text;
}
// The tag it is written with on the way back.
int tag_of_echo(const std::string& term) {
  meeting m;
  const auto me = etf::term_to_binary(m.peer.word("ME")).substr(1);
  m.peer.tells_bytes("{6,ME,'',echo}", u8(131, 104, 2) + me + term);
  const auto length = wire_peer::number(m.peer.raw(4), 0, 4);
  const auto body = m.peer.raw(length);
  auto b = block::make(64);
  const auto control = etf::decode(*b, bytes_of(body).subspan(2));
  return control ? static_cast<std::uint8_t>(body[2 + control->used + 1]) : -1;
}

TEST(Tag, 70_NewFloat) { EXPECT_EQ(echoed(u8(70, 63, 248, 0, 0, 0, 0, 0, 0)), "1.5"); }
TEST(Tag, 70_NewFloatThatIsNoNumberCloses) {
  EXPECT_EQ(echoed(u8(70, 127, 248, 0, 0, 0, 0, 0, 0)), "closed");
  EXPECT_EQ(echoed(u8(70, 127, 240, 0, 0, 0, 0, 0, 0)), "closed");
}
TEST(Tag, 77_BitBinaryOf1To8Bits) {
  EXPECT_EQ(echoed(u8(77, 0, 0, 0, 1, 3, 0xbf)), "<<5:3>>");
  EXPECT_EQ(echoed(u8(77, 0, 0, 0, 1, 8, 5)), "<<5>>");
  EXPECT_EQ(echoed(u8(77, 0, 0, 0, 1, 0, 5)), "closed");
  EXPECT_EQ(echoed(u8(77, 0, 0, 0, 1, 9, 5)), "closed");
}
TEST(Tag, 80_CompressedCloses) { EXPECT_EQ(echoed(u8(80, 0, 0, 0, 2, 0x78, 0x9c, 0x4b, 0x64, 0x04, 0x00)), "closed"); }
TEST(Tag, 82_AtomCacheRefWithoutACacheCloses) { EXPECT_EQ(echoed(u8(82, 0)), "closed"); }
TEST(Tag, 88_NewPid) { EXPECT_EQ(echoed(u8(88) + one + u32(7) + u32(0) + u32(5)), "ME"); }
TEST(Tag, 89_NewPortComesBackAsV4Port) {
  EXPECT_EQ(tag_of_echo(u8(89) + one + u32(7) + u32(5)), 120);
}
TEST(Tag, 120_V4Port) { EXPECT_EQ(tag_of_echo(u8(120) + one + u32(1) + u32(7) + u32(5)), 120); }
TEST(Tag, 90_NewerRefOf3And5WordsButNot6) {
  EXPECT_EQ(echoed(u8(90, 0, 3) + one + u32(5) + u32(1) + u32(2) + u32(3)), "REF");
  EXPECT_EQ(echoed(u8(90, 0, 5) + one + u32(5) + u32(1) + u32(2) + u32(3) + u32(4) + u32(5)), "LONGREF");
  EXPECT_EQ(echoed(u8(90, 0, 6) + one + u32(5) + std::string(24, '\1')), "closed");
}
TEST(Tag, 97_98_110_Integers) {
  EXPECT_EQ(echoed(u8(97, 200)), "200");
  EXPECT_EQ(echoed(u8(98, 255, 255, 255, 254)), "-2");
  EXPECT_EQ(echoed(u8(110, 9, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1)), "-18446744073709551616");
}
TEST(Tag, 111_LargeBig) { EXPECT_EQ(echoed(u8(111) + u32(300) + u8(0) + std::string(299, '\0') + u8(1)).size(), 721u); }
TEST(Tag, 99_OldFloat) { EXPECT_EQ(echoed(u8(99) + "1.50000000000000000000e+00" + std::string(5, '\0')), "1.5"); }
TEST(Tag, 100_115_Latin1Atoms) {
  EXPECT_EQ(echoed(u8(100, 0, 2) + "ab"), "ab");
  EXPECT_EQ(echoed(u8(115, 2) + "ab"), "ab");
}
TEST(Tag, 118_119_Utf8Atoms) {
  std::string longest;
  for (int i = 0; i < 255; ++i) longest += "\xf0\x9f\x98\x80";
  EXPECT_EQ(tag_of_echo(u8(118, longest.size() >> 8, longest.size()) + longest), 118);
  EXPECT_EQ(echoed(u8(119, 0)), "''");
  EXPECT_EQ(echoed(u8(118, 1, 0) + std::string(256, 'x')), "closed");
  EXPECT_EQ(echoed(u8(119, 2, 0xc3, 0x28)), "closed");
}
TEST(Tag, 101_102_103_114_OldReferencesPortsAndPids) {
  EXPECT_EQ(tag_of_echo(u8(101) + one + u32(7) + u8(3)), 90);
  EXPECT_EQ(tag_of_echo(u8(102) + one + u32(7) + u8(3)), 120);
  EXPECT_EQ(tag_of_echo(u8(103) + one + u32(7) + u32(0) + u8(3)), 88);
  EXPECT_EQ(tag_of_echo(u8(114, 0, 3) + one + u8(3) + u32(1) + u32(2) + u32(3)), 90);
}
TEST(Tag, 104_105_106_107_TuplesNilAndStrings) {
  EXPECT_EQ(echoed(u8(104, 2, 97, 1, 106)), "{1,[]}");
  EXPECT_EQ(echoed(u8(105, 0, 0, 0, 1, 97, 1)), "{1}");
  EXPECT_EQ(echoed(u8(107, 0, 2, 1, 2)), "[1,2]");
  EXPECT_EQ(tag_of_echo(u8(107, 255, 255) + std::string(65'535, 'x')), 107);
}
TEST(Tag, 108_ListWithAnyTail) {
  EXPECT_EQ(echoed(u8(108, 0, 0, 0, 1, 97, 1, 97, 2)), "[1|2]");
  EXPECT_EQ(echoed(u8(108, 0, 0, 0, 1, 119, 1, 'a', 106)), "[a]");
}
TEST(Tag, 109_Binary) { EXPECT_EQ(echoed(u8(109, 0, 0, 0, 2, 1, 2)), "<<1,2>>"); }
std::string new_fun(const std::string& creator) {
  const auto body = u8(1) + std::string(16, 'u') + u32(4) + u32(1) + short_atom("m") + u8(97, 4, 97, 99) + creator + u8(106);
  return u8(112) + u32(static_cast<std::uint32_t>(body.size() + 4)) + body;
}
TEST(Tag, 112_NewFunOfARealPidAndOfPidZero) {
  EXPECT_EQ(echoed(new_fun(u8(88) + one + u32(7) + u32(0) + u32(5))), "#Fun<m.4.99>");
  EXPECT_EQ(echoed(new_fun(u8(88) + one + u32(0) + u32(0) + u32(5))), "#Fun<m.4.99>");
}
TEST(Tag, 113_Export) { EXPECT_EQ(echoed(u8(113) + short_atom("m") + short_atom("f") + u8(97, 3)), "fun m:f/3"); }
TEST(Tag, 116_MapInAnyOrderButNoKeyTwice) {
  EXPECT_EQ(echoed(u8(116, 0, 0, 0, 2, 97, 2, 97, 0, 97, 1, 97, 9)), "#{1 => 9,2 => 0}");
  EXPECT_EQ(echoed(u8(116, 0, 0, 0, 2, 97, 1, 97, 0, 97, 1, 97, 9)), "closed");
}
TEST(Tag, 117_FunExtCloses) { EXPECT_EQ(echoed(u8(117, 0, 0, 0, 0)), "closed"); }
TEST(Tag, 121_LocalExtCloses) { EXPECT_EQ(echoed(u8(121, 0, 0, 0, 0)), "closed"); }
TEST(Tag, OthersClose) {
  for (const int tag : {0, 1, 68, 83, 122, 255}) EXPECT_EQ(echoed(u8(tag, 0, 0, 0, 0)), "closed") << tag;
}
TEST(Tag, BytesBehindTheMessageAreIgnored) { EXPECT_EQ(echoed(u8(97, 1) + "and more"), "1"); }
TEST(Tag, AHundredThousandLevelsAreTaken) {
  std::string nested;
  for (int i = 0; i < 100'000; ++i) nested += u8(104, 1);
  EXPECT_EQ(tag_of_echo(nested + u8(106)), 104);
}

}  // namespace
}  // namespace cnode::test
