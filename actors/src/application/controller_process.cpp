// The controller's life: a process that holds it as init does on a BEAM node, and what the program asks of it.
#include <cnode/actors/gen.hpp>
#include <cnode/protocol/term_text.hpp>

#include "../builtin_calls.hpp"
#include "../otp_atoms.hpp"
#include "application_process.hpp"

namespace cnode::actors {

namespace {

// Linked with the controller as its parent: its exit signal stops the applications, and it hears when the controller ends by itself.
class controller_watcher final : public behaviour {
 public:
  explicit controller_watcher(std::shared_ptr<application_table> table) : table_(std::move(table)) {}

  void start(process& self) override {
    self.set_trap_exit(true);
    gen::server_start server;
    auto b = block::make(32);
    server.name = make_tuple_of(*b, names().local, atom("application_controller"));
    server.module = atom("application_controller");
    server.args = nil;
    server.starter = self.pid();
    server.parent = self.pid();
    server.link = true;
    server.ancestors = make_list_of(*b, self.pid());
    controller_ = gen::spawn_server(self.node(), server);
  }
  void receive(process& self, block_ptr& message) override {
    const term m = message->root;
    // A runtime that stops asks for the end by an exit signal in the process's own name.
    if (m.same(names().stop) || (m.is_tuple(3) && m[0].same(names().EXIT) && m[1].same(self.pid()))) {
      self.exit_signal(controller_, names().shutdown);
    } else if (m.is_tuple(3) && m[0].same(names().ack) && m[1].same(controller_)) {
      table_->began();
    } else if (m.is_tuple(3) && m[0].same(names().EXIT) && m[1].same(controller_)) {
      if (!m[2].same(names().normal) && !m[2].same(names().shutdown)) terminated(self, m[2]);
      self.exit(names().normal);
    }
    message.reset();
  }
  void returned(process&, outcome) override {}
  void stopping(process&, term) override { table_->ended(); }
  term current_function(process&, block& b) override { return make_tuple_of(b, atom("init"), names().loop, small(1)); }

 private:
  void terminated(process& self, term reason) const {
    std::string why;
    if (!chardata_to_string(reason, why) || why.empty()) why = to_text(reason);
    const auto text = "Kernel pid terminated (application_controller) (" + why + ")";
    self.node().log(log_level::error, text);
    if (table_->options.terminated) table_->options.terminated(text);
  }

  std::shared_ptr<application_table> table_;
  term controller_;
};

}  // namespace

void start_application_controller(runtime& node, const controller_options& options) {
  const auto table = applications_of(node);
  table->options = options;
  table->watcher = node.spawn(std::make_unique<controller_watcher>(table));
}

void wait_for_application_controller(const runtime& node) {
  const auto table = applications_of(node);
  if (table->watcher) table->wait_for_begin();
}

void stop_applications(runtime& node) {
  const auto table = applications_of(node);
  if (!table->watcher || !node.alive(table->watcher)) return;
  node.send(table->watcher, immediate_block(names().stop));
  table->wait_for_end();
}

void add_application_builtins(runtime& node) {
  forget_applications(node);  // of a runtime that lay there before
  auto& code = node.code();
  add_controller_callbacks(code);
  add_application_master(code);
  add_application_functions(code);
  add_elixir_application(code);
}

}  // namespace cnode::actors
