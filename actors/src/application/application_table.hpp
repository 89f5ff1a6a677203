// ac_tab: environment, loaded specifications and masters of a runtime's applications. Any thread.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <shared_mutex>
#include <string>
#include <vector>

#include <cnode/actors/applications.hpp>
#include <cnode/protocol/term_order.hpp>

#include "../terms.hpp"

namespace cnode::actors {

// #appl{} of application_controller.erl; never changed once it is in the table.
struct application {
  term name;
  owned_term description, id, vsn, applications, included, optional;
  owned_term data;  // #appl_data{}: {appl_data, Name, Regs, Phases, Mod, Mods, MaxP, MaxT}

  term registered() const { return data.get()[2]; }
  term phases() const { return data.get()[3]; }
  term mod() const { return data.get()[4]; }
  term modules() const { return data.get()[5]; }
};
using application_ptr = std::shared_ptr<const application>;

class application_table {
 public:
  // ---- environment
  environment_value env(term app, term key) const;
  void set_env(term app, term key, term value);  // copies
  void unset_env(term app, term key);
  void delete_env(term app);
  term all_env(block& b, term app) const;  // [{Key, Value}]

  // ---- what is loaded
  application_ptr loaded(term app) const;  // null: not loaded
  void insert(application_ptr app);
  void erase(term app);
  std::vector<application_ptr> all_loaded() const;

  // ---- for an upgrade that may be taken back: environments and what is loaded
  struct saved {
    struct entry {
      owned_term app, key;
      environment_value value;
    };
    std::vector<entry> env;
    std::vector<application_ptr> loaded;
  };
  saved save() const;
  void restore(const saved& s);

  // ---- masters
  term master(term app) const;             // none
  void set_master(term app, term pid);
  void erase_master(term app);
  void erase_master_pid(term pid);
  term application_of(term master) const;  // none

  // ---- what runs, as the controller last said
  void set_running(std::vector<running_application> list);
  std::vector<running_application> running() const;

  // ---- the configuration of the start, for the controller
  void set_config(term config);
  block_ptr config() const;

  // ---- the controller's life
  controller_options options;
  term watcher;                            // the process that holds the controller; none before the start
  void began();                            // it takes requests
  void ended();
  void wait_for_begin();                   // or for its end
  void wait_for_end();

 private:
  struct env_order {
    bool operator()(const std::pair<term, term>& a, const std::pair<term, term>& b) const {
      const int c = compare_exact(a.first, b.first);
      return c != 0 ? c < 0 : compare_exact(a.second, b.second) < 0;
    }
  };
  struct env_entry {
    owned_term app, key;  // what the map's key is made of
    environment_value value;
  };

  mutable std::shared_mutex lock_;
  std::map<std::pair<term, term>, env_entry, env_order> env_;
  std::map<cnode_term, application_ptr> loaded_;   // by the name's word
  std::map<cnode_term, term> masters_;
  std::vector<running_application> running_;
  owned_term config_{nil};
  std::mutex life_lock_;
  std::condition_variable life_changed_;
  bool began_ = false, ended_ = false;
};

std::shared_ptr<application_table> applications_of(const runtime& node);

}  // namespace cnode::actors
