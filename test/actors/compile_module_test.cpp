// Building a module on the node, from outside: a source goes in, a loadable file or the compiler's words come out.
#include <gtest/gtest.h>

#include <cnode/actors/compile_module.hpp>

#include "code_node.hpp"

namespace cnode::test {
namespace {

class CompileModule : public ::testing::Test {
 protected:
  CompileModule() { request.directory = n.dir; }
  actors::compile_result compile(const std::string& source) {
    request.source = n.dir + "/source.cpp";
    write(request.source, source);
    return actors::compile_module(request);
  }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator{n.dir}, fs::directory_iterator{}));
  }
  code_node n;
  actors::compile_request request;
};

const std::string good = R"(
#include <cnode/export.hpp>
int answer() { return 42; }
CNODE_MODULE("built_here", answer);
)";

TEST_F(CompileModule, WritesTheModuleUnderTheNameInItsStamp) {
  const auto r = compile(good);
  ASSERT_TRUE(r.ok) << r.error << "\n" << r.diagnostics;
  EXPECT_EQ(r.module, "built_here");
  EXPECT_EQ(r.file, n.dir + "/built_here.so");
  EXPECT_EQ(files(), 2u) << "only the source and the module are left";
  EXPECT_EQ(n.call("built_here", "answer"), "42");
}

TEST_F(CompileModule, GivesBackTheCompilersOwnWords) {
  write(n.dir + "/built_here.so", "the former one");
  const auto r = compile("#include <cnode/export.hpp>\nint answer() { return nonsense; }\nCNODE_MODULE(\"built_here\", answer);\n");
  EXPECT_FALSE(r.ok);
  EXPECT_NE(r.diagnostics.find("source.cpp:2:"), std::string::npos) << r.diagnostics;
  EXPECT_NE(r.diagnostics.find("nonsense"), std::string::npos) << r.diagnostics;
  EXPECT_EQ(contents(n.dir + "/built_here.so"), "the former one");
  EXPECT_EQ(files(), 2u);
}

TEST_F(CompileModule, RefusesWhatIsNoModule) {
  const auto r = compile("int not_a_module;\n");
  EXPECT_FALSE(r.ok);
  EXPECT_NE(r.error.find("no callback module"), std::string::npos) << r.error;
  EXPECT_EQ(files(), 1u);
}

TEST_F(CompileModule, NamesAMissingSourceAndAMissingDirectory) {
  request.source = n.dir + "/none.cpp";
  EXPECT_EQ(actors::compile_module(request).error, "no such source file: " + request.source);
  request.directory = n.dir + "/none";
  const auto r = compile(good);
  EXPECT_EQ(r.error, "cannot write to " + request.directory + ": No such file or directory");
}

TEST_F(CompileModule, KillsACompilerThatTakesTooLong) {
  write(n.dir + "/slow", "#!/bin/sh\necho started\nsleep 1000 &\nwait\n");
  fs::permissions(n.dir + "/slow", fs::perms::owner_all);
  request.compiler = n.dir + "/slow";
  request.time_limit = std::chrono::milliseconds{200};
  const auto r = compile(good);
  EXPECT_EQ(r.error, "the compiler took more than 200 ms and was killed");
  EXPECT_EQ(r.diagnostics, "started\n");
}

TEST_F(CompileModule, BoundsTheCompilersOutput) {
  write(n.dir + "/loud", "#!/bin/sh\ni=0\nwhile [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done\nexit 3\n");
  fs::permissions(n.dir + "/loud", fs::perms::owner_all);
  request.compiler = n.dir + "/loud";
  request.output_limit = 100;
  const auto r = compile(good);
  EXPECT_EQ(r.error, "the compiler found errors (exit status 3)");
  EXPECT_LT(r.diagnostics.size(), 200u);
  EXPECT_NE(r.diagnostics.find("cut off"), std::string::npos);
}

TEST_F(CompileModule, SaysThatTheCompilerIsMissing) {
  request.compiler = "/nowhere/g++";
  EXPECT_EQ(compile(good).error, "cannot run the compiler /nowhere/g++: No such file or directory");
}

}  // namespace
}  // namespace cnode::test
