// on_load, as code_server.erl and erts_code_purger treat it: the function runs in a process of its own and may do what any function may;
// who wants to load the module meanwhile waits; the version becomes current when it has returned ok, and is forgotten otherwise.
#include <utility>

#include <cnode/actors/process.hpp>
#include <cnode/protocol/term_text.hpp>

#include "code/code_impl.hpp"
#include "code/waiting.hpp"

namespace cnode::actors {

namespace {

class on_load_process final : public behaviour {
 public:
  // Retains the version. `done` is called once, whatever becomes of the process.
  on_load_process(module_version* v, std::function<void(bool, std::string)> done) : version_{v}, done_{std::move(done)} { v->retain(); }
  ~on_load_process() override {
    version_->release();
    if (done_) done_(false, "on_load was killed");
  }
  void start(process& self) override {
    const term args[] = {version_->name()};
    self.call(atom("erlang"), atom("call_on_load_function"), args);
  }
  // The function itself takes what it waits for.
  void receive(process&, block_ptr&) override {}
  void returned(process& self, outcome o) override {
    std::string why;
    if (o.kind == outcome::raised) why = "on_load failed: " + to_text(o.error_class) + ":" + to_text(o.reason);
    else if (!o.result.same(atom("ok"))) why = "on_load returned " + to_text(o.result);
    std::exchange(done_, nullptr)(why.empty(), why);
    self.exit(atom("normal"));
  }
  module_version* version() const { return version_; }

 private:
  module_version* version_;
  std::function<void(bool, std::string)> done_;
};

// erlang:call_on_load_function(Module): only for the process that the loader made for it.
cnode_term call_on_load_function(cnode_env* env, const cnode_term* args) {
  auto* p = dynamic_cast<on_load_process*>(self(env).current_behaviour());
  if (!p || !p->version()->name().same(term{args[0]})) return raise_badarg(env).word();
  auto* v = p->version();
  v->retain();
  return apply_in(env, {v->description()->on_load, v, 0}, v->name(), atom("on_load"));
}

}  // namespace

void code_server_impl::run_on_load(candidate_ptr c) {
  auto answer = [this, c](bool ok, std::string why) {
    post([this, c, ok, why = std::move(why)]() mutable {
      const auto module = c->module;
      if (ok) {
        publish(c);
      } else {
        std::exchange(c->version, nullptr)->release();
        refuse(*c, "on_load_failure", c->path + ": " + why);
      }
      on_load_ended(module);
    });
  };
  auto& pending = on_loads[c->module.word()];
  pending.process = node.spawn(std::make_unique<on_load_process>(c->version, std::move(answer)));
}

bool code_server_impl::wait_for_on_load(term module, term asker, const load_done& done, std::function<void()> job) {
  const auto i = on_loads.find(module.word());
  if (i == on_loads.end()) return false;
  if (asker && asker.same(i->second.process))
    done({false, module, atom("deadlock"), std::string{atom_text(module)} + ": its on_load waits for itself"});
  else
    i->second.waiting.push_back(std::move(job));
  return true;
}

void code_server_impl::on_load_ended(term module) {
  const auto i = on_loads.find(module.word());
  const auto waiting = std::move(i->second.waiting);
  on_loads.erase(i);
  for (const auto& job : waiting) job();
}

void add_on_load_function(code_server& code) {
  static constexpr builtin_function functions[] = {{"call_on_load_function", 1, call_on_load_function}};
  code.add_builtin("erlang", functions);
}

}  // namespace cnode::actors
