// sys: the debug switches of a process and what the system messages answer. The loop that suspends and resumes is the behaviour's
// (gen_server_system.cpp); this is the part every behaviour shares.
#pragma once

#include <cstdint>
#include <deque>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <cnode/actors/behaviour.hpp>
#include <cnode/actors/process.hpp>

namespace cnode::actors::sys {

// Clients of OTP 25 take the answer to get_state and replace_state as it is; those of 26 and later want {ok, State}. The layer that
// knows the connections sets this: the OTP release of a node (25, 27, ...), or 0 when it has not learnt it. Set before the first
// peer; called on any scheduler thread.
void set_otp_release_of_node(std::function<int(term node)> f);
// What the hook says; 0 without one.
int otp_release_of(term node);
// Does this asker want {ok, State}? Decided by the hook, in doubt by the size of the alias in its tag (5 words since OTP 26).
bool wants_ok_tuple(term from);

// How an event of gen_server reads (gen_server:print_event/3): format and arguments for io:format.
struct event_text {
  const char* format;
  term args;
};
event_text format_event(block& b, term event, term name);
using event_formatter = event_text (*)(block& b, term event, term name);

// The debug list of sys.erl: log, log_to_file, statistics, trace. Used by its process only.
class debug_options {
 public:
  debug_options();  // of a gen_server
  // What a behaviour's print_event/3 writes, and the behaviour.
  debug_options(event_formatter print_event, term behaviour) : print_event_(print_event), behaviour_(behaviour) {}
  bool empty() const { return !active_ || active_->order.empty(); }
  // sys:debug_options/1; what is no debug option is ignored.
  void set(process& self, term options);
  // sys:handle_debug/4: event is {in, Msg}, {out, Msg, From, State}, {noreply, State} or any other term
  void handle(process& self, term name, term event);
  // The answer to {debug, What}.
  term command(process& self, term name, term what);
  term logged_events(block& b) const;
  // As the Debug list in get_status looks.
  term to_term(block& b, term name) const;

 private:
  enum class item { trace, log, log_to_file, statistics };
  bool on(item i) const;
  void install(item i);
  void remove(item i);
  void keep(term event);
  bool open_file(term name);
  void start_statistics(process& self);

  event_formatter print_event_;
  term behaviour_;
  // Made when something is switched on for the first time: hardly any process has it.
  struct active {
    std::vector<item> order;  // as in sys.erl: the latest first
    std::deque<block_ptr> log;
    std::size_t log_size = 10;
    std::ofstream file;
    struct {
      std::int64_t started = 0;  // seconds since the epoch
      std::uint64_t reductions = 0, in = 0, out = 0;
    } stat;
  };
  active& switched();

  std::unique_ptr<active> active_;
};

// io:format to the group leader, formatted there; does not wait for the answer.
void io_format(process& self, const char* format, term args);

}  // namespace cnode::actors::sys
