// Terms that are kept between two messages, in Erlang's order.
#pragma once

#include <cnode/protocol/term_order.hpp>

#include "call.hpp"

namespace cnode::services {

// A term that outlives its block; what is immediate needs none.
class owned {
 public:
  owned() = default;
  explicit owned(term t) : kept_(t.is_boxed() || t.is_cons() ? keep(t) : kept{}), term_(kept_ ? services::get(kept_) : t) {}
  term get() const { return term_; }
  friend bool operator<(const owned& a, const owned& b) { return compare_exact(a.term_, b.term_) < 0; }
  friend bool operator==(const owned& a, const owned& b) { return exactly_equal(a.term_, b.term_); }

 private:
  kept kept_;
  term term_;
};

}  // namespace cnode::services
