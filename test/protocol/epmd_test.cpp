#include <gtest/gtest.h>

#include <cnode/protocol/epmd.hpp>

#include "handshake_bytes.hpp"

namespace cnode::test {
namespace {

using namespace std::literals;

TEST(Epmd, EncodesAlive2Req) {
  epmd::alive2_req r;
  r.name = "cpp";
  r.port = 0x1234;
  EXPECT_EQ(epmd::encode(r), "\0\x10\x78\x12\x34\x4d\0\0\x06\0\x05\0\x03"s + "cpp" + "\0\0"s);
  r.hidden = true;
  r.extra = "x";
  EXPECT_EQ(epmd::encode(r), "\0\x11\x78\x12\x34\x48\0\0\x06\0\x05\0\x03"s + "cpp" + "\0\x01x"s);
}

TEST(Epmd, DecodesBothFormsOfTheAliveAnswer) {
  const auto wide = epmd::decode_alive2_resp(bytes_of("\x76\0\x6b\x01\x45\x34"sv));
  ASSERT_TRUE(wide && *wide);
  EXPECT_TRUE((**wide).ok);
  EXPECT_EQ((**wide).creation, 0x6b014534u);
  const auto narrow = epmd::decode_alive2_resp(bytes_of("\x79\0\0\x03"sv));
  ASSERT_TRUE(narrow && *narrow);
  EXPECT_EQ((**narrow).creation, 3u);
}

TEST(Epmd, TakesCreation99OfARefusalForNoCreation) {
  const auto r = epmd::decode_alive2_resp(bytes_of("\x76\x01\0\0\0\x63"sv));
  ASSERT_TRUE(r && *r);
  EXPECT_FALSE((**r).ok);
  EXPECT_EQ((**r).creation, 0u);
}

TEST(Epmd, WaitsForTheWholeAliveAnswer) {
  for (const auto whole : {"\x76\0\0\0\0\x05"sv, "\x79\0\0\x05"sv})
    for (std::size_t n = 0; n < whole.size(); ++n) {
      const auto r = epmd::decode_alive2_resp(bytes_of(whole.substr(0, n)));
      ASSERT_TRUE(r);
      EXPECT_FALSE(*r) << n;
    }
  EXPECT_EQ(epmd::decode_alive2_resp(bytes_of("w"sv)).error().code, errc::bad_epmd_message);
}

TEST(Epmd, EncodesPortPlease2AndNames) {
  EXPECT_EQ(epmd::encode_port_please2_req("erl"), "\0\x04zerl"s);
  EXPECT_EQ(epmd::encode_names_req(), "\0\x01n"s);
}

TEST(Epmd, DecodesPort2RespAtNoShorterPrefix) {
  const auto whole = "\x77\0\x12\x34\x48\0\0\x06\0\x05\0\x03" "erl" "\0\x02xy"sv;
  for (std::size_t n = 0; n < whole.size(); ++n) {
    const auto open = epmd::decode_port2_resp(bytes_of(whole.substr(0, n)), false);
    ASSERT_TRUE(open);
    EXPECT_FALSE(*open) << n;
    const auto closed = epmd::decode_port2_resp(bytes_of(whole.substr(0, n)), true);
    ASSERT_FALSE(closed) << n;
    EXPECT_EQ(closed.error().code, errc::bad_epmd_message);
  }
  const auto r = epmd::decode_port2_resp(bytes_of(whole), false);
  ASSERT_TRUE(r && *r);
  EXPECT_TRUE((**r).found);
  EXPECT_EQ((**r).port, 0x1234);
  EXPECT_TRUE((**r).hidden);
  EXPECT_EQ((**r).highest_version, 6);
  EXPECT_EQ((**r).lowest_version, 5);
  EXPECT_EQ((**r).name, "erl");
  EXPECT_EQ((**r).extra, "xy");
}

TEST(Epmd, KnowsAnUnknownNodeByTheResultAlone) {
  const auto r = epmd::decode_port2_resp(bytes_of("\x77\x01"sv), true);
  ASSERT_TRUE(r && *r);
  EXPECT_FALSE((**r).found);
}

TEST(Epmd, DecodesNames) {
  const auto r = epmd::decode_names_resp(bytes_of("\0\0\x11\x11name a at port 1\nname b at port x at port 65535\n"sv));
  ASSERT_TRUE(r);
  EXPECT_EQ(r->epmd_port, 4369u);
  ASSERT_EQ(r->nodes.size(), 2u);
  EXPECT_EQ(r->nodes[0], std::pair("a"s, std::uint16_t{1}));
  EXPECT_EQ(r->nodes[1], std::pair("b at port x"s, std::uint16_t{65535}));
}

TEST(Epmd, RefusesMalformedNames) {
  for (const auto bad : {"\0\0\x11"sv, "\0\0\x11\x11name a\n"sv, "\0\0\x11\x11name a at port 65536\n"sv,
                         "\0\0\x11\x11nme a at port 1\n"sv, "\0\0\x11\x11name  at port \n"sv, "\0\0\x11\x11\n"sv}) {
    const auto r = epmd::decode_names_resp(bytes_of(bad));
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error().code, errc::bad_epmd_message);
  }
}

}  // namespace
}  // namespace cnode::test
