// Building a module on the node, from outside: a source goes in, a loadable file or the compiler's words come out.
#include <gtest/gtest.h>

#include <atomic>
#include <tuple>
#include <vector>

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

TEST_F(CompileModule, GivesTheModuleBackWithoutWritingIt) {
  request.write = false;
  const auto r = compile(good);
  ASSERT_TRUE(r.ok) << r.error << "\n" << r.diagnostics;
  EXPECT_TRUE(r.file.empty());
  EXPECT_EQ(files(), 1u) << "the source";
  EXPECT_TRUE(n.load(r.bytes, "built_here").ok);
  EXPECT_EQ(n.call("built_here", "answer"), "42");
}

TEST_F(CompileModule, CompilesTextUnderTheNameItIsGiven) {
  request.write = false;
  request.text = "int answer() { return nonsense; }\n";
  for (const std::string name : {"nofile", "lib/a \"b\".cpp", "-o.cpp"}) {
    request.source = name;
    const auto r = actors::compile_module(request);
    EXPECT_TRUE(r.compiler_failed);
    EXPECT_NE(r.diagnostics.find(name + ":1:23: error"), std::string::npos) << r.diagnostics;
  }
  EXPECT_EQ(files(), 0u);
}

TEST_F(CompileModule, IsStoppedByWhoeverWaitsForIt) {
  write(n.dir + "/slow", "#!/bin/sh\nexec sleep 1000\n");
  fs::permissions(n.dir + "/slow", fs::perms::owner_all);
  request.compiler = n.dir + "/slow";
  std::atomic<bool> cancelled{true};
  request.cancelled = &cancelled;
  EXPECT_EQ(compile(good).error, "the compiler was killed: nobody waits for it any more");
}

TEST_F(CompileModule, BoundsTheFilesTheCompilerWrites) {
  request.file_limit = 4096;
  const auto r = compile(good);
  EXPECT_FALSE(r.ok);
  EXPECT_TRUE(r.compiler_failed) << r.error;
  EXPECT_EQ(files(), 1u);
}

// The functions of c, compile and Code; compared with a BEAM node's answers in the story.
class CompileFunctions : public CompileModule {
 protected:
  void source(const std::string& text) { write(n.dir + "/source.cpp", text); }
  std::string quoted(const std::string& name) const { return "\"" + n.dir + "/" + name + "\""; }
};

TEST_F(CompileFunctions, CBuildsLoadsAndKeepsTheFile) {
  source(good);
  EXPECT_EQ(n.call("c", "c", "[" + quoted("source") + ", [{outdir, \"" + n.dir + "\"}]]"), "{ok,built_here}");
  EXPECT_EQ(n.call("built_here", "answer"), "42");
  EXPECT_EQ(n.call("code", "which", "[built_here]"), quoted("built_here.so"));
}

TEST_F(CompileFunctions, CWithAnErrorChangesNothing) {
  source(good);
  const std::string args = "[" + quoted("source.cpp") + ", [{outdir, \"" + n.dir + "\"}]]";
  ASSERT_EQ(n.call("c", "c", args), "{ok,built_here}");
  const auto former = contents(n.dir + "/built_here.so");
  source("#include <cnode/export.hpp>\nint answer() { return nonsense; }\nCNODE_MODULE(\"built_here\", answer);\n");
  EXPECT_EQ(n.call("c", "c", args), "error");
  EXPECT_EQ(n.call("built_here", "answer"), "42");
  EXPECT_EQ(contents(n.dir + "/built_here.so"), former);
}

TEST_F(CompileFunctions, COfAModuleCompilesTheSourceItCameFromWithItsOptions) {
  source("#include <cnode/export.hpp>\nint answer() { return ANSWER; }\nCNODE_MODULE(\"built_here\", answer);\n");
  ASSERT_EQ(n.call("c", "c", "[" + quoted("source") + ", [{outdir, \"" + n.dir + "\"}, {d, 'ANSWER', 7}, \"-O1\"]]"), "{ok,built_here}");
  EXPECT_EQ(n.call("built_here", "answer"), "7");
  const auto info = n.call("built_here", "module_info", "[compile]");
  EXPECT_NE(info.find("{options,[{d,'ANSWER',7},\"-O1\"]}"), std::string::npos) << info;
  EXPECT_NE(info.find("{source," + quoted("source.cpp") + "}"), std::string::npos) << info;
  source("#include <cnode/export.hpp>\nint answer() { return ANSWER + 1; }\nCNODE_MODULE(\"built_here\", answer);\n");
  EXPECT_EQ(n.call("c", "c", "[built_here]"), "{ok,built_here}");
  EXPECT_EQ(n.call("built_here", "answer"), "8");
  fs::remove(n.dir + "/source.cpp");
  EXPECT_EQ(n.call("c", "c", "[built_here]"), "{error,no_source}");
}

