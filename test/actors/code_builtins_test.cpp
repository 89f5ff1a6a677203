#include <gtest/gtest.h>

#include "code_node.hpp"

namespace cnode::test {
namespace {

TEST(CodeBuiltins, ModuleInfoAnswersForModulesThatDoNotWriteIt) {
  code_node n;
  n.put("v2");
  EXPECT_EQ(n.call("tiny", "module_info", "[attributes]"), "[{vsn,[<<\"2\">>]}]");
  EXPECT_EQ(n.call("tiny", "module_info", "[module]"), "tiny");
  EXPECT_NE(n.call("tiny", "module_info", "[exports]").find("{only_in_2,0}"), std::string::npos);
  EXPECT_NE(n.call("tiny", "module_info", "[exports]").find("{module_info,1}"), std::string::npos);
  EXPECT_EQ(n.call("tiny", "module_info", "[nonsense]"), "error:badarg");
  EXPECT_EQ(n.call("tiny", "module_info").substr(0, 15), "[{module,tiny},");
  EXPECT_EQ(n.call("code", "module_info", "[module]"), "code");
  EXPECT_EQ(n.call("tiny", "__info__", "[module]"), "error:undef");
}

TEST(CodeBuiltins, AVsnNobodyGaveIsMadeFromTheDigest) {
  code_node n;
  n.put("no_vsn");
  const auto attributes = n.call("tiny", "module_info", "[attributes]");
  EXPECT_TRUE(attributes.starts_with("[{vsn,[")) << attributes;
  EXPECT_GT(attributes.size(), 30u);
}

TEST(CodeBuiltins, ThePathIsSearchedInOrder) {
  code_node n;
  fs::create_directories(n.dir + "/a");
  write(n.dir + "/a/tiny.so", contents(built("v2")));
  n.put("v1");
  EXPECT_EQ(n.call("code", "get_path"), "[\"" + n.dir + "\"]");
  EXPECT_EQ(n.call("code", "which", "[tiny]"), "\"" + n.dir + "/tiny.so\"");
  EXPECT_EQ(n.call("code", "add_patha", "[\"" + n.dir + "/a\"]"), "true");
  EXPECT_EQ(n.call("code", "which", "[tiny]"), "\"" + n.dir + "/a/tiny.so\"");
  EXPECT_EQ(n.call("tiny", "version"), "2");
  EXPECT_EQ(n.call("code", "del_path", "[\"" + n.dir + "/a\"]"), "true");
  EXPECT_EQ(n.call("code", "del_path", "[\"nowhere\"]"), "false");
  EXPECT_EQ(n.call("code", "add_pathz", "[\"/nowhere\"]"), "{error,bad_directory}");
  EXPECT_EQ(n.call("code", "set_path", "[[\"/nowhere\"]]"), "{error,bad_directory}");
  EXPECT_EQ(n.call("code", "which", "[nothing]"), "non_existing");
  EXPECT_EQ(n.call("code", "where_is_file", "[\"tiny.so\"]"), "\"" + n.dir + "/tiny.so\"");
}

TEST(CodeBuiltins, EnsureLoadedSaysWhyNot) {
  code_node n;
  n.put("v1");
  EXPECT_EQ(n.call("code", "ensure_loaded", "[nothing]"), "{error,nofile}");
  EXPECT_EQ(n.call("code", "ensure_loaded", "[tiny]"), "{module,tiny}");
  EXPECT_EQ(n.call("code", "ensure_loaded", "[code]"), "{module,code}");
  EXPECT_EQ(n.call("Elixir.Code", "ensure_loaded?", "[nothing]"), "false");
  EXPECT_EQ(n.call("Elixir.Code", "ensure_loaded", "[tiny]"), "{module,tiny}");
  EXPECT_EQ(n.call("code", "ensure_modules_loaded", "[[tiny, nothing]]"), "{error,[{nothing,nofile}]}");
}

TEST(CodeBuiltins, ModifiedFilesAreFoundAndReloaded) {
  code_node n;
  n.put("v1");
  EXPECT_EQ(n.call("code", "module_status", "[tiny]"), "not_loaded");
  ASSERT_TRUE(n.load_file().ok);
  EXPECT_EQ(n.call("code", "module_status", "[tiny]"), "loaded");
  EXPECT_EQ(n.call("code", "modified_modules"), "[]");
  n.put("v2");
  EXPECT_EQ(n.call("code", "module_status", "[tiny]"), "modified");
  EXPECT_EQ(n.call("c", "lm"), "[{module,tiny}]");
  EXPECT_EQ(n.call("tiny", "version"), "2");
  fs::remove(n.file());
  EXPECT_EQ(n.call("code", "module_status", "[tiny]"), "removed");
}

TEST(CodeBuiltins, ErlangKnowsWhatIsLoadedAndExported) {
  code_node n;
  n.put("v2");
  EXPECT_EQ(n.call("erlang", "function_exported", "[tiny, version, 0]"), "false");
  EXPECT_EQ(n.call("erlang", "module_loaded", "[tiny]"), "false");
  ASSERT_TRUE(n.load_file().ok);
  EXPECT_EQ(n.call("erlang", "function_exported", "[tiny, only_in_2, 0]"), "true");
  EXPECT_EQ(n.call("erlang", "function_exported", "[tiny, only_in_2, 1]"), "false");
  EXPECT_EQ(n.call("erlang", "module_loaded", "[tiny]"), "true");
  EXPECT_EQ(n.call("erlang", "module_loaded", "[\"tiny\"]"), "error:badarg");
  EXPECT_EQ(n.call("erlang", "delete_module", "[nothing]"), "undefined");
  EXPECT_EQ(n.call("erlang", "purge_module", "[tiny]"), "error:badarg");
}

TEST(CodeBuiltins, GetObjectCodeGivesTheFileThatLoadBinaryTakes) {
  code_node n;
  n.put("v1");
  const auto object = n.call("code", "get_object_code", "[tiny]");
  EXPECT_TRUE(object.starts_with("{tiny,<<")) << object.substr(0, 40);
  EXPECT_EQ(n.call("code", "get_object_code", "[nothing]"), "error");
}

TEST(CodeBuiltins, WithRemoteCodeOffLoadingIsRefusedAndSaysSo) {
  code_node n;
  n.put("v1");
  n.runtime->code().set_remote_code(false);
  for (const auto& [f, args] : {std::pair{"load_file", "[tiny]"}, {"load_binary", "[tiny, \"f\", <<>>]"}, {"load_abs", "[\"/tmp/tiny\"]"}, {"add_patha", "[\"/tmp\"]"}}) {
    const auto answer = n.call("code", f, args);
    EXPECT_TRUE(answer.starts_with("error:{remote_code_off,")) << f << ": " << answer;
  }
  EXPECT_EQ(n.call("tiny", "version"), "1");  // the node's own path still serves
}

TEST(CodeBuiltins, WithRemoteCodeOffNothingIsReplacedDeletedOrPurged) {
  code_node n;
  n.put("v1");
  n.runtime->code().set_remote_code(false);
  for (const auto& [m, f, args] : {std::tuple{"code", "atomic_load", "[[tiny]]"}, {"code", "prepare_loading", "[[tiny]]"}, {"code", "delete", "[tiny]"},
                                   {"code", "purge", "[tiny]"}, {"code", "soft_purge", "[tiny]"}, {"code", "del_path", "[\"/tmp\"]"},
                                   {"code", "set_path", "[[]]"}, {"code", "replace_path", "[tmp, \"/tmp\"]"}, {"code", "stick_mod", "[tiny]"},
                                   {"erlang", "purge_module", "[tiny]"}, {"erlang", "delete_module", "[tiny]"}, {"c", "l", "[tiny]"},
                                   {"c", "lm", "[]"}, {"c", "nl", "[tiny]"}, {"Elixir.Code", "prepend_path", "[<<\"/tmp\">>]"}}) {
    const auto answer = n.call(m, f, args);
    EXPECT_TRUE(answer.starts_with("error:{remote_code_off,")) << f << ": " << answer;
  }
  EXPECT_EQ(n.call("tiny", "version"), "1");
}

TEST(CodeBuiltins, InEmbeddedModeCallsLoadNothing) {
  code_node n;
  n.put("v1");
  n.runtime->code().set_embedded(true);
  EXPECT_EQ(n.call("code", "get_mode"), "embedded");
  EXPECT_EQ(n.call("tiny", "version"), "error:undef");
  EXPECT_EQ(n.call("code", "ensure_loaded", "[tiny]"), "{error,embedded}");
  EXPECT_EQ(n.call("code", "ensure_modules_loaded", "[[tiny]]"), "ok");
  EXPECT_EQ(n.call("tiny", "version"), "1");
  EXPECT_EQ(n.call("code", "ensure_loaded", "[tiny]"), "{module,tiny}");
  n.put("v2");
  EXPECT_EQ(n.call("code", "load_file", "[tiny]"), "{module,tiny}");
  EXPECT_EQ(n.call("tiny", "version"), "2");
}

// Prepares tiny, then finishes that, twice.
class preparer : public actors::behaviour {
 public:
  explicit preparer(std::promise<std::string>& answer) : answer_{answer} {}
  void start(actors::process& self) override {
    const term modules[] = {make_list_of(self.scratch(), atom("tiny"))};
    self.call(atom("code"), atom("prepare_loading"), modules);
  }
  void receive(actors::process&, block_ptr&) override {}
  void returned(actors::process& self, actors::outcome o) override {
    heard_ += to_text(o.kind == actors::outcome::value && !prepared_ ? o.result[0] : o.kind == actors::outcome::value ? o.result : o.reason) + " ";
    if (++turns_ == 3) return answer_.set_value(heard_), self.exit(atom("normal"));
    if (!prepared_) prepared_ = copy_to_block(o.result[1]);
    const term again[] = {prepared_->root};
    self.call(atom("code"), atom("finish_loading"), again);
  }

