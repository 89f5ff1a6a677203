#include "birth.hpp"

#include <cnode/protocol/term_order.hpp>

#include "otp_atoms.hpp"

namespace cnode::actors {

namespace {

struct last_of_thread {
  birth* b = nullptr;
  bool gone = false;
  ~last_of_thread() {
    gone = true;
    if (b) b->release();
  }
};
thread_local last_of_thread last;

}  // namespace

term birth::key(std::size_t i) { return i == 0 ? names().initial_call : names().ancestors; }

term birth::get(term k) const {
  for (std::size_t i = 0; i < entries; ++i)
    if (key(i).same(k)) return value(i);
  return {};
}

void birth::release() noexcept {
  if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

birth* birth::of(const std::vector<std::pair<term, term>>& dictionary) {
  if (dictionary.size() != entries || !dictionary[0].first.same(key(0)) || !dictionary[1].first.same(key(1))) return nullptr;
  const term initial = dictionary[0].second, ancestors = dictionary[1].second;
  if (last.b && exactly_equal(last.b->value(0), initial) && exactly_equal(last.b->value(1), ancestors)) {
    last.b->retain();
    return last.b;
  }
  auto b = block::make(24);
  b->root = make_tuple_of(*b, copy(*b, initial), copy(*b, ancestors));
  auto* made = new birth(std::move(b));
  if (!last.gone) {
    if (last.b) last.b->release();
    made->retain();
    last.b = made;
  }
  return made;
}

}  // namespace cnode::actors
