// Readers of release files: what is right, and that every beginning of a file and every wrong shape gets a sentence that names file and key.
#include <gtest/gtest.h>

#include <cnode/protocol/term_order.hpp>

#include "release/instructions.hpp"
#include "release/release_files.hpp"
#include "release/term_file.hpp"
#include "release_folder.hpp"

namespace cnode::test {
namespace {

using namespace cnode::release;

// Each proper beginning of `text` is refused, with the file's name in the sentence; all of it is taken. What is left without the last
// character counts as whole when that is a line end.
template <class Read>
void every_prefix_is_refused(const std::string& text, Read read) {
  const release_folder folder;
  for (std::size_t n = 0; n + 1 < text.size(); ++n) {
    const auto file = folder.file("cut", text.substr(0, n));
    auto b = block::make(256);
    const auto got = read(*b, file);
    ASSERT_FALSE(got) << "taken: " << text.substr(0, n);
    EXPECT_NE(got.error().text.find("cut"), std::string::npos) << got.error().text;
    EXPECT_TRUE(is_tagged(got.error().reason, "error", 2) || is_tagged(got.error().reason, "error", 3)) << to_text(got.error().reason);
  }
  auto b = block::make(256);
  const auto got = read(*b, folder.file("whole", text));
  EXPECT_TRUE(got) << got.error().text;
}

const std::string rel = "{release,{\"hotcode\",\"0.1.0\"},{erts,\"13.1\"},\n [{kernel,\"8.5\"},{stdlib,\"4.2\"},{sasl,\"4.2\"},{hotcode,\"0.1.0\",transient,[]}]}.\n";
const std::string app = "%% coding: utf-8\n{application,hotcode,[{description,\"demo\"},{vsn,\"0.1.0\"},{modules,[demo_server]},{registered,[]},{applications,[kernel,stdlib]}]}.\n";
const std::string relup = "{\"0.2.0\",[{\"0.1.0\",[],[{load_object_code,{hotcode,\"0.2.0\",[m]}},point_of_no_return]}],[]}.\n";
const std::string releases = "[{release,\"hotcode\",\"0.1.0\",\"13.1\",[{kernel,\"8.5\",\"lib/kernel-8.5\"}],permanent}].\n";

auto rel_of(block& b, const std::string& file) {
  return attempt([&] {
    // Under its own name, whatever that ends in.
    std::filesystem::rename(file, file + ".rel");
    return read_release(b, file, {});
  });
}
auto app_of(block& b, const std::string& file) {
  return attempt([&] {
    auto read = read_term(b, file);
    if (auto* problem = std::get_if<1>(&read)) throw refused(b, "systools_make", problem->reason, problem->text);
    return parse_application(b, std::get<0>(read), file);
  });
}

TEST(ReleaseFiles, RefuseEachBeginningOfARel) { every_prefix_is_refused(rel, rel_of); }
TEST(ReleaseFiles, RefuseEachBeginningOfAnApp) { every_prefix_is_refused(app, app_of); }
TEST(ReleaseFiles, RefuseEachBeginningOfARelup) {
  every_prefix_is_refused(relup, [](block& b, const std::string& f) { return read_relup(b, f); });
}
TEST(ReleaseFiles, RefuseEachBeginningOfReleases) {
  every_prefix_is_refused(releases, [](block& b, const std::string& f) { return read_releases(b, f); });
}
TEST(ReleaseFiles, RefuseEachBeginningOfASysConfig) {
  every_prefix_is_refused("[{kernel,[{logger_level,info}]},\n {hotcode,[{money,300000}]},\n \"more\"].\n", [](block& b, const std::string& f) { return read_sys_config(b, f); });
}

// The mistake, as the sentence ends; and that the sentence begins with the file.
template <class Read>
std::string mistake(const std::string& text, Read read) {
  const release_folder folder;
  auto b = block::make(256);
  const auto file = folder.file("f", text);
  const auto got = read(*b, file);
  if (got) return "taken";
  EXPECT_TRUE(got.error().text.starts_with(file)) << got.error().text;
  return got.error().text.substr(std::min(file.size(), got.error().text.size()));
}
std::string with(std::string text, const std::string& what, const std::string& instead) {
  const auto at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), instead);
}

