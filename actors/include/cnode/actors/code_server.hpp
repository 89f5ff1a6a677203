// Modules: which are loaded, their current and old version, and how new ones come in. The rules are code_server.erl's, the mechanics native.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <cnode/module.h>
#include <cnode/protocol/block.hpp>

namespace cnode::actors {

class runtime;

// One loaded version of a module. Counted: the table, running callbacks, suspended frames and native states hold it. When the count
// falls to zero the reaper unmaps it. Builtin modules (compiled into the node) never go.
class module_version {
 public:
  term name() const { return name_; }
  bool builtin() const { return builtin_; }
  void retain() noexcept {
    if (!builtin_) refs_.fetch_add(1, std::memory_order_relaxed);
  }
  void release() noexcept;
  const cnode_module* description() const { return description_; }

 private:
  friend class code_server;
  friend struct code_server_impl;
  term name_;
  bool builtin_ = false;
  std::atomic<std::uint32_t> refs_{1};
  const cnode_module* description_ = nullptr;
  struct loaded_file;
  loaded_file* file_ = nullptr;
  void* owner_ = nullptr;
};

struct function_ref {
  cnode_function function = nullptr;
  module_version* version = nullptr;  // retained for the caller, who releases it
  std::uint32_t flags = 0;
  explicit operator bool() const { return function != nullptr; }
};

// An ordinary C++ function as a builtin one (src/builtin_calls.hpp), and how many arguments it reads.
struct adapted_function {
  cnode_function function;
  std::uint32_t arity;
  bool all;  // that many and no more
};

struct builtin_function {
  constexpr builtin_function(const char* n, std::uint32_t count, cnode_function f) : name(n), arity(count), function(f) {}
  consteval builtin_function(const char* n, std::uint32_t count, adapted_function f) : name(n), arity(count), function(f.function) {
    if (f.all ? arity != f.arity : arity < f.arity) throw "a row's arity is not its function's";
  }

  const char* name;
  std::uint32_t arity;
  cnode_function function;
};

struct load_result {
  bool ok = false;
  term module;
  term error;        // atom: nofile, badfile, not_purged, on_load_failure, sticky_directory
  std::string text;  // the rule that was broken and the flag that cures it
};

// Answers come on the loader's thread.
using load_done = std::function<void(const load_result&)>;

class code_server {
 public:
  explicit code_server(runtime& node);
  ~code_server();

  // ---- calls
  // The current version's function. Empty when module or function is missing.
  function_ref find(term module, term function, std::uint32_t arity);
  enum class presence { loaded, loadable, absent };  // loadable: not loaded, may be on the path
  presence look(term module) const;
  // error_handler's part: loads the module from the path if it is not loaded. May be called from any thread, does not wait.
  // In embedded mode nothing is loaded. `asker`: the process that waits; it is told `deadlock` when it runs the module's own on_load.
  void ensure_loaded(term module, load_done done, term asker = {});

  // ---- builtin modules: host functions under a module name. Several calls for one name add up.
  void add_builtin(std::string_view module, std::span<const builtin_function> functions);

  // ---- loading and purging (code:load_file/1, load_binary/3, load_abs/1, purge/1 …)
  void load_file(term module, load_done done, term asker = {});
  void load_binary(term module, std::string file, std::string bytes, load_done done, bool file_is_atom = false, term asker = {});
  void load_abs(std::string file_without_extension, load_done done, term module = {}, term asker = {});  // no module: as the file
  void load_missing(term module, load_done done, term asker = {});     // as ensure_loaded, in embedded mode as well
  void purge(term module, bool soft, std::function<void(bool)> done);  // true: purge killed somebody / soft_purge succeeded
  enum class deletion { done, has_old_code, never_loaded };           // has_old_code: or part of the node, which stays
  deletion delete_module(term module);
  bool is_loaded(term module, std::string* file = nullptr) const;      // file: path, or "preloaded"
  std::vector<std::pair<term, std::string>> all_loaded() const;

  // ---- the code path
  std::vector<std::string> path() const;
  bool add_path(const std::string& dir, bool first);                    // false: bad_directory
  bool del_path(const std::string& dir);
  std::string which_on_path(term module) const;                         // the file, by the path's own name; empty: none
  std::string which(term module) const;                                 // file on the path or of the loaded version; empty: non_existing
  void set_embedded(bool on);                                           // --mode embedded: nothing is loaded by being called
  bool embedded() const;
  void set_remote_code(bool on);                                        // --remote-code off
  bool remote_code() const;

  // Versions whose table and callers have let go but that are still mapped, and how many were unmapped (verified).
  struct unload_counts { std::uint64_t unmapped = 0, stuck = 0, lingering = 0; };
  unload_counts unloads() const;

  // For a watchdog: names in the log what holds the loader's thread up for more than a second.
  void look_at_loader();

  // The private copies of versions that go are moved there (Module-vsn-buildid.so), for debuggers and profilers. Before the first load.
  // False with the reason: the directory cannot be made or written.
  bool keep_objects(const std::string& directory, std::string& error);
  // Its vsn as text, for messages; empty when the version has gone. `v` need not be retained, nor even be that version any more.
  std::string vsn_text(module_version& v) const;
  // Runs the job on the loader's thread, after those before it.
  void on_loader_thread(std::function<void()> job);

  const cnode_host* host_table() const;
  runtime& node() const;

 private:
  friend struct code_server_impl;
  std::unique_ptr<struct code_server_impl> impl_;
};

// The version that made this native object, not retained; null: the node itself.
module_version* native_owner(term native);
// Hands the object to `to`, whose operations `ops` have the same non-zero layout fingerprint. False: it stays where it is.
bool adopt_native(term native, module_version* to, const cnode_native_ops* ops);

// The table of host functions handed to modules (host_functions.cpp).
const cnode_host& host_functions();

// The node's own functions of modules `code`, `c`, `Elixir.Code` and those of `erlang` about code.
void add_code_builtins(runtime& node);

// Where cnode_probe is, for a program that is not installed beside it. The text must stay. Before anything is loaded, also
// before main.
void use_probe_program(const char* path);

// For `cnode sign FILE`: appends the digest, or renews the one that is there. False with the reason. Any thread.
bool sign_module_file(const std::string& path, std::string& why);

// For `cnode describe FILE`: name, vsn, exports and stamp of a module file as text, or why it would be refused. status 0: it would
// be loaded. Code of the file runs in a process of its own (the program cnode_probe).
std::string describe_module_file(const std::string& path, int& status);

// The three builtin helper calls every host function file needs.
term raise(cnode_env* env, term error_class, term reason);   // returns none
term raise_badarg(cnode_env* env);
term raise_undef(cnode_env* env, term module, term function, term args);

}  // namespace cnode::actors
