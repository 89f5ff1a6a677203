#include "release/terms.hpp"

#include <cnode/protocol/term_order.hpp>
#include <cnode/protocol/term_text.hpp>

namespace cnode::release {

bool is_string(term t) {
  for (; t.is_cons(); t = t.tail()) {
    const term c = t.head();
    if (!c.is_small() || c.small() < 0 || c.small() > 0x10ffff || (c.small() >= 0xd800 && c.small() < 0xe000)) return false;
  }
  return t.is_nil();
}

bool is_atom_list(term t) {
  for (; t.is_cons(); t = t.tail())
    if (!t.head().is_atom()) return false;
  return t.is_nil();
}

bool is_pair_list(term t) {
  for (; t.is_cons(); t = t.tail())
    if (!t.head().is_tuple(2) || !t.head()[0].is_atom()) return false;
  return t.is_nil();
}

std::string text_of(term t) {
  std::string out;
  if (t.is_atom()) return std::string(atom_text(t));
  if (is_string(t) && chardata_to_string(t, out)) return out;
  print_options options;
  options.max_bytes = 200;
  return to_text(t, options);
}

terms elements(term list) {
  terms out;
  for (; list.is_cons(); list = list.tail()) out.push_back(list.head());
  return out;
}

term list_of(block& b, const terms& t) { return make_list(b, t.data(), t.size()); }

bool member(term t, const terms& list) {
  for (const term e : list)
    if (exactly_equal(t, e)) return true;
  return false;
}

terms difference(const terms& a, const terms& b) {
  terms out;
  for (const term t : a)
    if (!member(t, b)) out.push_back(t);
  return out;
}

void append(terms& a, const terms& b) { a.insert(a.end(), b.begin(), b.end()); }

refusal refused(block& b, std::string_view module, term what, std::string text) {
  return {make_tuple_of(b, atom("error"), atom(module), what), std::move(text)};
}

}  // namespace cnode::release