TEST(ReleaseFiles, NameTheLineOfASyntaxError) {
  EXPECT_EQ(mistake("{application,a,\n [{vsn,\"1\"}\n  {modules,[]}]}.\n", app_of).substr(0, 4), ":3: ");
}

TEST(ReleaseFiles, NameTheKeyOfAnAppThatIsWrongOrMissing) {
  EXPECT_EQ(mistake(with(app, "{vsn,\"0.1.0\"},", ""), app_of), ": the key vsn is missing");
  EXPECT_EQ(mistake(with(app, "[demo_server]", "[\"demo_server\"]"), app_of), ": the key modules has the wrong shape: {modules,[\"demo_server\"]}");
  EXPECT_EQ(mistake(with(app, "{registered,[]}", "{registered,[],1}"), app_of), ": the key registered has the wrong shape: {registered,[],1}");
  EXPECT_EQ(mistake(with(app, "{registered,[]}", "{registered,[]},{mod,{1,2}}"), app_of), ": the key mod has the wrong shape: {mod,{1,2}}");
  EXPECT_EQ(mistake("{application,a}.\n", app_of), ": must be {application, Name, [{Key, Value}]}. and is {application,a}");
}

TEST(ReleaseFiles, NameWhatIsWrongInARel) {
  const auto m = [](const std::string& what, const std::string& instead) {
    return mistake(with(rel, what, instead), [](block& b, const std::string& f) {
      return attempt([&] {
        auto copy = f + ".rel";
        std::filesystem::copy_file(f, copy);
        return read_release(b, f, {});
      });
    });
  };
  EXPECT_EQ(m("\"0.1.0\"}", "'0.1.0'}"), ".rel: the version 0.1.0 is no string");
  EXPECT_EQ(m("{kernel,\"8.5\"},", ""), ".rel: names no kernel, which every release has");
  EXPECT_EQ(m("{stdlib,\"4.2\"}", "{stdlib,\"4.2\",load}"), ".rel: stdlib must be permanent and is load");
  EXPECT_NE(m("transient", "often").find("{hotcode,\"0.1.0\",often,[]} is not {Application, Vsn}"), std::string::npos);
}

TEST(ReleaseFiles, NameWhatIsWrongInARelup) {
  const auto m = [](const std::string& what, const std::string& instead) {
    return mistake(with(relup, what, instead), [](block& b, const std::string& f) { return read_relup(b, f); });
  };
  EXPECT_EQ(m("point_of_no_return", "{load,{m,brutal,soft_purge}}"), ": the list of versions to upgrade from, the script for 0.1.0: bad_purge_method: brutal should be soft_purge or brutal_purge");
  EXPECT_EQ(m(",[]}.", ",none}."), ": the list of versions to downgrade to is none: none");
}

TEST(Instructions, AreReadAsAReleaseHandlerCarriesThemOut) {
  using namespace instruction;
  auto b = block::make(256);
  const auto script = parsed(
      "[{load_object_code,{hotcode,\"0.2.0\",[m,n]}},point_of_no_return,{suspend,[m,{n,50}]},{load,{m,soft_purge,brutal_purge}},{code_change,down,[{m,x}]},"
      "{code_change,[{n,y}]},{sync_nodes,i,[a@b]},{apply,{f,g,[1]}},restart_emulator]");
  auto read = parse(*b, elements(script->root));
  ASSERT_TRUE(read) << read.error().text;
  ASSERT_EQ(read->size(), 9u);
  EXPECT_EQ(std::get<load_object_code>(read->at(0)).modules.size(), 2u);
  EXPECT_TRUE(std::holds_alternative<point_of_no_return>(read->at(1)));
  const auto& suspended = std::get<suspend>(read->at(2)).modules;
  EXPECT_EQ(to_text(suspended.at(0).second), "default");
  EXPECT_EQ(to_text(suspended.at(1).second), "50");
  EXPECT_TRUE(std::get<load>(read->at(3)).soft_pre_purge);
  EXPECT_FALSE(std::get<load>(read->at(3)).soft_post_purge);
  EXPECT_TRUE(std::get<code_change>(read->at(4)).down);
  EXPECT_FALSE(std::get<code_change>(read->at(5)).down);
  EXPECT_EQ(to_text(std::get<instruction::apply>(read->at(7)).arguments), "[1]");
  const auto high = parsed("[{update,m,soft,brutal_purge,brutal_purge,[]}]");
  const auto refused = parse(*b, elements(high->root));
  ASSERT_FALSE(refused);
  EXPECT_EQ(to_text(refused.error().reason), "{error,systools_rc,{bad_instruction,{update,m,soft,brutal_purge,brutal_purge,[]}}}");
}