TEST_F(CompileFunctions, ReturnGivesTheCompilersWordsAsTerms) {
  source("#include <cnode/export.hpp>\nstatic int unused() { return 1; }\nint answer() { return nonsense; }\nCNODE_MODULE(\"built_here\", answer);\n");
  EXPECT_EQ(n.call("compile", "file", "[" + quoted("source") + ", [return]]"),
            "{error,[{" + quoted("source.cpp") + ",[{{3,23},erl_parse,\"'nonsense' was not declared in this scope\"}]}],[{" + quoted("source.cpp") +
                ",[{{2,12},erl_parse,\"'int unused()' defined but not used [-Wunused-function]\"}]}]}");
  EXPECT_EQ(n.call("compile", "file", "[" + quoted("source") + ", []]"), "error");
  EXPECT_EQ(n.call("compile", "file", "[" + quoted("none") + ", [return]]"), "{error,[{" + quoted("none.cpp") + ",[{none,compile,{epp,enoent}}]}],[]}");
}

TEST_F(CompileFunctions, OptionsThatMakeSomethingElseAreRefused) {
  source(good);
  for (const std::string option : {"-o/tmp/x", "-c", "-E", "-xc", "-wrapper", "-fplugin=x", "-B/tmp", "other.cpp"}) {
    const auto answer = n.call("compile", "file", "[" + quoted("source") + ", [return, \"" + option + "\"]]");
    EXPECT_TRUE(answer.starts_with("{error,[{" + quoted("source.cpp") + ",[{none,erl_parse,\"option " + option + " is ")) << answer;
  }
  EXPECT_EQ(n.call("compile", "file", "[" + quoted("source") + ", [report|improper]]"), "error:badarg");
  EXPECT_EQ(n.call("c", "c", "[3]"), "error:function_clause");
}

TEST_F(CompileFunctions, PastedSourceIsLoaded) {
  const std::string text = R"(<<"#include <cnode/export.hpp>\nint answer() { return 5; }\nCNODE_MODULE(\"built_here\", answer);">>)";
  const auto answer = n.call("Elixir.Code", "compile_string", "[" + text + "]");
  EXPECT_TRUE(answer.starts_with("[{built_here,<<127,69,76,70")) << answer.substr(0, 200);
  EXPECT_EQ(n.call("built_here", "answer"), "5");
  const auto error = n.call("Elixir.Code", "compile_string", "[<<\"int x = y;\">>, <<\"pasted\">>]");
  EXPECT_TRUE(error.starts_with("error:#{")) << error;
  EXPECT_NE(error.find("'__struct__' => 'Elixir.CompileError'"), std::string::npos) << error;
  EXPECT_NE(error.find("line => 1"), std::string::npos) << error;
  EXPECT_EQ(files(), 0u);
}

TEST_F(CompileFunctions, RemoteCodeOffRefusesAllOfThem) {
  n.runtime->code().set_remote_code(false);
  source(good);
  for (const auto& [m, f, args] : std::vector<std::tuple<std::string, std::string, std::string>>{
           {"c", "c", "[\"source\"]"}, {"c", "c", "[\"source\", []]"}, {"compile", "file", "[\"source\"]"}, {"compile", "file", "[\"source\", []]"},
           {"compile", "noenv_file", "[\"source\", []]"}, {"Elixir.Code", "compile_string", "[<<>>]"}, {"Elixir.Code", "compile_file", "[<<\"source\">>]"}})
    EXPECT_TRUE(n.call(m, f, args).starts_with("error:{remote_code_off,")) << m << ":" << f;
  EXPECT_EQ(files(), 1u);
}

TEST_F(CompileFunctions, ManyAreBuiltOneAfterTheOther) {
  std::vector<running_call> calls;
  for (int i = 0; i < 3; ++i) {
    const auto name = "built" + std::to_string(i);
    calls.push_back(n.start("Elixir.Code", "compile_string", "[<<\"#include <cnode/export.hpp>\\nint answer() { return " + std::to_string(i) + "; }\\nCNODE_MODULE(\\\"" + name + "\\\", answer);\">>]"));
  }
  for (auto& c : calls) EXPECT_TRUE(code_node::wait(std::move(c)).starts_with("[{built"));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(n.call("built" + std::to_string(i), "answer"), std::to_string(i));
}

}  // namespace
}  // namespace cnode::test
