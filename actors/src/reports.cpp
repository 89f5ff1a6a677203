#include <cnode/actors/reports.hpp>

#include <chrono>
#include <vector>

#include <cnode/actors/code_server.hpp>
#include <cnode/protocol/local_node.hpp>
#include <cnode/protocol/term_text.hpp>

#include "native_terms.hpp"
#include "otp_atoms.hpp"

namespace cnode::actors::reports {

namespace {

// A map under construction, keys as text.
class map_builder {
 public:
  explicit map_builder(block& b) : b_(b) {}
  map_builder& put(std::string_view key, term value) {
    keys_.push_back(atom(key));
    values_.push_back(value);
    return *this;
  }
  term build() { return make_map(b_, keys_.data(), values_.data(), keys_.size()); }

 private:
  block& b_;
  std::vector<term> keys_, values_;
};

// What ?LOG_ERROR adds and what formatters look at.
struct event_meta {
  const char* module;          // whose function logged: mfa
  const char* function;
  int arity;
  bool sasl = false;           // domain [otp,sasl], not [otp]
  const char* report_cb = nullptr;   // Module:report_cb/2
  const char* old_report_cb = nullptr;  // error_logger's own, /1
  const char* title = nullptr;
  const char* tag = "error";
  const char* type = nullptr;
};

std::int64_t microseconds() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

term build_meta(block& b, const event_meta& m, term pid, term group_leader) {
  const term module = atom(m.module);
  map_builder error_logger(b);
  error_logger.put("tag", atom(m.tag));
  if (m.type) error_logger.put("type", atom(m.type));
  if (m.old_report_cb) error_logger.put("report_cb", make_export(b, module, atom(m.old_report_cb), 1));
  map_builder meta(b);
  const term otp = atom("otp");
  meta.put("domain", m.sasl ? make_list_of(b, otp, atom("sasl")) : make_list_of(b, otp));
  meta.put("error_logger", error_logger.build());
  meta.put("gl", group_leader).put("pid", pid).put("time", make_integer(b, microseconds()));
  meta.put("mfa", make_tuple_of(b, module, atom(m.function), small(m.arity)));
  if (m.report_cb) meta.put("report_cb", make_export(b, module, atom(m.report_cb), 2));
  if (m.title) meta.put("logger_formatter", map_builder(b).put("title", make_charlist(b, m.title)).build());
  return meta.build();
}

// logger:log_remote/4: to the node whose shell or group leader the process belongs to. none: here.
term remote_node(term group_leader) {
  if (group_leader.kind() != CNODE_PID) return {};
  const term node = node_of(group_leader).node;
  return node.same(this_node().name) ? term{} : node;
}

void publish(process& self, const char* level, term report, const event_meta& m, log_level own, const std::string& text) {
  auto& b = self.scratch();
  if (const term node = remote_node(self.group_leader())) {
    const term meta = build_meta(b, m, self.pid(), self.group_leader());
    self.send(make_tuple_of(b, names().logger_proxy, node),
              make_tuple_of(b, names().log, atom(level), without_natives(self, report), meta));
  }
  self.node().log(own, text);
}

std::string text_of(term t) { return t ? to_text(t) : std::string{"undefined"}; }

std::string format(const char* fmt, term args) {
  auto text = io_lib_format(fmt, args);
  return text ? std::move(*text) : text_of(args);
}

// gen_server:fix_reason/1: says which of the two reasons of undef it was.
term explained(process& self, block& b, term reason) {
  const auto& n = names();
  if (!reason.is_tuple(2) || !reason[0].same(n.undef) || !reason[1].is_cons()) return reason;
  const term f = reason[1].head();
  if (!f.is_tuple() || f.size() < 3 || !f[0].is_atom() || !f[1].is_atom()) return reason;
  auto& code = self.node().code();
  if (!code.is_loaded(f[0])) return make_tuple_of(b, atom("module could not be loaded"), reason[1]);
  const auto arity = list_length(f[2]);
  if (auto found = code.find(f[0], f[1], arity < 0 ? 0 : static_cast<std::uint32_t>(arity))) {
    found.version->release();
    return reason;
  }
  return make_tuple_of(b, atom("function not exported"), reason[1]);
}

term info_of(process& self, block& b, const char* item, term otherwise) {
  const term t = self.info(atom(item), b);
  return t && t.is_tuple(2) ? t : make_tuple_of(b, atom(item), otherwise);
}

// The dictionary without what proc_lib put there.
term cleaned_dictionary(process& self, block& b) {
  const auto& n = names();
  std::vector<term> kept;
  for (term l = self.dictionary(b); l.is_cons(); l = l.tail())
    if (l.head().is_tuple(2) && !l.head()[0].same(n.ancestors) && !l.head()[0].same(n.initial_call)) kept.push_back(l.head());
  return make_list(b, kept.data(), kept.size());
}

std::string client_text(block& b, term client_info) {
  if (!client_info.is_tuple(2)) return {};
  const term pid = client_info[0];
  if (client_info[1].same(names().remote)) return format("** Client ~p is remote on node ~p~n", make_list_of(b, pid, node_of(pid).node));
  return format(client_info[1].same(names().dead) ? "** Client ~p is dead~n" : "** Client ~p~n", make_list_of(b, pid));
}

}  // namespace

std::string stack_text(term stacktrace) {
  std::string text;
  for (; stacktrace.is_cons(); stacktrace = stacktrace.tail()) {
    const term f = stacktrace.head();
    if (!f.is_tuple() || f.size() < 3) continue;
    text += "      in function  " + text_of(f[0]) + ":" + text_of(f[1]) + "/" +
            (f[2].is_small() ? text_of(f[2]) : std::to_string(std::max<std::int64_t>(list_length(f[2]), 0)));
    if (f.size() == 4)
      for (term l = f[3]; l.is_cons(); l = l.tail())
        if (l.head().is_tuple(2) && l.head()[0].same(atom("file"))) text += " (" + text_of(l.head()[1]) + ")";
    text += '\n';
  }
  return text;
}

term client_info(process& self, term from, block& b) {
  const auto& n = names();
  const term pid = from && from.is_tuple(2) ? from[0] : from;
  if (!pid || !pid.is_pid()) return n.undefined;
  if (!pid.is_local_pid()) return make_tuple_of(b, pid, n.remote);
  const auto client = self.node().find(pid);
  if (!client) return make_tuple_of(b, pid, n.dead);
  // Its stack is its own thread's business; its name can be asked for from here.
  return make_tuple_of(b, pid, make_tuple_of(b, pid, nil));
}

void gen_server_terminated(process& self, const server_terminate& r) {
  auto& b = self.scratch();
  const auto& n = names();
  const term report = map_builder(b)
                          .put("label", make_tuple_of(b, n.gen_server, n.terminate))
                          .put("name", r.name)
                          .put("last_message", r.last_message)
                          .put("state", r.state)
                          .put("log", r.log)
                          .put("reason", r.reason)
                          .put("client_info", r.client_info)
                          .build();
  std::string text = format("** Generic server ~tp terminating \n** Last message in was ~tp~n** When Server state == ~tp~n"
                            "** Reason for termination ==~n** ~tp~n",
                            make_list_of(b, r.name, without_natives(self, r.last_message), without_natives(self, r.state),
                                         explained(self, b, r.reason)));
  if (r.log.is_cons()) text += format("** Log ==~n** ~tp~n", make_list_of(b, without_natives(self, r.log)));
  text += client_text(b, r.client_info);
  publish(self, "error", report, {"gen_server", "error_info", 8, false, "format_log", "format_log"}, log_level::error, text);
}

void gen_statem_terminated(process& self, const statem_terminate& r) {
  auto& b = self.scratch();
  const auto& n = names();
  const term report = map_builder(b)
                          .put("label", make_tuple_of(b, atom("gen_statem"), n.terminate))
                          .put("name", r.name)
                          .put("queue", r.queue)
                          .put("postponed", r.postponed)
                          .put("modules", r.modules)
                          .put("callback_mode", r.callback_mode)
                          .put("state_enter", r.state_enter)
                          .put("state", r.state)
                          .put("timeouts", r.timeouts)
                          .put("log", r.log)
                          .put("reason", make_tuple_of(b, r.error_class, r.reason, r.stacktrace))
                          .put("client_info", r.client_info)
                          .build();
  const auto line = [&](const char* fmt, term t) { return format(fmt, make_list_of(b, without_natives(self, t))); };
  std::string text = line("** State machine ~tp terminating~n", r.name);
  if (r.queue.is_cons()) text += line("** Last event = ~tp~n", r.queue.head());
  text += line("** When server state  = ~tp~n", r.state);
  const term why = explained(self, b, make_tuple_of(b, r.reason, r.stacktrace));
  text += format("** Reason for termination = ~tp:~tp~n", make_list_of(b, r.error_class, without_natives(self, why[0])));
  text += line("** Callback modules = ~tp~n", r.modules);
  text += line("** Callback mode = ~tp~n",
               r.state_enter.same(n.true_) ? make_list_of(b, r.callback_mode, atom("state_enter")) : r.callback_mode);
  if (r.queue.is_cons() && r.queue.tail().is_cons()) text += line("** Queued = ~tp~n", r.queue.tail());
  if (r.postponed.is_cons()) text += line("** Postponed = ~tp~n", r.postponed);
  if (r.stacktrace.is_cons()) text += line("** Stacktrace =~n**  ~tp~n", r.stacktrace);
  if (!r.timeouts[0].same(small(0))) text += line("** Time-outs: ~tp~n", r.timeouts);
  if (r.log.is_cons()) text += line("** Log =~n**  ~tp~n", r.log);
  text += client_text(b, r.client_info);
  publish(self, "error", report, {"gen_statem", "error_info", 7, false, "format_log", "format_log"}, log_level::error, text);
}

void gen_event_handler_terminated(process& self, const event_handler_terminate& r) {
  auto& b = self.scratch();
  const term report = map_builder(b)
                          .put("label", make_tuple_of(b, atom("gen_event"), names().terminate))
                          .put("handler", r.handler)
                          .put("name", r.name)
                          .put("last_message", r.last_message)
                          .put("state", r.state)
                          .put("reason", r.reason)
                          .build();
  publish(self, "error", report, {"gen_event", "report_error", 5, false, "format_log", "format_log"}, log_level::error,
          format("** gen_event handler ~tp crashed.~n** Was installed in ~tp~n** Last event was: ~tp~n** When handler state == ~tp~n"
                 "** Reason == ~tp~n",
                 make_list_of(b, r.handler, r.name, without_natives(self, r.last_message), without_natives(self, r.state),
                              without_natives(self, r.reason))));
}

namespace {

void unhandled(process& self, const char* behaviour, const char* function, term module, term message) {
  auto& b = self.scratch();
  const term report = map_builder(b)
                          .put("label", make_tuple_of(b, atom(behaviour), atom("no_handle_info")))
                          .put("module", module)
                          .put("message", message)
                          .build();
  publish(self, "warning", report, {behaviour, function, 4, false, "format_log", "format_log", nullptr, "warning_msg"}, log_level::warning,
          format("** Undefined handle_info in ~p~n** Unhandled message: ~tp~n", make_list_of(b, module, message)));
}

}  // namespace

void no_handle_info(process& self, term module, term message) { unhandled(self, "gen_server", "try_dispatch", module, message); }

void no_event_handle_info(process& self, term module, term message) { unhandled(self, "gen_event", "server_update", module, message); }

void crash(process& self, term error_class, term reason, term stacktrace) {
  const auto& n = names();
  if (error_class.same(n.exit) && is_shutdown(reason)) return;
  auto& b = self.scratch();
  if (!stacktrace) stacktrace = nil;
  std::vector<term> own;
  term initial = self.dictionary_get(n.initial_call);
  if (initial && initial.is_tuple(3) && initial[2].is_small()) {
    std::vector<term> dummies;
    for (std::int64_t i = 1; i <= initial[2].small() && i <= 255; ++i) dummies.push_back(atom("Argument__" + std::to_string(i)));
    initial = make_tuple_of(b, initial[0], initial[1], make_list(b, dummies.data(), dummies.size()));
    own.push_back(make_tuple_of(b, atom("initial_call"), initial));
  } else {
    initial = {};
  }
  const term registered = self.registered_name();
  const term ancestors = self.dictionary_get(n.ancestors);
  own.push_back(make_tuple_of(b, n.pid, self.pid()));
  own.push_back(make_tuple_of(b, n.registered_name, registered ? registered : nil));
  own.push_back(make_tuple_of(b, atom("error_info"), make_tuple_of(b, error_class, reason, stacktrace)));
  own.push_back(make_tuple_of(b, atom("ancestors"), ancestors && ancestors.is_list() ? ancestors : nil));
  own.push_back(info_of(self, b, "message_queue_len", small(0)));
  own.push_back(info_of(self, b, "messages", nil));
  own.push_back(info_of(self, b, "links", nil));
  own.push_back(make_tuple_of(b, atom("dictionary"), cleaned_dictionary(self, b)));
  own.push_back(info_of(self, b, "trap_exit", n.false_));
  own.push_back(make_tuple_of(b, n.status, n.running));
  own.push_back(info_of(self, b, "heap_size", small(0)));
  own.push_back(info_of(self, b, "stack_size", small(0)));
  own.push_back(info_of(self, b, "reductions", small(0)));
  const term report = map_builder(b)
                          .put("label", make_tuple_of(b, n.proc_lib, atom("crash")))
                          .put("report", make_list_of(b, make_list(b, own.data(), own.size()), nil))
                          .build();
  std::string text = "crash report\n  crasher:\n";
  if (initial) text += "    initial call: " + text_of(initial[0]) + ":" + text_of(initial[1]) + "/" + std::to_string(list_length(initial[2])) + "\n";
  text += "    pid: " + text_of(self.pid()) + "\n    registered_name: " + text_of(registered ? registered : nil) + "\n    exception " +
          text_of(error_class) + ": " + text_of(without_natives(self, reason)) + "\n" + stack_text(stacktrace) +
          "    ancestors: " + text_of(ancestors ? ancestors : nil) + "\n";
  publish(self, "error", report,
          {"proc_lib", "crash_report", 4, true, "report_cb", nullptr, "CRASH REPORT", "error_report", "crash_report"}, log_level::error,
          text);
}

void supervisor_error(process& self, term supervisor, term context, term reason, term child) {
  auto& b = self.scratch();
  const auto& n = names();
  const term report = map_builder(b)
                          .put("label", make_tuple_of(b, n.supervisor, context))
                          .put("report", make_list_of(b, make_tuple_of(b, n.supervisor, supervisor),
                                                      make_tuple_of(b, atom("errorContext"), context),
                                                      make_tuple_of(b, n.reason, reason), make_tuple_of(b, atom("offender"), child)))
                          .build();
  publish(self, "error", report,
          {"supervisor", "do_restart", 3, true, "format_log", "format_log", "SUPERVISOR REPORT", "error_report", "supervisor_report"},
          log_level::error,
          format("supervisor report~n    supervisor: ~tp~n    errorContext: ~tp~n    reason: ~tp~n    offender: ~tp~n",
                 make_list_of(b, supervisor, context, reason, child)));
}

void supervisor_progress(process& self, term supervisor, term child) {
  auto& b = self.scratch();
  // An info event: below the level at which a node passes events on to others by default.
  self.node().log(log_level::info, format("progress report~n    supervisor: ~tp~n    started: ~tp~n", make_list_of(b, supervisor, child)));
}

void error_text(process& self, const char* fmt, term args, const char* module, const char* function, int arity) {
  auto& b = self.scratch();
  if (const term node = remote_node(self.group_leader())) {
    const term meta = build_meta(b, {module, function, arity}, self.pid(), self.group_leader());
    self.send(make_tuple_of(b, names().logger_proxy, node),
              make_tuple_of(b, names().log, names().error, make_charlist(b, fmt), without_natives(self, args), meta));
  }
  self.node().log(log_level::error, format(fmt, args));
}

void emulator_crash(runtime& node, term pid, term group_leader, term exit_value) {
  static constexpr const char* text = "Error in process ~p on node ~p with exit value:~n~p~n";
  auto b = block::make(64);
  const term args = make_list_of(*b, pid, this_node().name, exit_value);
  if (const term remote = remote_node(group_leader)) {
    const term error_logger = map_builder(*b).put("emulator", names().true_).put("tag", names().error).build();
    const term meta = map_builder(*b)
                          .put("error_logger", error_logger)
                          .put("gl", group_leader)
                          .put("pid", pid)
                          .put("time", make_integer(*b, microseconds()))
                          .build();
    const term to = make_tuple_of(*b, names().logger_proxy, remote);
    auto message = block::make(64);
    message->root = copy(*message, make_tuple_of(*b, names().log, names().error, make_charlist(*b, text), args, meta));
    node.send(to, std::move(message), pid);
  }
  node.log(log_level::error, format(text, args));
}

}  // namespace cnode::actors::reports
