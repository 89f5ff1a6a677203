// bin/NAME with a program in its place that writes down how it was called and answers from a file.
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <sys/wait.h>

#include <cstdio>

#include "release/bin_script.hpp"
#include "release_folder.hpp"

namespace cnode::test {
namespace {

struct installed {
  installed() {
    folder.file("releases/start_erl.data", "1.0 0.1.0\n");
    program("bin/hot", release::bin_script("hot"));
    // call - Module Function [Args] --vm-args F --timeout N
    program("erts-1.0/bin/cnode",
            "#!/bin/sh\nroot=${0%/erts-1.0/bin/cnode}\n"
            "case $1 in call) shift 2; echo \"$1:$2 ${3#--vm-args}\" >>\"$root/calls\"; cat \"$root/answers/$2\" ;; *) echo \"$*\" >>\"$root/calls\" ;; esac\n");
    answer("which_releases", "[{\"hot\",\"0.1.0\",[\"kernel-1\",\"stdlib-1\"],permanent}]");
    answer("unpack_release", "{ok,\"0.2.0\"}");
    answer("install_release", "{ok,\"0.1.0\",[]}");
    answer("make_permanent", "ok");
  }
  void program(const std::string& name, const std::string& text) const { ::chmod(folder.file(name, text).c_str(), 0755); }
  void answer(const std::string& function, const std::string& text) const { folder.file("answers/" + function, text + "\n"); }

  // The exit status; what it printed is in `output`, what it called in `calls`.
  int run(const std::string& arguments) {
    folder.file("calls", "");
    output.clear();
    FILE* p = popen(("sh '" + folder.path + "/bin/hot' " + arguments + " 2>&1").c_str(), "r");
    char buffer[4096];
    while (const auto n = std::fread(buffer, 1, sizeof buffer, p)) output.append(buffer, n);
    const int status = pclose(p);
    calls = folder.read("calls");
    return WEXITSTATUS(status);
  }

  release_folder folder;
  std::string output, calls;
};

TEST(BinScript, UpgradeUnpacksInstallsAndMakesPermanent) {
  installed i;
  i.folder.file("releases/hot-0.2.0.tar.gz", "");
  EXPECT_EQ(i.run("upgrade 0.2.0"), 0) << i.output;
  EXPECT_EQ(i.calls, "release_handler:which_releases \nrelease_handler:unpack_release [\"hot-0.2.0\"]\nrelease_handler:install_release [\"0.2.0\"]\n"
                     "release_handler:make_permanent [\"0.2.0\"]\n");
  EXPECT_EQ(i.output, "{ok,\"0.2.0\"}\n{ok,\"0.1.0\",[]}\nok\n");
}

TEST(BinScript, UpgradeTakesTheArchiveWhereDistilleryPutsIt) {
  installed i;
  i.folder.file("releases/0.2.0/hot.tar.gz", "bytes");
  EXPECT_EQ(i.run("unpack 0.2.0"), 0) << i.output;
  EXPECT_EQ(i.folder.read("releases/hot-0.2.0.tar.gz"), "bytes");
}

TEST(BinScript, UpgradeDoesNotUnpackWhatIsUnpacked) {
  installed i;
  i.answer("which_releases", "[{\"hot\",\"0.2.0\",[\"kernel-1\"],unpacked},{\"hot\",\"0.1.0\",[\"kernel-1\"],permanent}]");
  EXPECT_EQ(i.run("upgrade 0.2.0"), 0) << i.output;
  EXPECT_EQ(i.calls.find("unpack_release"), std::string::npos);
  EXPECT_EQ(i.run("upgrade 0.2"), 1);  // another version, not a part of that one
}

TEST(BinScript, AFailureStopsTheUpgradeThere) {
  installed i;
  i.folder.file("releases/hot-0.2.0.tar.gz", "");
  i.answer("install_release", "{error,{bad_relup_file,\"relup\"}}");
  EXPECT_EQ(i.run("upgrade 0.2.0"), 1);
  EXPECT_EQ(i.output, "{ok,\"0.2.0\"}\n{error,{bad_relup_file,\"relup\"}}\n");
  EXPECT_EQ(i.calls.find("make_permanent"), std::string::npos);
  i.answer("unpack_release", "{error,{no_such_file,\"x\"}}");
  EXPECT_EQ(i.run("upgrade 0.2.0"), 1);
  EXPECT_EQ(i.calls.find("install_release"), std::string::npos);
}

TEST(BinScript, DowngradeInstallsAndMakesPermanent) {
  installed i;
  EXPECT_EQ(i.run("downgrade 0.0.9"), 0) << i.output;
  EXPECT_EQ(i.calls, "release_handler:install_release [\"0.0.9\"]\nrelease_handler:make_permanent [\"0.0.9\"]\n");
}

TEST(BinScript, UpgradeWaitsForANodeThatStartsAgain) {
  installed i;
  i.folder.file("releases/hot-0.2.0.tar.gz", "");
  i.answer("install_release", "{continue_after_restart,\"0.1.0\",[]}");
  // Not current yet; then gone; then there.
  i.program("erts-1.0/bin/cnode",
            "#!/bin/sh\nroot=${0%/erts-1.0/bin/cnode}\nshift 2\necho \"$2\" >>\"$root/calls\"\n"
            "case $2:$(grep -c make_permanent \"$root/calls\") in make_permanent:1) echo '{error,{bad_status,unpacked}}' ;; make_permanent:2) exit 1 ;;"
            " *) cat \"$root/answers/$2\" ;; esac\n");
  EXPECT_EQ(i.run("upgrade 0.2.0"), 0) << i.output;
  EXPECT_EQ(i.output, "{ok,\"0.2.0\"}\n{continue_after_restart,\"0.1.0\",[]}\nok\n");
}

TEST(BinScript, RpcPassesItsArgumentsAsTheyAre) {
  installed i;
  i.answer("f", "42");
  EXPECT_EQ(i.run("rpc m f '[\"a b\", $x, <<\"*\">>]'"), 0);
  EXPECT_EQ(i.calls, "m:f [\"a b\", $x, <<\"*\">>]\n");
  EXPECT_EQ(i.output, "42\n");
  EXPECT_EQ(i.run("rpc m"), 1);
}

TEST(BinScript, StartRunsTheProgramThatStartErlDataNames) {
  installed i;
  EXPECT_EQ(i.run("start --schedulers 2"), 0);
  EXPECT_EQ(i.calls, "start --release-root " + i.folder.path + " --schedulers 2\n");
  i.folder.file("releases/start_erl.data", "2.0 0.2.0\n");
  EXPECT_EQ(i.run("start"), 1);
  EXPECT_EQ(i.output, "hot: there is no " + i.folder.path + "/erts-2.0/bin/cnode\n");
  i.folder.file("releases/start_erl.data", "1.0 0.3.0");  // without an end of line
  EXPECT_EQ(i.run("version"), 0);
  EXPECT_EQ(i.output, "0.3.0\n");
}

}  // namespace
}  // namespace cnode::test
