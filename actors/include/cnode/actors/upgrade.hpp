// What upgrading a release needs of the runtime and no message can do: module versions that are opened before they count and can be put
// back, processes that start while their code is exchanged, and states that can be had again.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <cnode/actors/code_server.hpp>
#include <cnode/actors/process.hpp>

namespace cnode::actors {

class runtime;

// ---- module versions

// Keeps a version mapped, and its place to be put back to. Any thread.
class held_version {
 public:
  held_version() = default;
  explicit held_version(module_version* retained) : v_(retained) {}
  held_version(held_version&& o) noexcept : v_(std::exchange(o.v_, nullptr)) {}
  held_version& operator=(held_version&& o) noexcept {
    std::swap(v_, o.v_);
    return *this;
  }
  ~held_version() {
    if (v_) v_->release();
  }
  module_version* get() const { return v_; }
  explicit operator bool() const { return v_ != nullptr; }

 private:
  module_version* v_ = nullptr;
};
held_version hold_current(code_server& code, term module);  // empty: none is loaded, or it is part of the node
// The value of the vsn attribute as release_handler reads it; `undefined` without one.
term vsn_of(block& b, const held_version& v);

// A file that is checked and opened, and becomes current when it is told to. Given up by letting go of it.
class prepared_version;
using prepared_version_ptr = std::shared_ptr<prepared_version>;
using prepare_done = std::function<void(prepared_version_ptr, const load_result&)>;  // loader's thread
void prepare_version(code_server& code, term module, std::string file, std::string bytes, prepare_done done);
term vsn_of(block& b, const prepared_version& v);
// As load_binary from there on: purges what is old, runs on_load. Once.
void load_prepared(code_server& code, const prepared_version_ptr& v, load_done done);
// What is current now goes, as by a purge, and `v` is current again; empty: the module is not loaded again.
void put_back(code_server& code, term module, const held_version& v, std::function<void()> done);

// Does anybody run the module's old code? Any thread.
enum class old_code { none, unused, used };
old_code users_of_old_code(code_server& code, term module);
// code:replace_path/2 and set_path/1 for an upgrade, which --remote-code off does not concern. False: no such directory.
bool replace_path(code_server& code, const std::string& application, const std::string& dir);
void set_path(code_server& code, std::vector<std::string> path);

// ---- processes whose code is being exchanged

struct saved_state {
  virtual ~saved_state() = default;
};
// A behaviour that can be what it was. Its process's thread; the process is suspended.
class upgradable {
 public:
  virtual ~upgradable() = default;
  // Null: something of the state can neither be shared nor written as a term.
  virtual std::shared_ptr<saved_state> save(process& self) = 0;
  virtual void restore(process& self, saved_state& s) = 0;
  // What sys's message with this request would do, without a message; `answered` gets what it would answer, now or later, on this thread,
  // and is let go of without an answer when the process ends first. False: not now, so send the message.
  virtual bool system_request(process& self, term request, std::function<void(term)>& answered) = 0;
};

// While a module is held, processes with it as callback module suspend themselves as soon as their init has returned, as sys:suspend
// would: whoever exchanges the code resumes them, after a code_change when their state is of the version before.
struct held_process {
  term pid;
  const module_version* born_in;  // to compare with a version one holds
};
void hold_new_processes(runtime& node, term module);
std::vector<held_process> held_processes(runtime& node, term module);       // so far; they stay
std::vector<held_process> release_new_processes(runtime& node, term module);  // no more are held
// For behaviours, at the end of init. True: suspended from now on.
bool hold_if_wanted(process& self, term module, const module_version* born_in);

// ---- applications
class saved_applications;
std::shared_ptr<const saved_applications> save_applications(const runtime& node);  // environments and specifications
void restore_applications(runtime& node, const saved_applications& s);

}  // namespace cnode::actors
