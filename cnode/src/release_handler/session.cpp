#include "session.hpp"

namespace cnode::release_handler {

term applied::caught(block& b) const {
  if (value) return value;
  if (release::is(error_class, "throw")) return reason;
  const term why = release::is(error_class, "error") ? make_tuple_of(b, reason, stacktrace ? stacktrace : nil) : reason;
  return make_tuple_of(b, atom("EXIT"), why);
}

routine<applied> session::apply(term module, term function, term args) {
  const auto& a = co_await t.apply(module, function, args);
  applied out;
  out.value = keep(a.value);
  if (!out.value) {
    out.error_class = keep(a.error_class);
    out.reason = keep(a.reason);
    out.stacktrace = keep(a.stacktrace);
  }
  co_return out;
}

namespace {

// Says so by a message, once, whoever lets go of it last.
struct finish_note {
  actors::runtime* node;
  term to;
  block_ptr ref;

  ~finish_note() {
    auto b = block::make(16);
    b->root = make_tuple_of(*b, atom("$release_handler"), copy(*b, ref->root));
    node->send(to, std::move(b));
  }
};

}  // namespace

routine<void> session::finished(const std::function<void(std::function<void()>)>& start) {
  const std::function<std::size_t()> none;
  co_await finished(start, -1, none);
}

routine<bool> session::finished(const std::function<void(std::function<void()>)>& start, std::int64_t ms, const std::function<std::size_t()>& progress) {
  const term ref = node().make_ref(heap());
  {
    auto note = std::make_shared<finish_note>();
    note->node = &node();
    note->to = t.self().pid();
    note->ref = copy_to_block(ref);
    start([note]() mutable { note.reset(); });
  }
  const talk::matcher mine = [ref](term m) { return m.is_tuple(2) && release::is(m[0], "$release_handler") && exactly_equal(m[1], ref); };
  for (std::size_t before = 0;;) {
    if (co_await t.wait_for(mine, ms)) co_return true;
    const auto now = progress();
    if (now == before) co_return false;
    before = now;
  }
}

}  // namespace cnode::release_handler
