// Archives and packages: what is in them, that they are the same each time, and what is refused.
#include <gtest/gtest.h>

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>

#include "release/archive.hpp"
#include "release/package.hpp"
#include "release/release_files.hpp"
#include "release_folder.hpp"

namespace cnode::test {
namespace {

using namespace cnode::release;

std::vector<std::string> files_below(const std::string& dir) {
  std::vector<std::string> out;
  for (const auto& e : std::filesystem::recursive_directory_iterator(dir))
    if (e.is_regular_file()) out.push_back(std::filesystem::relative(e.path(), dir).string());
  std::sort(out.begin(), out.end());
  return out;
}

TEST(Archive, GivesBackWhatWasPutInAndTheSameBytesEachTime) {
  const release_folder folder;
  const std::vector<archive_entry> entries{{"b/c/text", "", "hello", false}, {"a", folder.file("in", std::string(200'000, 'x')), "", true}};
  ASSERT_EQ(write_archive(folder.path + "/one.tar.gz", entries), "");
  std::filesystem::last_write_time(folder.path + "/in", std::filesystem::file_time_type::clock::now() - std::chrono::hours(5));
  ASSERT_EQ(write_archive(folder.path + "/two.tar.gz", {entries[1], entries[0]}), "");
  EXPECT_TRUE(folder.read("one.tar.gz") == folder.read("two.tar.gz")) << "other bytes";
  std::filesystem::create_directory(folder.path + "/out");
  int error = 0;
  ASSERT_EQ(unpack_archive(folder.path + "/one.tar.gz", folder.path + "/out", {}, error), "");
  EXPECT_EQ(files_below(folder.path + "/out"), (std::vector<std::string>{"a", "b/c/text"}));
  EXPECT_EQ(folder.read("out/b/c/text"), "hello");
  EXPECT_EQ(folder.read("out/a"), std::string(200'000, 'x'));
  EXPECT_NE(std::filesystem::status(folder.path + "/out/a").permissions() & std::filesystem::perms::owner_exec, std::filesystem::perms::none);
}

TEST(Archive, KeepsOldFilesWhenAsked) {
  const release_folder folder;
  ASSERT_EQ(write_archive(folder.path + "/a.tar.gz", {{"kept", "", "new", false}, {"fresh", "", "new", false}}), "");
  folder.file("out/kept", "old");
  unpack_options options;
  options.keep_old_files = true;
  int error = 0;
  ASSERT_EQ(unpack_archive(folder.path + "/a.tar.gz", folder.path + "/out", options, error), "");
  EXPECT_EQ(folder.read("out/kept") + folder.read("out/fresh"), "oldnew");
}

// An archive with one entry of that name and kind.
std::string foreign_archive(const release_folder& folder, const char* name, unsigned type, const char* link) {
  const std::string file = folder.path + "/foreign.tar.gz";
  archive* a = archive_write_new();
  archive_write_add_filter_gzip(a);
  archive_write_set_format_ustar(a);
  EXPECT_EQ(archive_write_open_filename(a, file.c_str()), ARCHIVE_OK);
  auto* e = archive_entry_new();
  archive_entry_set_pathname(e, name);
  archive_entry_set_filetype(e, type);
  archive_entry_set_perm(e, 0644);
  archive_entry_set_size(e, type == AE_IFREG && !link ? 1 : 0);
  if (type == AE_IFLNK) archive_entry_set_symlink(e, link);
  else if (link) archive_entry_set_hardlink(e, link);
  EXPECT_EQ(archive_write_header(a, e), ARCHIVE_OK);
  if (type == AE_IFREG && !link) archive_write_data(a, "x", 1);
  archive_entry_free(e);
  archive_write_free(a);
  return file;
}

TEST(Archive, RefusesNamesThatClimbOutAndLinks) {
  const release_folder folder;
  std::filesystem::create_directory(folder.path + "/out");
  const auto refusal = [&](const char* name, unsigned type, const char* link) {
    int error = 0;
    const auto file = foreign_archive(folder, name, type, link);
    const auto text = unpack_archive(file, folder.path + "/out", {}, error);
    EXPECT_TRUE(text.starts_with(file + ": refused: ")) << text;
    EXPECT_TRUE(files_below(folder.path + "/out").empty());
    return text;
  };
  refusal("../x", AE_IFREG, nullptr);
  refusal("/x", AE_IFREG, nullptr);
  refusal("a/../../x", AE_IFREG, nullptr);
  refusal("link", AE_IFLNK, "/etc");
  refusal("hard", AE_IFREG, "/etc/passwd");
  refusal("fifo", AE_IFIFO, nullptr);
  int error = 0;
  EXPECT_EQ(unpack_archive(foreign_archive(folder, "./fine", AE_IFREG, nullptr), folder.path + "/out", {}, error), "");
  EXPECT_EQ(files_below(folder.path + "/out"), std::vector<std::string>{"fine"});
}

TEST(Archive, SaysWhichFileIsCutShortOrMissing) {
  const release_folder folder;
  ASSERT_EQ(write_archive(folder.path + "/a.tar.gz", {{"a", "", std::string(5000, 'y'), false}}), "");
  const auto whole = folder.read("a.tar.gz");
  std::filesystem::create_directory(folder.path + "/out");
  int error = 0;
  for (std::size_t n = 1; n < whole.size(); n += 7) {
    const auto text = unpack_archive(folder.file("cut.tar.gz", whole.substr(0, n)), folder.path + "/out", {}, error);
    EXPECT_TRUE(text.starts_with(folder.path + "/cut.tar.gz: ")) << n << ": " << text;
  }
  EXPECT_NE(unpack_archive(folder.path + "/none", folder.path + "/out", {}, error).find("none: "), std::string::npos);
  EXPECT_EQ(error, ENOENT);
  EXPECT_EQ(write_archive(folder.path + "/b.tar.gz", {{"a", folder.path + "/none", "", false}}), folder.path + "/none: No such file or directory");
  EXPECT_FALSE(std::filesystem::exists(folder.path + "/b.tar.gz.new"));
}

TEST(Path, StarsBecomeTheFoldersThatMatch) {
  const release_folder folder;
  folder.file("lib/b-1/ebin/x", ""), folder.file("lib/a-1/ebin/x", ""), folder.file("lib/a-1/src/x", ""), folder.file("lib/file", "");
  const auto& p = folder.path;
  EXPECT_EQ(expand_path({p + "/none", p + "/lib/*/ebin", p + "/lib/a-1/ebin", p + "/no*/ebin"}),
            (std::vector<std::string>{p + "/none", p + "/lib/a-1/ebin", p + "/lib/b-1/ebin"}));
}

// hotcode 0.1.0 and 0.2.0, as an author has them.
struct hotcode {
  hotcode() {
    for (const char* v : {"0.1.0", "0.2.0"}) {
      const std::string vsn(v), ebin = "hotcode-" + vsn + "/ebin/";
      folder.file("hotcode-" + vsn + ".rel", "{release,{\"hotcode\",\"" + vsn + "\"},{erts,\"0.1\"},[{kernel,\"9\"},{stdlib,\"5\"},{sasl,\"4.2\"},{hotcode,\"" + vsn + "\"}]}.\n");
      folder.file(ebin + "hotcode.app", "{application,hotcode,[{description,\"demo\"},{vsn,\"" + vsn +
                                            "\"},{modules,[demo_server]},{registered,[demo_server]},{applications,[kernel,stdlib]}]}.\n");
      folder.file(ebin + "demo_server.so", "module " + vsn);
    }
    folder.file("hotcode-0.2.0/ebin/hotcode.appup", "{\"0.2.0\",[{<<\"0\\\\.1\\\\..*\">>,[{update,demo_server,{advanced,[]}}]}],[{\"0.1.0\",[{update,demo_server,{advanced,[]}}]}]}.\n");
    folder.file("sys.config", "[{hotcode,[{money,1}]}].\n");
    folder.file("cnode", "the program");
  }
  package_request request(const std::string& vsn) const {
    package_request r;
    r.rel = folder.path + "/hotcode-" + vsn + ".rel";
    r.path = {folder.path + "/hotcode-" + vsn + "/ebin"};
    r.output = folder.path + "/out";
    r.programs = {folder.path + "/cnode"};
    return r;
  }
  release_folder folder;
};

TEST(Package, HoldsWhatAReleaseRunsWith) {
  const hotcode h;
  const auto made = make_package(h.request("0.1.0"));
  ASSERT_EQ(made.error, "");
  EXPECT_EQ(made.archive, h.folder.path + "/out/hotcode-0.1.0.tar.gz");
  std::filesystem::create_directory(h.folder.path + "/root");
  int error = 0;
  ASSERT_EQ(unpack_archive(made.archive, h.folder.path + "/root", {}, error), "");
  EXPECT_EQ(files_below(h.folder.path + "/root"),
            (std::vector<std::string>{"bin/hotcode", "erts-0.1/bin/cnode", "lib/hotcode-0.1.0/ebin/demo_server.so", "lib/hotcode-0.1.0/ebin/hotcode.app",
                                      "lib/kernel-9/ebin/kernel.app", "lib/kernel-9/ebin/kernel.appup", "lib/sasl-4.2/ebin/sasl.app", "lib/sasl-4.2/ebin/sasl.appup",
                                      "lib/stdlib-5/ebin/stdlib.app", "lib/stdlib-5/ebin/stdlib.appup", "releases/0.1.0/hotcode-0.1.0.rel", "releases/0.1.0/sys.config",
                                      "releases/0.1.0/vm.args", "releases/RELEASES", "releases/hotcode-0.1.0.rel", "releases/start_erl.data"}));
  auto b = block::make(256);
  auto opened = open_release(*b, h.folder.path + "/root", "");
  ASSERT_TRUE(opened) << opened.error().text;
  EXPECT_EQ(opened->vsn, "0.1.0");
  ASSERT_EQ(opened->code_path.size(), 4u);
  EXPECT_EQ(opened->code_path.back(), h.folder.path + "/root/lib/hotcode-0.1.0/ebin");
  auto installed = read_releases(*b, h.folder.path + "/root/releases/RELEASES");
  ASSERT_TRUE(installed) << installed.error().text;
  EXPECT_EQ(text_of(installed->at(0).status), "permanent");
}

TEST(Package, TakesTheOldReleaseAsArchiveFolderOrRel) {
  const hotcode h;
  ASSERT_EQ(make_package(h.request("0.1.0")).error, "");
  const std::string archive = h.folder.path + "/out/hotcode-0.1.0.tar.gz", root = h.folder.path + "/root";
  std::filesystem::create_directory(root);
  int error = 0;
  ASSERT_EQ(unpack_archive(archive, root, {}, error), "");
  std::string first;
  for (const auto& old : {archive, root, h.folder.path + "/hotcode-0.1.0.rel"}) {
    auto request = h.request("0.2.0");
    request.upgrade_from = {old};
    if (old.ends_with(".rel")) request.path.push_back(h.folder.path + "/hotcode-0.1.0/ebin");
    const auto made = make_package(request);
    ASSERT_EQ(made.error, "") << old;
    EXPECT_TRUE(made.warnings.empty());
    const std::string to = h.folder.path + "/new" + std::to_string(old.size());
    std::filesystem::create_directory(to);
    ASSERT_EQ(unpack_archive(made.archive, to, {}, error), "");
    auto b = block::make(256);
    auto relup = read_relup(*b, to + "/releases/0.2.0/relup");
    ASSERT_TRUE(relup) << relup.error().text;
    const auto text = to_text(list_of(*b, relup->up.at(0).script)) + to_text(list_of(*b, relup->down.at(0).script));
    EXPECT_EQ(text,
              "[{load_object_code,{hotcode,\"0.2.0\",[demo_server]}},point_of_no_return,{suspend,[demo_server]},{load,{demo_server,brutal_purge,brutal_purge}},"
              "{code_change,up,[{demo_server,[]}]},{resume,[demo_server]}]"
              "[{load_object_code,{hotcode,\"0.1.0\",[demo_server]}},point_of_no_return,{suspend,[demo_server]},{code_change,down,[{demo_server,[]}]},"
              "{load,{demo_server,brutal_purge,brutal_purge}},{resume,[demo_server]}]");
    if (first.empty()) first = h.folder.read("out/hotcode-0.2.0.tar.gz");
    EXPECT_TRUE(first == h.folder.read("out/hotcode-0.2.0.tar.gz")) << old << ": other bytes";
  }
}

TEST(Package, SaysWhatIsMissingAndWhere) {
  const hotcode h;
  const auto error_of = [&](auto&& spoil) {
    auto r = h.request("0.1.0");
    spoil(r);
    return make_package(r).error;
  };
  const auto& dir = h.folder.path;
  EXPECT_EQ(error_of([&](auto& r) { r.rel = dir + "/none.rel"; }), dir + "/none.rel: there is no such file, here or in the path");
  EXPECT_EQ(error_of([&](auto& r) { r.path = {dir}; }), "hotcode.app (version 0.1.0): in none of the folders of the path (--path)");
  EXPECT_EQ(error_of([&](auto& r) { r.path = {dir + "/hotcode-0.2.0/ebin"}; }), dir + "/hotcode-0.2.0/ebin/hotcode.app: is version 0.2.0, the release wants 0.1.0");
  EXPECT_EQ(error_of([&](auto& r) { r.upgrade_from = {dir + "/none.tar.gz"}; }), "--upgrade-from " + dir + "/none.tar.gz: there is no such archive, folder or .rel");
  EXPECT_EQ(error_of([&](auto& r) { r.upgrade_from = {r.rel}; }), "--upgrade-from: " + dir + "/hotcode-0.1.0.rel has the same version, 0.1.0: an upgrade needs a new one");
  EXPECT_EQ(error_of([&](auto& r) { r.sys_config = h.folder.file("bad.config", "[{a,b}].\n"); }), dir + "/bad.config: a: b is not a list of {Key, Value}");
  std::filesystem::remove(dir + "/hotcode-0.1.0/ebin/demo_server.so");
  EXPECT_EQ(error_of([](auto&) {}), dir + "/hotcode-0.1.0/ebin/hotcode.app: modules: there is no demo_server.so beside it");
  h.folder.file("hotcode-0.1.0.rel", "{release,{\"../x\",\"0.1.0\"},{erts,\"0.1\"},[{kernel,\"9\"},{stdlib,\"5\"}]}.\n");
  EXPECT_EQ(error_of([](auto&) {}), dir + "/hotcode-0.1.0.rel: the name '../x' becomes part of file names: letters, digits and _ . - + ~ only");
}

}  // namespace
}  // namespace cnode::test
