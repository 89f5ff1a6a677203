// What tests ask of the node: calls, modules, the end.
#include <filesystem>
#include <set>

#include <cnode/protocol/atom_table.hpp>
#include <cnode/protocol/term_text.hpp>

#include "code/module_file.hpp"
#include "engine.hpp"
#include "player.hpp"
#include "term_box.hpp"

namespace cnode::testing::detail {

using testing::failure;

namespace {

// Keeps the exit reasons of the processes it monitors.
class watcher final : public actors::behaviour {
 public:
  explicit watcher(std::map<cnode_term, block_ptr>& ended) : ended_(ended) {}
  void start(actors::process&) override {}
  void receive(actors::process&, block_ptr& message) override {
    const auto taken = std::move(message);
    const term m = taken->root;
    if (m.is_tuple(5) && m[3].is_local_pid()) ended_.try_emplace(m[3].word(), copy_to_block(m[4]));
  }
  void returned(actors::process&, actors::outcome) override {}

 private:
  std::map<cnode_term, block_ptr>& ended_;
};

}  // namespace

term engine::new_client() {
  if (!watcher_) watcher_ = node->spawn(std::make_unique<watcher>(ended));
  auto o = std::make_shared<player_outcome>();
  const term pid = node->spawn(std::make_unique<player>(o));
  clients_[pid.word()] = std::move(o);
  settle();
  return pid;
}

void engine::watch(term pid) {
  if (!pid.is_local_pid()) return;
  node->run_in(watcher_, [pid](actors::process& p) { p.monitor(pid); });
  settle();
}

value engine::apply(term client, term module, term function, term args) {
  const auto name = to_text(module) + ":" + to_text(function) + "/" + std::to_string(list_length(args));
  if (list_length(args) < 0) throw failure(name + ": the arguments are a list");
  const auto p = node->find(client);
  if (!p) throw failure(name + ": the calling client has ended");
  if (p->calling()) throw failure(name + ": the client still waits for its call before this one");
  auto o = clients_.at(client.word());
  *o = {};
  node->run_in(client, [&](actors::process& self) { self.call(module, function, copy(self.scratch(), args)); });
  if (!run_until([&] { return o->ok || !node->alive(client); }))
    throw failure(name + " has no answer, and nothing more can happen on the node:" + who_waits());
  if (!o->ok) throw failure(name + ": the calling client was killed");
  if (*o->ok) return access::make(std::move(o->result));
  throw raised(o->error_class, access::make(std::move(o->reason)), access::make(std::move(o->stacktrace)));
}

std::string engine::who_waits() {
  std::string text;
  for (const auto pid : node->processes()) {
    const auto p = node->find(pid);
    if (!p || !p->calling()) continue;
    auto b = block::make(64);
    const term at = p->info(atom("current_function"), *b);
    text += "\n  " + to_text(pid) + " waits in " + (at && at.is_tuple(2) ? to_text(at[1]) : std::string("a function"));
    if (auto* v = p->active_version()) text += ", code of " + std::string(atom_text(v->name()));
    if (p->message_queue_len() > 0) text += ", with " + std::to_string(p->message_queue_len()) + " messages it does not take";
  }
  return text;
}

term engine::pid_of(const value& pid_or_name) const {
  const term t = access::of(pid_or_name);
  return t.is_atom() ? node->whereis(t) : t;
}

// ---- modules

std::string engine::resolved(std::string_view file) const {
  const auto i = modules_.find(std::string(file));
  return i == modules_.end() ? std::string(file) : i->second;
}

bool engine::purge(term module, bool soft) {
  std::optional<bool> result;
  std::mutex lock;
  node->code().purge(module, soft, [&](bool r) {
    std::lock_guard guard(lock);
    result = r;
  });
  while (true) {
    settle();
    std::lock_guard guard(lock);
    if (result) return *result;
  }
}

term engine::load(const std::string& file) {
  const std::filesystem::path path(file);
  if (path.extension() != ".so") throw refused("nofile", file + ": a module's file is <Module>.so, or a target named after MODULES in cnode_add_module_test");
  const term module = find_or_make_atom(path.stem().string());
  if (!module) throw refused("badfile", file + ": the file's name is no atom");
  purge(module, false);
  std::optional<actors::load_result> result;
  std::mutex lock;
  const auto stem = (std::filesystem::absolute(path).parent_path() / path.stem()).string();
  node->code().load_abs(stem, [&](const actors::load_result& r) {
    std::lock_guard guard(lock);
    result = r;
  });
  while (true) {
    settle();
    std::lock_guard guard(lock);
    if (result) break;
  }
  if (!result->ok) throw refused(std::string(atom_text(result->error)), result->text);
  vsns.insert_or_assign(stem, vsn_of(module));
  return module;
}

value engine::vsn_of(term module) {
  auto b = block::make(8);
  const auto attributes = apply(me, module, atom("module_info"), make_list_of(*b, atom("attributes")));
  for (const auto& a : attributes.as<std::vector<value>>())
    if (a.at(0) == value::atom("vsn")) return a.at(1).at(0);
  throw failure(to_text(module) + " has no vsn");
}

value engine::vsn_of_file(const std::string& file) {
  const std::filesystem::path path(file);
  const auto stem = (std::filesystem::absolute(path).parent_path() / path.stem()).string();
  if (const auto i = vsns.find(stem); i != vsns.end()) return i->second;
  // Not loaded before: the stamp says it.
  actors::module_file f;
  std::string why;
  if (actors::read_module_file(stem + ".so", f.bytes, why) != actors::file_error::none) throw refused("nofile", why);
  if (!actors::check_module_file(f, path.stem().string(), why)) throw refused("badfile", file + ": " + why);
  const std::string text(f.stamp.vsn, ::strnlen(f.stamp.vsn, sizeof f.stamp.vsn));
  if (text.empty()) throw failure(file + ": without CNODE_VSN its vsn is known only once it was loaded; load it first");
  return value(text);
}

// ---- the end

std::string engine::finish() {
  if (!node || abandoned_) return {};
  std::string text;
  in_node("end of the test", [&] {
    ended.clear();
    for (auto& [pid, o] : clients_) *o = {};
    std::set<cnode_term> modules;
    for (const auto& [module, file] : node->code().all_loaded())
      if (file != "preloaded" && file != "cnode") modules.insert(module.word());
    const term client = new_client();
    for (const auto word : modules) {
      purge(term{word}, false);
      auto b = block::make(4);
      apply(client, atom("code"), atom("delete"), make_list_of(*b, term{word}));
    }
    node->stop();
    for (const auto word : modules) purge(term{word}, false);
    settle();
    const auto counts = node->code().unloads();
    if (counts.stuck > 0 || counts.lingering > 0) {
      text = std::to_string(counts.stuck + counts.lingering) + " versions of modules are still mapped after their purge:";
      std::lock_guard guard(output_lock);
      for (std::size_t i = 0; i < log_of_test.size();) {
        const auto end = std::min(log_of_test.find('\n', i), log_of_test.size());
        const auto line = log_of_test.substr(i, end - i);
        if (line.find("stays mapped") != std::string::npos) text += "\n  " + line;
        i = end + 1;
      }
    }
    services::forget_host(*this);
    node.reset();
  });
  {
    std::lock_guard guard(lock_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
  return text;
}

}  // namespace cnode::testing::detail
