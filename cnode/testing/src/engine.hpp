// The node under the harness: a runtime driven step by step, on a thread of its own, so that a callback that never returns cannot hold
// up the test. The test's thread hands over one piece of work at a time and waits for it; nothing else runs meanwhile.
#pragma once

#include <atomic>
#include <condition_variable>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include <cnode/actors/code_server.hpp>
#include <cnode/actors/process.hpp>
#include <cnode/actors/runtime.hpp>
#include <cnode/testing.hpp>

#include "services.hpp"

namespace cnode::testing::detail {

struct player_outcome;

struct engine final : std::enable_shared_from_this<engine>, private services::node_host {
  engine(const options& o, const char* modules);
  ~engine() override;
  void start();

  // ---- the test's thread
  // Runs f on the node's thread and waits for it. What f throws is thrown here; failure when it does not end in time.
  void in_node(const std::string& what, const std::function<void()>& f);
  // Stops the node, unloads everything and says what could not be unmapped.
  std::string finish();

  // ---- the node's thread
  // Runs what there is to run, the loader's work included.
  void settle();
  // Settles, and lets time pass, until `done`. False: nothing more can happen, or only after an hour of the node's time.
  bool run_until(const std::function<bool()>& done);
  void pass(std::chrono::nanoseconds time);
  // M:F(Args) in that client; throws raised, or failure when it can have no answer.
  value apply(term client, term module, term function, term args);
  void watch(term pid);
  term new_client();
  // Purges, then loads; throws refused. The module.
  term load(const std::string& file);
  bool purge(term module, bool soft);
  std::string resolved(std::string_view file) const;
  value vsn_of(term module);
  value vsn_of_file(const std::string& file);
  // Who waits where, for failures.
  std::string who_waits();
  term pid_of(const value& pid_or_name) const;

  std::chrono::steady_clock::time_point now{std::chrono::hours(1)};
  std::map<cnode_term, block_ptr> ended;   // exit reasons by pid
  std::map<std::string, value> vsns;       // of the files loaded so far, by path
  std::mutex output_lock;
  std::string printed, logged, log_of_test;
  std::unique_ptr<actors::runtime> node;
  term me;                                 // the client that calls for the test

 private:
  struct work {
    std::function<void()> f;
    bool done = false;
    std::exception_ptr error;
  };
  bool loader_at_rest();
  bool wait_for_other_threads();
  void work_loop();
  [[noreturn]] void hangs(const std::string& what, const std::shared_ptr<work>& w);
  std::string running_now() const;

  // node_host: what the builtin modules ask of a node that is connected with nobody
  actors::runtime& runtime() override { return *node; }
  std::string cookie(const std::string&) const override { return cookie_; }
  void set_cookie(const std::string&, const std::string& c) override { cookie_ = c; }
  std::chrono::milliseconds net_ticktime() const override { return ticktime_; }
  services::ticktime_change set_net_ticktime(std::chrono::milliseconds t, std::chrono::milliseconds) override {
    const bool same = std::exchange(ticktime_, t) == t;
    return same ? services::ticktime_change::unchanged : services::ticktime_change::change_initiated;
  }
  bool long_names() const override { return false; }
  std::vector<services::peer> peers() const override { return {}; }
  void connect(term, bool, std::function<void(bool)> done) override { done(false); }
  bool disconnect(term) override { return false; }
  void allow(std::vector<std::string>) override {}
  void epmd_names(std::string, names_done done) override { done(cnode::failure{errc::bad_epmd_message, "this node has no epmd"}); }
  std::vector<std::string> arguments() const override { return {}; }
  void stop(int) override {}

  const options options_;
  std::map<std::string, std::string> modules_;  // target -> file
  std::string cookie_ = "nocookie";
  std::chrono::milliseconds ticktime_{60000};
  term watcher_;
  std::map<cnode_term, std::shared_ptr<player_outcome>> clients_;
  std::size_t threads_at_start_ = 0;

  std::mutex lock_;
  std::condition_variable changed_;
  std::shared_ptr<work> work_;
  bool ending_ = false, abandoned_ = false;
  std::thread thread_;
};

}  // namespace cnode::testing::detail
