// What arrives, and the answer:
//   {From, {call, M, F, A, GL}}                      -> From ! {rex, Result}            GL: pid, user, send_stdout_to_caller
//   {'$gen_call', From, {call, M, F, A, GL}}         -> Result
//   {'$gen_call', From, {block_call, M, F, A, GL}}   -> Result, one after the other
//   {'$gen_cast', {cast, M, F, A, GL}}               -> nothing
//   {From, {sbcast, Name, Msg}}                      -> Name ! Msg, From ! {rex, Node, Node | {nonexisting_name, Name}}
//   {From, {send, Name, Msg}}                        -> Name ! {From, Msg}, or From ! {rex, Node, {nonexisting_name, Name}}
//   {From, features_request}                         -> From ! {features_reply, Node, [erpc]}
// Each call runs in a process of its own; block calls run one at a time in a process they share.
#include "rex.hpp"

#include <cnode/protocol/local_node.hpp>

#include "erpc.hpp"
#include "io.hpp"
#include "service.hpp"

namespace cnode::services {

namespace {

// One call: where the answer goes, as a message ready but for the result.
struct request {
  kept fields;      // {M, F, A}
  kept to;          // {Pid, Tag} of a gen call; {rex, Pid} of the old form; none for a cast
  term stdout_server;  // send_stdout_to_caller: sends the answer after all output
};

struct answer {
  term to;
  block_ptr message;
};

answer answer_message(const request& r, term result) {
  const term to = get(r.to);
  auto b = block::make(16);
  const bool old_form = to[0].is_atom();
  b->root = make_tuple_of(*b, old_form ? to[0] : copy(*b, to[1]), copy(*b, result));
  return {old_form ? to[1] : reply_target(to), std::move(b)};
}

void give_answer_to(actors::runtime& node, term from, const request& r, term result) {
  if (!r.to) return;
  auto a = answer_message(r, result);
  if (!r.stdout_server) return node.send(a.to, std::move(a.message), from);
  auto b = block::make(16);
  b->root = make_tuple_of(*b, atom("stop"), copy(*b, a.to), copy(*b, a.message->root));
  node.send(r.stdout_server, std::move(b), from);
}

// What is no function and no list is apply/3's to refuse.
void call_fields(actors::process& self, term f) {
  if (f[0].is_atom() && f[1].is_atom() && list_length(f[2]) >= 0) return self.call(f[0], f[1], f[2]);
  const term args[] = {f[0], f[1], f[2]};
  self.call(atom("erlang"), atom("apply"), args);
}

// Runs one call and ends.
class rex_call final : public actors::behaviour {
 public:
  explicit rex_call(request r) : r_(std::move(r)) {}
  void start(actors::process& self) override {
    call_fields(self, get(r_.fields));
  }
  void receive(actors::process&, block_ptr&) override {}
  void returned(actors::process& self, actors::outcome o) override {
    const term f = get(r_.fields);
    answered_ = true;
    if (r_.to) {
      give_answer_to(self.node(), self.pid(), r_, rpc_result(self.scratch(), o, f[0], f[1], f[2]));
    } else if (o.kind == actors::outcome::raised && is(o.error_class, "error")) {
      return self.exit(make_tuple_of(self.scratch(), make_tuple_of(self.scratch(), atom("exception"), make_tuple_of(self.scratch(), o.reason, o.stacktrace)), nil));
    }
    self.exit(atom("normal"));
  }
  // Killed while it ran: rex would have seen the DOWN.
  void stopping(actors::process& self, term reason) override {
    if (answered_) return;
    auto b = block::make(16);
    give_answer_to(self.node(), self.pid(), r_, make_tuple_of(*b, atom("badrpc"), make_tuple_of(*b, atom("EXIT"), reason)));
  }
  term current_function(actors::process&, block& b) override {
    const term f = get(r_.fields);
    return make_tuple_of(b, f[0], f[1], small(list_length(f[2])));
  }

