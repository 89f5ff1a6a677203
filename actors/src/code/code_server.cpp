// The public face: queries about modules and the code path, and the order in which things start and stop.
#include <algorithm>
#include <filesystem>
#include <utility>

#include "code/code_impl.hpp"
#include "code/code_path.hpp"
#include "code/run_directory.hpp"

namespace cnode::actors {

namespace {

// The node made last: host functions without an env log there.
std::mutex log_lock;
runtime* log_node = nullptr;

// Drops whatever comes: answers to io requests nobody waits for.
class io_sink : public behaviour {
 public:
  void start(process&) override {}
  void receive(process&, block_ptr& message) override { message.reset(); }
  void returned(process&, outcome) override {}
};

}  // namespace

void log_from_module(log_level level, std::string_view text) {
  std::lock_guard guard{log_lock};
  if (log_node) log_node->log(level, text);
}

code_server_impl::code_server_impl(runtime& n, code_server& s) : node{n}, server{s} {
  if (!directory) throw std::bad_alloc();
  compilations = std::make_unique<compile_queue>();
  thread = std::thread{[this] { loader_main(); }};
}

// The processes are gone by now, so the table's reference is a version's last.
code_server_impl::~code_server_impl() {
  compilations.reset();
  for (auto& s : slots) {
    if (auto* v = s.current.exchange(nullptr)) v->release();
    if (auto* v = std::exchange(s.old, nullptr)) v->release();
  }
  {
    std::lock_guard guard{queue_lock};
    stopping = true;
  }
  queue_filled.notify_all();
  thread.join();
  remove_run_directory(run_directory);
  remove_run_directory(spare_directory);
  for (auto& v : versions) delete v.file_;
  for (std::uint32_t i = 0; i < leaves; ++i) delete directory[i].load();
}

// Made when first needed; a second one when the first was killed.
term code_server_impl::sink() {
  std::lock_guard guard{sink_lock};
  if (!io_sink || !node.alive(io_sink)) io_sink = node.spawn(std::make_unique<actors::io_sink>());
  return io_sink;
}

code_server::code_server(runtime& node) : impl_{std::make_unique<code_server_impl>(node, *this)} {
  std::lock_guard guard{log_lock};
  log_node = &node;
}

code_server::~code_server() {
  std::lock_guard guard{log_lock};
  if (log_node == &impl_->node) log_node = nullptr;
}

runtime& code_server::node() const { return impl_->node; }

void code_server::set_remote_code(bool on) { impl_->remote_code = on; }
void code_server::set_embedded(bool on) { impl_->embedded = on; }
bool code_server::embedded() const { return impl_->embedded; }
bool code_server::remote_code() const { return impl_->remote_code; }

code_server::unload_counts code_server::unloads() const { return {impl_->unmapped, impl_->stuck, impl_->lingering}; }

bool code_server::is_loaded(term module, std::string* file) const {
  auto* v = impl_->retain_current(module);
  if (!v) return false;
  if (file) *file = v->builtin() ? "preloaded" : code_server_impl::file(*v).path;
  v->release();
  return true;
}

std::vector<std::pair<term, std::string>> code_server::all_loaded() const {
  std::vector<std::pair<term, std::string>> all;
  std::lock_guard guard{impl_->table_lock};
  for (const auto& s : impl_->slots) {
    auto* v = s.current.load(std::memory_order_acquire);
    if (v) all.emplace_back(s.name, v->builtin() ? "preloaded" : code_server_impl::file(*v).path);
  }
  return all;
}

// ---- the code path

std::vector<std::string> code_server::path() const {
  std::lock_guard guard{impl_->path_lock};
  return impl_->path;
}

bool code_server::add_path(const std::string& name, bool first) {
  const auto dir = joined(name);
  if (!is_directory(dir)) return false;
  std::lock_guard guard{impl_->path_lock};
  auto& path = impl_->path;
  // As code_server:add_path: a directory already there moves only to the front.
  const auto there = std::find(path.begin(), path.end(), dir);
  if (there != path.end() && !first) return true;
  if (there != path.end()) path.erase(there);
  path.insert(first ? path.begin() : path.end(), dir);
  return true;
}

// By the directory or by its application's name; the first of them only.
bool code_server::del_path(const std::string& name) {
  const auto wanted = joined(name);
  std::lock_guard guard{impl_->path_lock};
  auto& path = impl_->path;
  const auto i = std::find_if(path.begin(), path.end(), [&](const std::string& d) { return d == wanted || application_of(d) == wanted; });
  if (i == path.end()) return false;
  path.erase(i);
  return true;
}

std::string code_server_impl::find_on_path(term module) const {
  const auto name = atom_text(module);
  if (name.empty() || name.find('/') != std::string_view::npos || name.find('\0') != std::string_view::npos) return {};
  for (const auto& dir : server.path()) {
    auto file = dir + "/" + std::string{name} + ".so";
    // As code_server: the path may be relative, the name of what is loaded is not.
    if (is_readable_file(file)) return absolute_name(file);
  }
  return {};
}

std::string code_server::which_on_path(term module) const {
  const auto name = module.is_atom() ? atom_text(module) : std::string_view{};
  if (name.empty() || name.find('/') != std::string_view::npos || name.find('\0') != std::string_view::npos) return {};
  std::error_code ignored;
  for (const auto& dir : path()) {
    auto file = dir + "/" + std::string{name} + ".so";
    if (std::filesystem::symlink_status(file, ignored).type() != std::filesystem::file_type::not_found && !ignored) return file;
  }
  return {};
}

std::string code_server::which(term module) const {
  std::string file;
  if (is_loaded(module, &file)) return file;
  return module.is_atom() ? impl_->find_on_path(module) : std::string{};
}

}  // namespace cnode::actors