TEST(ReleaseFiles, NameWhatIsWrongInReleases) {
  const auto m = [](const std::string& what, const std::string& instead) {
    return mistake(with(releases, what, instead), [](block& b, const std::string& f) { return read_releases(b, f); });
  };
  EXPECT_EQ(m("permanent", "fine"), ": status: fine is not permanent, current, tmp_current, unpacked or old");
  EXPECT_EQ(m("\"13.1\"", "13.1"), ": erts_vsn: 13.1 is no string");
  EXPECT_EQ(m("{kernel,\"8.5\",", "{kernel,"), ": libs: {kernel,\"lib/kernel-8.5\"} is not {Application, Vsn, Directory}");
}

TEST(ReleaseFiles, ReleasesAreReadAsTheyWereWritten) {
  const release_folder folder;
  auto b = block::make(256);
  auto read = read_releases(*b, folder.file("RELEASES", releases));
  ASSERT_TRUE(read);
  ASSERT_TRUE(write_whole(folder.path + "/RELEASES", releases_text(*b, *read)));
  auto again = read_releases(*b, folder.path + "/RELEASES");
  ASSERT_TRUE(again) << again.error().text;
  EXPECT_TRUE(exactly_equal(releases_term(*b, *read), releases_term(*b, *again)));
  EXPECT_FALSE(std::filesystem::exists(folder.path + "/RELEASES.new"));
}

TEST(ReleaseFiles, AFileThatIsNotThereHasThePosixName) {
  auto b = block::make(64);
  auto read = read_relup(*b, "/nowhere/relup");
  ASSERT_FALSE(read);
  EXPECT_EQ(to_text(read.error().reason), "{error,{open,\"/nowhere/relup\",enoent}}");
  EXPECT_EQ(read.error().text, "/nowhere/relup: No such file or directory");
}

TEST(ReleaseFiles, Latin1IsReadWhenTheFileSaysSo) {
  const release_folder folder;
  auto b = block::make(64);
  auto read = read_term(*b, folder.file("f", "%% -*- coding: latin-1 -*-\n\"\xe9\".\n"));
  ASSERT_EQ(read.index(), 0u);
  EXPECT_EQ(std::get<0>(read).head().small(), 0xe9);
}

TEST(ReleaseFiles, StartErlDataIsTwoWords) {
  const release_folder folder;
  auto b = block::make(64);
  auto read = read_start_data(*b, folder.file("start_erl.data", "13.1 0.2.0\n"));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->erts_vsn, "13.1");
  EXPECT_EQ(read->vsn, "0.2.0");
  for (const char* text : {"", "13.1", "13.1 0.2.0 x", "\n13.1 0.2.0"}) EXPECT_FALSE(read_start_data(*b, folder.file("bad", text))) << text;
}

TEST(VmArgs, AreFlagsWithValuesOverLinesCommentsAndQuotes) {
  const release_folder folder;
  auto b = block::make(64);
  auto read = read_vm_args(*b, folder.file("vm.args", "# a comment\n-sname hot -hidden\n-setcookie \"a b\"\n\n+S 4 # four\n-env X -1\n"));
  ASSERT_TRUE(read) << read.error().text;
  std::string all;
  for (const auto& f : *read) {
    all += std::to_string(f.line) + f.name;
    for (const auto& v : f.values) all += "<" + v + ">";
  }
  EXPECT_EQ(all, "2-sname<hot>2-hidden3-setcookie<a b>5+S<4>6-env<X><-1>");
  const auto bad = folder.file("bad", "-sname x\n-setcookie 'a\n");
  EXPECT_EQ(read_vm_args(*b, bad).error().text, bad + ":2: a quote does not end");
  const auto early = folder.file("early", "cpp -sname x\n");
  EXPECT_EQ(read_vm_args(*b, early).error().text, early + ":1: 'cpp' stands before any flag");
}

}  // namespace
}  // namespace cnode::test
