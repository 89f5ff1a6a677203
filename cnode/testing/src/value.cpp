#include <cmath>

#include <cnode/protocol/atom_table.hpp>
#include <cnode/protocol/term_order.hpp>
#include <cnode/protocol/term_text.hpp>

#include "term_box.hpp"
#include "term_syntax.hpp"

namespace cnode::testing {

using detail::access;

namespace {

std::shared_ptr<const detail::term_box> boxed(block_ptr b) { return std::make_shared<const detail::term_box>(detail::term_box{std::move(b)}); }

std::shared_ptr<const detail::term_box> parsed(std::string_view text) {
  auto b = parse_term(to_erlang(text));
  if (!b) throw failure("no term: " + std::string(text) + " (" + to_string(b.error()) + ")");
  return boxed(std::move(*b));
}

std::shared_ptr<const detail::term_box> made(term (*make)(block&, std::string_view), std::string_view text) {
  auto b = block::make(16);
  b->root = make(*b, text);
  return boxed(std::move(b));
}

// f(block, terms copied into it)
template <class F>
block_ptr combined(const std::vector<value>& elements, F f) {
  auto b = block::make(64);
  std::vector<term> terms;
  for (const auto& e : elements) terms.push_back(copy(*b, access::of(e)));
  b->root = f(*b, terms);
  return b;
}

bool elements_of(term t, std::vector<term>& out) {
  if (t.is_tuple()) {
    for (std::uint64_t i = 0; i < t.arity(); ++i) out.push_back(t[i]);
    return true;
  }
  for (; t.is_cons(); t = t.tail()) out.push_back(t.head());
  return t.is_nil();
}

[[noreturn]] void is_no(const value& v, const char* what) { throw failure(v.text() + " is no " + what); }

}  // namespace

value::value() : value(atom("nil")) {}
value::value(std::string_view text) : box_(parsed(text)) {}
value::value(bool b) : value(atom(b ? "true" : "false")) {}
value::value(double d) {
  if (!std::isfinite(d)) throw failure("a float is finite");
  auto b = block::make(4);
  b->root = make_float(*b, d);
  box_ = boxed(std::move(b));
}
value::value(integer_tag, std::int64_t i) {
  auto b = block::make(4);
  b->root = make_integer(*b, i);
  box_ = boxed(std::move(b));
}

value value::atom(std::string_view name) {
  const term t = find_or_make_atom(name);
  if (!t) throw failure("no atom: " + std::string(name));
  return access::make(immediate_block(t));
}
value value::binary(std::string_view bytes) { return value(made(make_binary, bytes)); }
value value::charlist(std::string_view utf8) { return value(made(make_charlist, utf8)); }
value value::list(const std::vector<value>& elements) {
  return access::make(combined(elements, [](block& b, const std::vector<term>& t) { return make_list(b, t.data(), t.size()); }));
}
value value::tuple(const std::vector<value>& elements) {
  return access::make(combined(elements, [](block& b, const std::vector<term>& t) { return make_tuple(b, t.data(), t.size()); }));
}
value value::map(const std::vector<std::pair<value, value>>& pairs) {
  std::vector<value> all;
  for (const auto& [key, v] : pairs) all.push_back(key);
  for (const auto& [key, v] : pairs) all.push_back(v);
  return access::make(combined(all, [&](block& b, const std::vector<term>& t) { return make_map(b, t.data(), t.data() + pairs.size(), pairs.size()); }));
}

std::string value::text() const { return inspect(access::of(*this)); }
std::string value::erlang_text() const { return to_text(access::of(*this)); }
bool value::equals(const value& other) const { return exactly_equal(access::of(*this), access::of(other)); }

template <>
std::int64_t value::as() const {
  std::int64_t i = 0;
  if (!to_int64(access::of(*this), i)) is_no(*this, "integer of 64 bits");
  return i;
}
template <>
int value::as() const {
  const auto i = as<std::int64_t>();
  if (!std::in_range<int>(i)) is_no(*this, "int");
  return static_cast<int>(i);
}
template <>
double value::as() const {
  if (!access::of(*this).is_float()) is_no(*this, "float");
  return access::of(*this).float_value();
}
template <>
bool value::as() const {
  const term t = access::of(*this);
  if (!t.same(cnode::atom("true")) && !t.same(cnode::atom("false"))) is_no(*this, "boolean");
  return t.same(cnode::atom("true"));
}
template <>
std::string value::as() const {
  const term t = access::of(*this);
  if (t.is_binary()) return std::string(t.bytes());
  if (t.is_atom()) return std::string(atom_text(t));
  std::string s;
  if (!chardata_to_string(t, s)) is_no(*this, "text");
  return s;
}
template <>
std::vector<value> value::as() const {
  std::vector<term> terms;
  if (!elements_of(access::of(*this), terms)) is_no(*this, "list or tuple");
  std::vector<value> values;
  for (const term t : terms) values.push_back(access::copy_of(t));
  return values;
}

std::size_t value::size() const {
  const term t = access::of(*this);
  if (t.is_map()) return t.map_size();
  if (t.is_binary()) return t.bytes().size();
  std::vector<term> terms;
  if (!elements_of(t, terms)) is_no(*this, "list, tuple, map or binary");
  return terms.size();
}
value value::at(std::size_t i) const {
  std::vector<term> terms;
  if (!elements_of(access::of(*this), terms)) is_no(*this, "list or tuple");
  if (i >= terms.size()) throw failure(text() + " has no element " + std::to_string(i));
  return access::copy_of(terms[i]);
}
bool value::has(const value& key) const {
  const term t = access::of(*this);
  if (!t.is_map()) is_no(*this, "map");
  return static_cast<bool>(map_get(t, access::of(key)));
}
value value::get(const value& key) const {
  if (!has(key)) throw failure(text() + " has no key " + key.text());
  return access::copy_of(map_get(access::of(*this), access::of(key)));
}

}  // namespace cnode::testing