 private:
  std::promise<std::string>& answer_;
  std::string heard_;
  block_ptr prepared_;
  int turns_ = 0;
};

TEST(CodeBuiltins, WhatWasPreparedIsFinishedOnce) {
  code_node n;
  n.put("no_on_load");
  std::promise<std::string> answer;
  n.runtime->spawn(std::make_unique<preparer>(answer));
  EXPECT_EQ(answer.get_future().get(), "ok ok function_clause ");
  EXPECT_EQ(n.call("code", "is_loaded", "[tiny]"), "{file,\"" + n.file() + "\"}");
  n.put("v1");
  EXPECT_EQ(n.call("code", "prepare_loading", "[[tiny]]"), "{error,[{tiny,on_load_not_allowed}]}");
}

TEST(CodeBuiltins, PreparedVersionsGoWithTheNode) {
  auto n = std::make_unique<code_node>();
  n->put("no_on_load");
  for (int i = 0; i < 70; ++i) ASSERT_TRUE(n->call("code", "prepare_loading", "[[tiny]]").starts_with("{ok,"));
  EXPECT_TRUE(eventually([&] { return n->runtime->code().unloads().unmapped == 6; })) << n->runtime->code().unloads().unmapped;
  n.reset();
}

TEST(CodeBuiltins, WrongArgumentsAreFunctionClauses) {
  code_node n;
  EXPECT_EQ(n.call("code", "load_file", "[1]"), "error:function_clause");
  EXPECT_EQ(n.call("code", "purge", "[\"tiny\"]"), "error:function_clause");
  EXPECT_EQ(n.call("code", "load_binary", "[tiny, \"f\", \"no binary\"]"), "error:function_clause");
}

// Takes the place of a shell: keeps what it is told to print.
class printer : public actors::behaviour {
 public:
  explicit printer(std::promise<std::string>& text) : text_{text} {}
  void start(actors::process&) override {}
  void receive(actors::process& self, block_ptr& m) override {
    auto message = std::move(m);
    const auto t = message->root;
    ASSERT_TRUE(t.is_tuple(4));
    self.send(t[1], make_tuple_of(self.scratch(), atom("io_reply"), t[2], atom("ok")));
    text_.set_value(to_text(t[3]));
  }
  void returned(actors::process&, actors::outcome) override {}