 private:
  request r_;
  bool answered_ = false;
};

// Block calls, in order. The next one starts when the one before has ended.
class block_caller final : public actors::behaviour {
 public:
  void start(actors::process&) override {}
  void receive(actors::process& self, block_ptr& message) override {
    const auto m = std::move(message);
    // {From, {M, F, A}, GL} from rex; others may know our pid.
    if (!m->root.is_tuple(3) || !is_from(m->root[0]) || !m->root[1].is_tuple(3)) return;
    running_ = request{keep(m->root[1]), keep(m->root[0]), {}};
    if (m->root[2].is_pid()) self.set_group_leader(m->root[2]);
    call_fields(self, get(running_.fields));
  }
  void returned(actors::process& self, actors::outcome o) override {
    const term f = get(running_.fields);
    give_answer_to(self.node(), self.pid(), running_, rpc_result(self.scratch(), o, f[0], f[1], f[2]));
  }

 private:
  request running_;
};

class rex final : public service {
 public:
  rex() : service("rpc") {}

 private:
  // GL of a call: a pid, or `user`. Anything else crashes the calling process on BEAM; here the node's own is used.
  static term leader(actors::process& self, term gl) { return gl.is_pid() ? gl : self.node().default_group_leader(); }

  static void run(actors::process& self, term call, kept to, term gl) {
    request r{keep(make_tuple_of(self.scratch(), call[1], call[2], call[3])), std::move(to), {}};
    actors::spawn_options options;
    options.group_leader = leader(self, gl);
    if (is(gl, "send_stdout_to_caller") && r.to) {
      const auto caller = keep(get(r.to)[1]);
      auto put = [caller](actors::process& server, std::string_view text) {
        server.send(get(caller), make_tuple_of(server.scratch(), atom("rex_stdout"), make_binary(server.scratch(), text)));
        return true;
      };
      options.group_leader = r.stdout_server = self.node().spawn(std::make_unique<io_server>("rpc", put));
    }
    options.initial_call = make_tuple_of(self.scratch(), call[1], call[2], small(std::max<std::int64_t>(0, list_length(call[3]))));
    self.node().spawn(std::make_unique<rex_call>(std::move(r)), options);
  }

  static bool is_call(term t, std::string_view name) { return t.is_tuple(5) && is(t[0], name); }

  bool handle_call(actors::process& self, term from, term request, term&) override {
    if (is_call(request, "call")) run(self, request, keep(from), request[4]);
    if (is_call(request, "block_call")) {
      if (!blocks_ || !self.node().alive(blocks_)) blocks_ = self.node().spawn(std::make_unique<block_caller>());
      auto& b = self.scratch();
      self.send(blocks_, make_tuple_of(b, from, make_tuple_of(b, request[1], request[2], request[3]), leader(self, request[4])));
    }
    return false;
  }

  void handle_cast(actors::process& self, term request) override {
    if (is_call(request, "cast")) run(self, request, {}, request[4]);
  }

  void handle_info(actors::process& self, term m) override {
    if (!m.is_tuple(2) || !m[0].is_pid()) return;
    const term from = m[0], what = m[1];
    auto& b = self.scratch();
    if (is(what, "features_request")) {
      self.send(from, make_tuple_of(b, atom("features_reply"), this_node().name, make_list_of(b, atom("erpc"))));
    } else if (is_call(what, "call")) {
      run(self, what, keep(make_tuple_of(b, atom("rex"), from)), what[4]);
    } else if (what.is_tuple(3) && (is(what[0], "sbcast") || is(what[0], "send"))) {
      const bool broadcast = is(what[0], "sbcast");
      const bool there = !what[1].is_atom() || self.node().whereis(what[1]);
      if (there) self.send(what[1], broadcast ? what[2] : make_tuple_of(b, from, what[2]));
      const term result = there ? this_node().name : make_tuple_of(b, atom("nonexisting_name"), what[1]);
      if (broadcast || !there) self.send(from, make_tuple_of(b, atom("rex"), this_node().name, result));
    }
  }

  term blocks_;
};

}  // namespace

void start_rex(node_host& host) { spawn_service(host.runtime(), "rex", std::make_unique<rex>()); }

}  // namespace cnode::services
