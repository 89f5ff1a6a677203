#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "support/terms.hpp"

using namespace cnode;
using namespace cnode::test;

namespace {

block_ptr golden(const char* name) {
  std::ifstream in(std::string(CNODE_GOLDEN) + "/" + name);
  std::ostringstream s;
  s << in.rdbuf();
  auto b = parse_terms(s.str());
  if (!b) {
    ADD_FAILURE() << name << ": " << to_string(b.error());
    return immediate_block(nil);
  }
  return std::move(*b);
}

std::string text_of(term chars) {
  std::string s;
  EXPECT_TRUE(chardata_to_string(chars, s));
  return s;
}

std::string why(std::string_view text) {
  auto b = parse_term(text);
  return b ? "no error" : b.error().detail;
}

}  // namespace

TEST(TermText, IsWhatErlPrints) {
  const auto lines = golden("terms.golden");
  int n = 0;
  for (term l = lines->root; l.is_cons(); l = l.tail()) {
    const term line = l.head();
    if (!line[0].same(atom("text"))) continue;
    ++n;
    EXPECT_EQ(to_text(line[1]), text_of(line[2]));
    print_options plain;
    plain.pretty_strings = false;
    EXPECT_EQ(to_text(line[1], plain), text_of(line[3]));
  }
  EXPECT_GT(n, 50);
}

TEST(IoLibFormat, IsWhatErlFormatsOrRefuses) {
  const auto lines = golden("terms.golden");
  int n = 0;
  for (term l = lines->root; l.is_cons(); l = l.tail()) {
    const term line = l.head();
    if (!line[0].same(atom("format"))) continue;
    ++n;
    const auto got = io_lib_format(text_of(line[1]), line[2]);
    const auto shown = to_text(line);
    if (line[3].is_tuple()) {
      EXPECT_TRUE(got) << shown;
      if (got) {
        EXPECT_EQ(*got, text_of(line[3][1])) << shown;
      }
    } else {
      EXPECT_FALSE(got) << shown << " gave " << *got;
    }
  }
  EXPECT_GT(n, 300);
}

TEST(Inspect, IsWhatElixirPrints) {
  const auto lines = golden("inspect.golden");
  int n = 0;
  for (term l = lines->root; l.is_cons(); l = l.tail(), ++n) EXPECT_EQ(inspect(l.head()[1]), text_of(l.head()[2])) << to_text(l.head()[1]);
  EXPECT_GT(n, 50);
}

TEST(Inspect, NamesPidsAndStructs) {
  EXPECT_EQ(inspect(term{cnode_make_local_pid(12, 3)}), "#PID<0.12.3>");
  EXPECT_EQ(inspect(parsed("#{'__struct__' => 'Elixir.Foo', a => 1, 'Z' => \"x\"}")->root), "%Foo{Z: 'x', a: 1}");
}

TEST(TermText, EndsInDotsAtItsBound) {
  print_options o;
  o.max_bytes = 10;
  EXPECT_EQ(to_text(parsed("[100,200,300,400,500]")->root, o), "[100,200,3...");
}

TEST(TermText, WritesAMillionNestedTuplesWithoutAStack) {
  auto b = block::make(0);
  term t = nil;
  for (int i = 0; i < 1000000; ++i) t = make_tuple_of(*b, t);
  EXPECT_EQ(to_text(t, {.pretty_strings = true, .max_bytes = 1u << 30}).size(), 2000002u);
  EXPECT_EQ(inspect(t).size(), 51u + 3 + 51);
}

TEST(ParseTerm, ReadsWhatToTextWrote) {
  auto b = block::make(0);
  random_terms random(*b, 7, random_terms::no_identifiers);
  for (int i = 0; i < 3000; ++i) {
    const auto t = random.any();
    const auto text = to_text(t);
    auto back = parse_term(text);
    ASSERT_TRUE(back) << text << "\n" << to_string(back.error());
    EXPECT_EQ(to_text((*back)->root), text);
  }
}

TEST(ParseTerm, TakesErlangSyntax) {
  const std::pair<const char*, const char*> cases[] = {
      {"16#ff", "255"}, {"$a", "97"}, {"$\\n", "10"}, {"1_000", "1000"}, {"- 5", "-5"}, {"\"ab\" \"cd\"", "\"abcd\""},
      {"<<1,2,\"ab\">>", "<<1,2,97,98>>"}, {"<<\"\xc3\xa9\"/utf8>>", "<<\"\xc3\xa9\"/utf8>>"}, {"<<\"\xc3\xa9\">>", "<<\"\xc3\xa9\">>"}, {"<<5:3>>", "<<5:3>>"}, {"<<-1:16>>", "<<\"\xc3\xbf\xc3\xbf\">>"},
      {"<<256:16>>", "<<1,0>>"}, {"[a,b|c]", "[a,b|c]"}, {"{}", "{}"}, {"#{a=>1,b=>#{}}", "#{a => 1,b => #{}}"}, {"fun lists:map/2.", "fun lists:map/2"},
      {"<0.12.3>", "<0.12.3>"}, {"'a b' % why\n .", "'a b'"}, {"1500.0", "1.5e3"}, {"36#zz", "1295"}, {"'\\x{3b1}'", "'\xce\xb1'"}, {"[[],[[]]]", "[[],[[]]]"},
      {"#{a=>1,a=>2}", "#{a => 2}"}, {"340282366920938463463374607431768211456", "340282366920938463463374607431768211456"}};
  for (const auto& [in, out] : cases) {
    auto b = parse_term(in);
    ASSERT_TRUE(b) << in << ": " << to_string(b.error());
    EXPECT_EQ(to_text((*b)->root), out) << in;
  }
}

TEST(ParseTerm, SaysWhereAndWhatWasExpected) {
  EXPECT_EQ(why("[1,\n  2"), "line 2, column 4: expected ',', '|' or ']', found the end of the text");
  EXPECT_EQ(why("{a,}"), "line 1, column 4: expected a term, found '}'");
  EXPECT_EQ(why("X"), "line 1, column 1: a variable is no term");
  EXPECT_EQ(why("'abc"), "line 1, column 1: an atom without closing quote");
  EXPECT_EQ(why("#{a 1}"), "line 1, column 5: expected '=>', found '1'");
  EXPECT_EQ(why("a b"), "line 1, column 3: expected the end of the text, found 'b'");
  EXPECT_EQ(why("end"), "line 1, column 1: a reserved word must be quoted to be an atom");
  EXPECT_EQ(why(""), "line 1, column 1: expected a term, found the end of the text");
  EXPECT_EQ(why("37#1"), "line 1, column 1: a base is 2 to 36");
  EXPECT_EQ(why("<<1:9999999>>"), "line 1, column 5: expected a size of at most 1048576 bits, found '9999999'");
}

TEST(ParseTerm, NestsAMillionDeep) {
  auto b = parse_term(std::string(1000000, '[') + std::string(1000000, ']'));
  ASSERT_TRUE(b);
}
