// Behind code_server: the module table, the loader's queue, the reaper's queue.
//
// Who may touch what: the slots' `current` is read by any thread without a lock (find); everything else of the table is
// written under `table_lock`. Memory of module_version objects is reused but never given back while the server lives, so
// that find may look at one that is just going.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <cnode/actors/code_server.hpp>
#include <cnode/actors/runtime.hpp>
#include <cnode/protocol/atom_table.hpp>
#include <cnode/protocol/block.hpp>

#include "code/compile_queue.hpp"
#include "code/module_file.hpp"

namespace cnode::actors {

// Exports of one version by (function, arity); open addressing, written once before the version is published.
class export_index {
 public:
  struct entry {
    term name;
    std::uint32_t arity = 0;
    std::uint32_t flags = 0;
    cnode_function function = nullptr;
  };
  // False: the same name and arity are there already.
  bool add(term name, std::uint32_t arity, std::uint32_t flags, cnode_function function);
  const entry* find(term name, std::uint32_t arity) const {
    if (slots_.empty()) return nullptr;
    const auto mask = slots_.size() - 1;
    for (auto i = hash_of(name, arity) & mask; slots_[i].function; i = (i + 1) & mask)
      if (slots_[i].name.same(name) && slots_[i].arity == arity) return &slots_[i];
    return nullptr;
  }
  const std::vector<entry>& in_order() const { return order_; }

 private:
  static std::size_t hash_of(term name, std::uint32_t arity) {
    return (static_cast<std::size_t>(name.atom_index()) * 0x9e3779b1u + arity * 0x85ebca6bu) >> 4;
  }
  void put(const entry& e);
  std::vector<entry> slots_;
  std::vector<entry> order_;
};

struct hosted_object;  // native_objects.cpp

struct module_version::loaded_file {
  export_index exports;
  // Files only:
  void* handle = nullptr;          // dlopen's
  std::uintptr_t base = 0;         // dl_iterate_phdr's dlpi_addr, to verify the unmapping
  std::string link_name;           // dlpi_name
  std::string private_path;        // the copy that is mapped
  std::string path;                // where it came from, as given by the caller or found on the path
  bool path_is_atom = false;       // code:load_binary(M, an_atom, Bin)
  std::uint8_t digest[16] = {};    // what module_md5 and the default vsn are made of
  block_ptr attributes;            // [{vsn, [V]}, ...]
  block_ptr compile;               // [{version, "..."}, {options, []}, {source, "..."}]
  std::vector<std::pair<std::uintptr_t, std::uintptr_t>> ranges;  // mapped, for version_at
  // Native objects of this version, so that a purge finds them wherever they are.
  std::mutex natives_lock;
  hosted_object* natives = nullptr;
  // Processes that wait inside this version in a nested call; purge counts them as users. Under code_server_impl::users_lock.
  std::unordered_map<cnode_term, std::uint32_t> waiting;
};

struct mapped_file;

struct module_slot {
  term name;
  std::atomic<module_version*> current{nullptr};
  module_version* old = nullptr;   // table_lock
};

struct code_server_impl {
  explicit code_server_impl(runtime& n, code_server& s);
  ~code_server_impl();
  static code_server_impl& of(code_server& s) { return *s.impl_; }
  static const code_server_impl& of(const code_server& s) { return *s.impl_; }

  // ---- table (code_table.cpp)
  module_slot* slot_of(term module) const;       // null: never heard of
  module_slot& make_slot(term module);           // table_lock held
  module_version* new_version(term name, bool builtin = false);  // one reference, no exports
  void recycle(module_version* v);               // memory only
  // The current version, retained; null when there is none.
  module_version* retain_current(term module) const;
  // The version whose mapped file holds this address, retained; null: no module's.
  module_version* version_at(const void* address) const;
  void last_reference(module_version* v) noexcept;
  // Access to module_version's private part, for the files of this folder.
  static module_version::loaded_file& file(const module_version& v) { return *v.file_; }
  static void describe(module_version& v, const cnode_module* d) { v.description_ = d; }
  static std::uint32_t references(const module_version& v) { return v.refs_.load(std::memory_order_acquire); }
  static bool try_retain(module_version& v);
  static bool mapped(const module_version& v) { return v.file_ && v.file_->handle; }  // loader thread
  static std::string vsn_of_version(const module_version& v);  // as text; the version is held

  // ---- loader thread (loader.cpp, open_module.cpp). What takes a candidate runs there.
  // Any thread. Jobs run in order, none after the server began to stop. What is to be unmapped goes before them, but somebody waits for
  // a load: of those a few may pass.
  enum class urgency { after_unloads, may_pass_unloads };
  void post(std::function<void()> job, urgency u = urgency::after_unloads);
  void post_unload(module_version* v);           // these always run
  void loader_main();
  struct candidate;                              // a file on its way in
  using candidate_ptr = std::shared_ptr<candidate>;
  void load_path(term module, std::string path, load_done done);
  bool read_candidate(candidate& c);             // its bytes; false: refused
  bool is_part_of_node(term module) const;       // any thread
  void load_if_missing(term module, load_done done, term asker);
  void check(candidate_ptr c);                   // its bytes are there
  bool may_enter(candidate& c);                  // the table has room for it
  void publish(candidate_ptr c);

  // ---- on_load (on_load.cpp), loader thread
  struct pending_on_load {
    term process;
    std::vector<std::function<void()>> waiting;  // jobs that concern the module
  };
  void run_on_load(candidate_ptr c);
  // True: on_load of the module runs, and the job comes when it has ended; or it would wait for itself, and `done` says so.
  bool wait_for_on_load(term module, term asker, const load_done& done, std::function<void()> job);
  void on_load_ended(term module);
  std::map<cnode_term, pending_on_load> on_loads;