 private:
  std::promise<std::string>& text_;
};

TEST(CodeBuiltins, WhatACallbackPrintsGoesToItsGroupLeader) {
  code_node n;
  n.put("v1");
  std::promise<std::string> text;
  const auto leader = n.runtime->spawn(std::make_unique<printer>(text));
  auto parsed = parse_term("[<<\"hello\">>]");
  actors::spawn_options o;
  o.group_leader = leader;
  auto answer = std::make_shared<std::promise<std::string>>();
  auto result = answer->get_future();
  n.runtime->spawn(std::make_unique<caller>(atom("tiny"), atom("print"), std::move(*parsed), answer), o);
  EXPECT_EQ(result.get(), "ok");
  EXPECT_EQ(text.get_future().get(), "{put_chars,unicode,<<\"hello\">>}");
}

TEST(CodeDescribe, AGoodFileIsDescribedAndABadOneExplained) {
  int status = -1;
  const auto good = actors::describe_module_file(built("v2"), status);
  EXPECT_EQ(status, 0) << good;
  EXPECT_NE(good.find("module: tiny\nvsn: <<\"2\">>\n"), std::string::npos) << good;
  EXPECT_NE(good.find("only_in_2/0"), std::string::npos);
  const auto bad = actors::describe_module_file(built("NO_STAMP"), status);
  EXPECT_EQ(status, 1);
  EXPECT_NE(bad.find("cnode_add_module"), std::string::npos) << bad;
}

}  // namespace
}  // namespace cnode::test
