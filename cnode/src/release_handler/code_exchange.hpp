// The modules of a script: read and opened beforehand, exchanged, and put back as they were. One for each time a script is carried out.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <cnode/actors/upgrade.hpp>

#include "session.hpp"

namespace cnode::release_handler {

struct library {
  term name, vsn;    // atom, string
  std::string dir;   // relative to the root, or absolute
};
using libraries = std::vector<library>;

struct unpurged_module {
  term name;
  bool soft;
};

// code:purge/1; soft: code:soft_purge/1, which answers false when somebody runs the old code.
routine<bool> purge(session& s, term module, bool soft);
// release_handler_1:check_old_processes/2: the modules of the script that can be purged; throws failure{{error, Module}}.
terms check_old_processes(session& s, const terms& script, bool soft);

// Its functions throw failure with release_handler's reasons.
class code_exchange {
 public:
  explicit code_exchange(session& s) : s_(s), path_(s.node().code().path()) {}

  routine<void> prepare(const library& lib, const terms& modules);
  void replace_paths(const libraries& libs);
  routine<void> load(term module, bool soft_post_purge);
  routine<void> remove(term module, bool soft_post_purge);
  // The end of a script that went well: nothing is put back any more, and what is old goes as far as nobody runs it.
  routine<std::vector<unpurged_module>> settle();
  // Each module is again what it was before it was loaded or removed, and so is the path.
  routine<void> put_back();

  // What Module:code_change is told: the version that the state is of, or has to become.
  term vsn_told(term module, bool down) const;
  // Did the process start in the version that has been exchanged?
  bool is_of_before(term module, const actors::held_process& p) const;
  const terms& changed() const { return order_; }  // loaded or removed, in that order

 private:
  struct change {
    actors::prepared_version_ptr prepared;  // read, not yet loaded
    std::string file;
    term old_vsn, new_vsn;
    bool changed = false;                   // loaded or removed
    bool soft_post_purge = true;
    actors::held_version before;            // while `changed`
    actors::held_version after;
  };
  change& begin_change(term module, bool soft_post_purge);

  session& s_;
  std::map<cnode_term, change> modules_;
  terms order_;
  std::vector<std::string> path_;  // of before
};

}  // namespace cnode::release_handler
