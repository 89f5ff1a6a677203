// A process that applies M:F(Args) and ends: erlang:spawn/3 and its relatives.
#include "runtime_impl.hpp"
#include "slabs.hpp"

namespace cnode::actors {

namespace {

class function_process final : public behaviour {
 public:
  function_process(term module, term function, term args) : module_(module), function_(function), args_(args) {}

  static void* operator new(std::size_t bytes) { return slabs::take(bytes); }
  static void operator delete(void* p, std::size_t bytes) noexcept { slabs::give(p, bytes); }

  void start(process& self) override {
    if (args_.get().is_nil()) self.call(module_, function_, std::span<const term>{});
    else self.call(module_, function_, args_.get());
  }
  bool movable() const override { return true; }
  bool is(term module, term function) const { return args_.get().is_nil() && module_.same(module) && function_.same(function); }

  // The function itself waits for messages; the process takes none in between.
  void receive(process&, block_ptr&) override {}

  void returned(process& self, outcome o) override {
    if (o.kind == outcome::value) return self.exit(a().normal);
    auto& b = self.scratch();
    if (o.error_class.same(a().exit)) return self.exit(o.reason);
    auto reason = o.error_class.same(a().throw_) ? make_tuple_of(b, a().nocatch, o.reason) : o.reason;
    reason = make_tuple_of(b, reason, o.stacktrace ? o.stacktrace : nil);
    if (auto& f = runtime_access::of(self.node()).on_crash) f(self, reason);
    self.exit(reason);
  }

  term current_function(process&, block& b) override {
    const auto n = list_length(args_.get());
    return make_tuple_of(b, module_, function_, small(n < 0 ? 0 : n));
  }

 private:
  term module_, function_;
  owned_term args_;
};

}  // namespace

std::unique_ptr<behaviour> make_function_process(term module, term function, term args) {
  return std::make_unique<function_process>(module, function, args);
}

bool is_plain_function(const behaviour& b, term module, term function) {
  const auto* f = dynamic_cast<const function_process*>(&b);
  return f && f->is(module, function);
}

}  // namespace cnode::actors