  // ---- several modules at once (loading_together.cpp), loader thread
  struct wanted_module {
    term module;
    std::string file, bytes;                     // none: from the path
    bool from_path = true;
  };
  using module_errors = std::vector<std::pair<term, term>>;  // module, reason
  // Opened versions of all of them, or why not.
  std::vector<candidate_ptr> prepare_all(std::vector<wanted_module> modules, module_errors& errors);
  // All become current, or none.
  module_errors finish_all(std::vector<candidate_ptr> prepared);
  // What prepare_loading answered for finish_loading: by reference, the oldest go first.
  struct prepared_module {
    block_ptr ref;
    candidate_ptr candidate;
  };
  static constexpr std::size_t most_prepared = 64;
  std::deque<prepared_module> prepared;
  void refuse(candidate& c, std::string_view error, std::string text);
  bool prepare(candidate& c);                    // up to the opened version
  bool replaceable(candidate& c);                // no part of the node
  // Private copy; dlopen, entry, description. False with the reason, and nothing is left behind.
  bool write_copy(candidate& c, std::string& why);
  bool open_module(candidate& c, std::string& why);
  bool read_description(candidate& c, const mapped_file& mapped, std::string& why);
  void close_module(module_version& v);          // dlclose, verified; the copy goes
  void dispose_of_copy(module_version& v);       // kept for debuggers, or removed

  // What the dynamic linker or a file's own code does just now, while everything else waits for the loader's thread.
  class timed_step {
   public:
    timed_step(code_server_impl& s, term module, const char* what);
    ~timed_step();
    timed_step(const timed_step&) = delete;

   private:
    code_server_impl& server_;
  };
  void look_at_loader();                         // the watchdog: names in the log a step that takes longer than a second

  // ---- purge (purge.cpp) and reaper (loader.cpp), loader thread
  bool purge_now(term module, bool soft);
  void reap(module_version* v);
  std::vector<term> users_of(module_version& v) const;  // processes that run or wait in it; any thread
  bool uses(term pid, module_version& v) const;

  std::string find_on_path(term module) const;
  std::string why_not_found(term module) const;  // a sentence

  runtime& node;
  code_server& server;

  mutable std::mutex table_lock;
  static constexpr std::uint32_t leaf_size = 1024, leaves = 65536;
  struct leaf { std::atomic<module_slot*> slots[leaf_size] = {}; };
  struct free_memory {
    void operator()(std::atomic<leaf*>* p) const noexcept { std::free(p); }
  };
  // Zeros; pages nobody touches cost nothing.
  std::unique_ptr<std::atomic<leaf*>[], free_memory> directory{static_cast<std::atomic<leaf*>*>(std::calloc(leaves, sizeof(std::atomic<leaf*>)))};
  std::deque<module_slot> slots;                 // stable addresses; table_lock for growing
  std::deque<module_version> versions;           // stable addresses; versions_lock
  std::vector<module_version*> free_versions;
  std::mutex versions_lock;

  mutable std::shared_mutex ranges_lock;
  std::map<std::uintptr_t, std::pair<std::uintptr_t, module_version*>> ranges;  // begin -> end, version
  mutable std::mutex users_lock;

  mutable std::mutex path_lock;
  std::vector<std::string> path;
  std::atomic<bool> remote_code{true};
  std::atomic<bool> embedded{false};
  std::unordered_set<cnode_term> sticky;         // table_lock

  // One thread loads, purges and unmaps: everything that may wait for a disk or for ld.so's lock.
  std::mutex queue_lock;
  std::condition_variable queue_filled;
  struct queued_job {
    std::function<void()> run;
    urgency how;
  };
  std::deque<queued_job> queue;
  std::deque<module_version*> unload_queue;
  bool stopping = false;
  std::thread thread;
  std::thread::id thread_id;

  std::mutex step_lock;
  const char* step = nullptr;                    // null: none
  term step_module;
  std::chrono::steady_clock::time_point step_since;
  bool step_reported = false;

  std::string run_directory, spare_directory;    // loader thread; the spare one on disk, for when the other is full
  std::string kept_directory;                    // loader thread; empty: copies are removed
  std::uint64_t next_copy = 0;
  std::atomic<std::uint64_t> unmapped{0}, stuck{0}, lingering{0};

  std::unique_ptr<compile_queue> compilations;   // c:c & co.; its compiler is killed before anything else of this ends

  std::mutex sink_lock;
  term io_sink;                                  // drops io replies to put_chars
  term sink();
};

struct code_server_impl::candidate {
  term module;               // none: whatever the file holds
  std::string path;
  module_file file;
  bool path_is_atom = false;
  bool purge_first = false;  // load_binary
  load_done done;            // called once
  std::string copy;          // the private copy, until a version has it
  module_version* version = nullptr;  // from open_module on; ours until published

  candidate() = default;
  candidate(const candidate&) = delete;
  ~candidate();
};

// For host functions without an env: the log of the node made last.
void log_from_module(log_level level, std::string_view text);

// Functions every loaded module has without writing them: module_info/0,1, __info__/1 (module_info.cpp). A cnode_function is not told
// which version it is called in, so who calls says it, just before, on the same thread: calling().
constexpr std::uint32_t generated_export = 1u << 31;  // in export_index::entry::flags and function_ref::flags
void add_generated_exports(export_index& index, std::string_view module_name);
void set_generated_for(module_version* v);
inline void calling(const function_ref& ref) {
  if (ref.flags & generated_export) set_generated_for(ref.version);
}
// An item of module_info/1; none when there is none of that name.
term module_info_item(block& b, module_version& v, term key);
term module_info_list(block& b, module_version& v);

}  // namespace cnode::actors
