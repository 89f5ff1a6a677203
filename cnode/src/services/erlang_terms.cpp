// erlang: what can be said about a term, and terms from other terms.
#include <algorithm>
#include <array>

#include <cnode/protocol/etf.hpp>
#include <cnode/protocol/term_order.hpp>
#include <cnode/protocol/term_text.hpp>

#include "digests.hpp"
#include "modules.hpp"
#include "call.hpp"

namespace cnode::services {

namespace {

// ---- type tests
term is_atom_(call& c) { return boolean(c[0].is_atom()); }
term is_binary_(call& c) { return boolean(c[0].is_binary()); }
term is_bitstring_(call& c) { return boolean(c[0].is_bitstring()); }
term is_boolean_(call& c) { return boolean(is(c[0], "true") || is(c[0], "false")); }
term is_float_(call& c) { return boolean(c[0].is_float()); }
term is_function_(call& c) { return boolean(c[0].is_fun()); }
term is_integer_(call& c) { return boolean(c[0].is_integer()); }
term is_list_(call& c) { return boolean(c[0].is_list()); }
term is_map_(call& c) { return boolean(c[0].is_map()); }
term is_number_(call& c) { return boolean(c[0].is_number()); }
term is_pid_(call& c) { return boolean(c[0].is_pid()); }
term is_port_(call& c) { return boolean(c[0].is_port()); }
term is_reference_(call& c) { return boolean(c[0].is_ref()); }
term is_tuple_(call& c) { return boolean(c[0].is_tuple()); }

term is_map_key_(call& c) {
  if (!c[1].is_map()) return c.error(c.tuple(atom("badmap"), c[1]));
  return boolean(static_cast<bool>(map_get(c[1], c[0])));
}

term is_record_(call& c) {
  if (!c[1].is_atom()) return c.badarg();
  return boolean(c[0].is_tuple() && c[0].arity() > 0 && c[0][0].same(c[1]));
}

// ---- tuples, lists, maps, binaries
term element_(call& c) {
  if (!c[0].is_small() || !c[1].is_tuple() || c[0].small() < 1 || c[0].small() > static_cast<std::int64_t>(c[1].arity())) return c.badarg();
  return c[1][static_cast<std::uint64_t>(c[0].small() - 1)];
}

term setelement_(call& c) {
  if (!c[0].is_small() || !c[1].is_tuple() || c[0].small() < 1 || c[0].small() > static_cast<std::int64_t>(c[1].arity())) return c.badarg();
  std::vector<term> e;
  for (std::uint64_t i = 0; i < c[1].arity(); ++i) e.push_back(c[1][i]);
  e[static_cast<std::size_t>(c[0].small() - 1)] = c[2];
  return make_tuple(c.heap(), e.data(), e.size());
}

term append_element_(call& c) {
  if (!c[0].is_tuple()) return c.badarg();
  std::vector<term> e;
  for (std::uint64_t i = 0; i < c[0].arity(); ++i) e.push_back(c[0][i]);
  e.push_back(c[1]);
  return make_tuple(c.heap(), e.data(), e.size());
}

term tuple_size_(call& c) { return c[0].is_tuple() ? c.integer(static_cast<std::int64_t>(c[0].arity())) : c.badarg(); }
term byte_size_(call& c) { return c[0].is_bitstring() ? c.integer(static_cast<std::int64_t>((c[0].size() + 7) / 8)) : c.badarg(); }
term bit_size_(call& c) { return c[0].is_bitstring() ? c.integer(static_cast<std::int64_t>(c[0].size())) : c.badarg(); }
term map_size_(call& c) { return c[0].is_map() ? c.integer(static_cast<std::int64_t>(c[0].map_size())) : c.error(c.tuple(atom("badmap"), c[0])); }

term size_(call& c) {
  if (c[0].is_tuple()) return tuple_size_(c);
  return c[0].is_bitstring() ? c.integer(static_cast<std::int64_t>(c[0].size() / 8)) : c.badarg();
}

term length_(call& c) {
  const auto n = list_length(c[0]);
  return n < 0 ? c.badarg() : c.integer(n);
}

term hd_(call& c) { return c[0].is_cons() ? c[0].head() : c.badarg(); }
term tl_(call& c) { return c[0].is_cons() ? c[0].tail() : c.badarg(); }

term map_get_(call& c) {
  if (!c[1].is_map()) return c.error(c.tuple(atom("badmap"), c[1]));
  const term v = map_get(c[1], c[0]);
  return v ? v : c.error(c.tuple(atom("badkey"), c[0]));
}

term append_(call& c) {  // ++
  const auto left = elements(c[0]);
  if (!left) return c.badarg();
  return left->empty() ? c[1] : make_list(c.heap(), left->data(), left->size(), c[1]);
}

term subtract_(call& c) {  // --
  auto left = elements(c[0]);
  const auto right = elements(c[1]);
  if (!left || !right) return c.badarg();
  for (const term r : *right) {
    const auto at = std::find_if(left->begin(), left->end(), [&](term l) { return exactly_equal(l, r); });
    if (at != left->end()) left->erase(at);
  }
  return make_list(c.heap(), left->data(), left->size());
}

term list_to_tuple_(call& c) {
  const auto e = elements(c[0]);
  return e ? make_tuple(c.heap(), e->data(), e->size()) : c.badarg();
}

term tuple_to_list_(call& c) {
  if (!c[0].is_tuple()) return c.badarg();
  std::vector<term> e;
  for (std::uint64_t i = 0; i < c[0].arity(); ++i) e.push_back(c[0][i]);
  return make_list(c.heap(), e.data(), e.size());
}

term make_tuple_(call& c) {
  if (!c[0].is_small() || c[0].small() < 0 || c[0].small() >= 1 << 24) return c.badarg();
  const std::vector<term> e(static_cast<std::size_t>(c[0].small()), c[1]);
  return make_tuple(c.heap(), e.data(), e.size());
}

term split_binary_(call& c) {
  if (!c[0].is_binary() || !c[1].is_small() || c[1].small() < 0 || c[1].small() > static_cast<std::int64_t>(c[0].size() / 8)) return c.badarg();
  const auto n = static_cast<std::size_t>(c[1].small());
  return c.tuple(c.binary(c[0].bytes().substr(0, n)), c.binary(c[0].bytes().substr(n)));
}

term binary_part(call& c, term bin, term start, term length) {
  if (!bin.is_binary() || !start.is_small() || !length.is_small()) return c.badarg();
  const auto n = static_cast<std::int64_t>(bin.size() / 8);
  auto from = start.small(), count = length.small();
  if (count < 0 && count >= -n) {  // backwards from start
    from += count;
    count = -count;
  }
  if (from < 0 || count < 0 || from > n || count > n - from) return c.badarg();
  return c.binary(bin.bytes().substr(static_cast<std::size_t>(from), static_cast<std::size_t>(count)));
}
term binary_part_3(call& c) { return binary_part(c, c[0], c[1], c[2]); }
term binary_part_2(call& c) { return c[1].is_tuple(2) ? binary_part(c, c[0], c[1][0], c[1][1]) : c.badarg(); }

// ---- text
term latin1_charlist(call& c, std::string_view bytes) {
  std::vector<term> e;
  for (const char ch : bytes) e.push_back(small(static_cast<unsigned char>(ch)));
  return make_list(c.heap(), e.data(), e.size());
}

term atom_to_list_(call& c) { return c[0].is_atom() ? c.text(atom_text(c[0])) : c.badarg(); }
term atom_to_binary_(call& c) { return c[0].is_atom() ? c.binary(atom_text(c[0])) : c.badarg(); }

bool is_encoding(term t) { return is(t, "utf8") || is(t, "unicode") || is(t, "latin1"); }

// UTF-8 as ISO 8859-1; false when a character has no place there.
bool to_latin1(std::string_view utf8, std::string& out) {
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const auto b = static_cast<unsigned char>(utf8[i]);
    if (b < 0x80) {
      out += utf8[i];
    } else if ((b == 0xc2 || b == 0xc3) && i + 1 < utf8.size()) {
      out += static_cast<char>((b & 3) << 6 | (static_cast<unsigned char>(utf8[++i]) & 0x3f));
    } else {
      return false;
    }
  }
  return true;
}

std::string from_latin1(std::string_view bytes) {
  std::string out;
  for (const char ch : bytes) {
    const auto b = static_cast<unsigned char>(ch);
    if (b < 0x80) {
      out += ch;
    } else {
      out += static_cast<char>(0xc0 | b >> 6);
      out += static_cast<char>(0x80 | (b & 0x3f));
    }
  }
  return out;
}

term atom_to_binary_2(call& c) {
  if (!c[0].is_atom() || !is_encoding(c[1])) return c.badarg();
  if (!is(c[1], "latin1")) return c.binary(atom_text(c[0]));
  std::string bytes;
  return to_latin1(atom_text(c[0]), bytes) ? c.binary(bytes) : c.badarg();
}

// A flat list of characters as UTF-8.
bool string_of(term list, std::string& out) {
  for (term t = list; t.is_cons(); t = t.tail())
    if (!t.head().is_small()) return false;
  return list.is_list() && chardata_to_string(list, out);
}

term atom_or(call& c, std::string_view text, bool existing) {
  if (const term found = find_atom(text)) return found;
  if (existing) return c.badarg();
  const term made = find_or_make_atom(text);
  return made ? made : c.error(atom(text.size() > 255 ? "system_limit" : "badarg"));
}
term list_to_atom_(call& c) {
  std::string s;
  return string_of(c[0], s) ? atom_or(c, s, false) : c.badarg();
}
term list_to_existing_atom_(call& c) {
  std::string s;
  return string_of(c[0], s) ? atom_or(c, s, true) : c.badarg();
}
term binary_to_atom_(call& c) { return c[0].is_binary() ? atom_or(c, c[0].bytes(), false) : c.badarg(); }
term binary_to_atom_2(call& c) {
  if (!c[0].is_binary() || !is_encoding(c[1])) return c.badarg();
  return is(c[1], "latin1") ? atom_or(c, from_latin1(c[0].bytes()), false) : binary_to_atom_(c);
}
term binary_to_existing_atom_(call& c) { return c[0].is_binary() ? atom_or(c, c[0].bytes(), true) : c.badarg(); }
term binary_to_existing_atom_2(call& c) {
  if (!c[0].is_binary() || !is_encoding(c[1])) return c.badarg();
  return is(c[1], "latin1") ? atom_or(c, from_latin1(c[0].bytes()), true) : binary_to_existing_atom_(c);
}

term iolist_to_binary_(call& c) {
  const term data = c[0];
  if (data.is_binary()) return data;
  std::string bytes;
  return data.is_list() && iolist_to_string(data, bytes) ? c.binary(bytes) : c.badarg();
}
term list_to_binary_(call& c) { return c[0].is_list() ? iolist_to_binary_(c) : c.badarg(); }
term iolist_size_(call& c) {
  std::string bytes;
  return iolist_to_string(c[0], bytes) ? c.integer(static_cast<std::int64_t>(bytes.size())) : c.badarg();
}
term binary_to_list_(call& c) { return c[0].is_binary() ? latin1_charlist(c, c[0].bytes()) : c.badarg(); }
term binary_to_list_3(call& c) {
  if (!c[0].is_binary() || !c[1].is_small() || !c[2].is_small()) return c.badarg();
  const auto n = static_cast<std::int64_t>(c[0].size() / 8), from = c[1].small(), to = c[2].small();
  if (from < 1 || to > n || from > to) return c.badarg();
  return latin1_charlist(c, c[0].bytes().substr(static_cast<std::size_t>(from - 1), static_cast<std::size_t>(to - from + 1)));
}

term to_list_text(call& c, bool right) { return right ? c.text(to_text(c[0])) : c.badarg(); }
term pid_to_list_(call& c) { return to_list_text(c, c[0].is_pid()); }
term ref_to_list_(call& c) { return to_list_text(c, c[0].is_ref()); }
term port_to_list_(call& c) { return to_list_text(c, c[0].is_port()); }
term fun_to_list_(call& c) { return to_list_text(c, c[0].is_fun()); }

term list_to_pid_(call& c) {
  std::string s;
  if (!string_of(c[0], s) || s.empty() || s[0] != '<') return c.badarg();
  const auto parsed = parse_term(s);
  return parsed && (*parsed)->root.is_pid() ? copy(c.heap(), (*parsed)->root) : c.badarg();
}

term unicode_binary(call& c) {
  std::string s;
  if (!(c[0].is_list() || c[0].is_binary()) || !chardata_to_string(c[0], s)) return c.badarg();
  return c.binary(s);
}
term unicode_list(call& c) {
  std::string s;
  if (!(c[0].is_list() || c[0].is_binary()) || !chardata_to_string(c[0], s)) return c.badarg();
  return c.text(s);
}

// ---- external terms, digests
term term_to_binary_(call& c) { return c.binary(etf::term_to_binary(c[0])); }
// Options only choose between equivalent forms (compression, minor version); unknown ones are wrong.
term term_to_binary_2(call& c) {
  const auto options = elements(c[1]);
  if (!options) return c.badarg();
  for (const term o : *options)
    if (!is(o, "compressed") && !is(o, "deterministic") && !(o.is_tuple(2) && (is(o[0], "compressed") || is(o[0], "minor_version")))) return c.badarg();
  return term_to_binary_(c);
}
term external_size_(call& c) { return c.integer(static_cast<std::int64_t>(etf::term_to_binary(c[0]).size())); }

std::span<const std::uint8_t> bytes_of(std::string_view s) { return {reinterpret_cast<const std::uint8_t*>(s.data()), s.size()}; }

term binary_to_term_(call& c) {
  if (!c[0].is_binary()) return c.badarg();
  auto t = etf::binary_to_term(bytes_of(c[0].bytes()));
  if (!t) return c.badarg();
  const term root = (*t)->root;
  c.heap().adopt(std::move(*t));
  return root;
}
term binary_to_term_2(call& c) {
  const auto options = elements(c[1]);
  if (!options || !c[0].is_binary()) return c.badarg();
  bool safe = false, used = false;
  for (const term o : *options) {
    if (!is(o, "safe") && !is(o, "used")) return c.badarg();
    safe |= is(o, "safe");
    used |= is(o, "used");
  }
  const auto bytes = bytes_of(c[0].bytes());
  if (bytes.empty() || bytes[0] != 131) return c.badarg();
  etf::decode_options how;
  how.allow_compressed = true;
  how.safe = safe;
  const auto t = etf::decode(c.heap(), bytes.subspan(1), how);
  if (!t || (!used && t->used + 1 != bytes.size())) return c.badarg();
  return used ? c.tuple(t->value, c.integer(static_cast<std::int64_t>(t->used + 1))) : t->value;
}

term md5_(call& c) {
  std::string bytes;
  if (!iolist_to_string(c[0], bytes)) return c.badarg();
  const auto digest = md5(bytes);
  return c.binary({reinterpret_cast<const char*>(digest.data()), digest.size()});
}
term crc32_(call& c) {
  std::string bytes;
  return iolist_to_string(c[0], bytes) ? make_unsigned(c.heap(), crc32(0, bytes)) : c.badarg();
}
term adler32_(call& c) {
  std::string bytes;
  return iolist_to_string(c[0], bytes) ? make_unsigned(c.heap(), adler32(1, bytes)) : c.badarg();
}

constexpr actors::builtin_function table[] = {
    {"is_atom", 1, bif<is_atom_>}, {"is_binary", 1, bif<is_binary_>}, {"is_bitstring", 1, bif<is_bitstring_>},
    {"is_boolean", 1, bif<is_boolean_>}, {"is_float", 1, bif<is_float_>}, {"is_function", 1, bif<is_function_>},
    {"is_integer", 1, bif<is_integer_>}, {"is_list", 1, bif<is_list_>}, {"is_map", 1, bif<is_map_>},
    {"is_number", 1, bif<is_number_>}, {"is_pid", 1, bif<is_pid_>}, {"is_port", 1, bif<is_port_>},
    {"is_reference", 1, bif<is_reference_>}, {"is_tuple", 1, bif<is_tuple_>}, {"is_map_key", 2, bif<is_map_key_>},
    {"is_record", 2, bif<is_record_>},
    {"element", 2, bif<element_>}, {"setelement", 3, bif<setelement_>}, {"append_element", 2, bif<append_element_>},
    {"tuple_size", 1, bif<tuple_size_>}, {"byte_size", 1, bif<byte_size_>}, {"bit_size", 1, bif<bit_size_>},
    {"map_size", 1, bif<map_size_>}, {"size", 1, bif<size_>}, {"length", 1, bif<length_>}, {"hd", 1, bif<hd_>},
    {"tl", 1, bif<tl_>}, {"map_get", 2, bif<map_get_>}, {"++", 2, bif<append_>}, {"--", 2, bif<subtract_>},
    {"list_to_tuple", 1, bif<list_to_tuple_>}, {"tuple_to_list", 1, bif<tuple_to_list_>}, {"make_tuple", 2, bif<make_tuple_>},
    {"split_binary", 2, bif<split_binary_>}, {"binary_part", 3, bif<binary_part_3>}, {"binary_part", 2, bif<binary_part_2>},
    {"atom_to_list", 1, bif<atom_to_list_>}, {"atom_to_binary", 1, bif<atom_to_binary_>}, {"atom_to_binary", 2, bif<atom_to_binary_2>},
    {"list_to_atom", 1, bif<list_to_atom_>}, {"list_to_existing_atom", 1, bif<list_to_existing_atom_>},
    {"binary_to_atom", 1, bif<binary_to_atom_>}, {"binary_to_atom", 2, bif<binary_to_atom_2>},
    {"binary_to_existing_atom", 1, bif<binary_to_existing_atom_>}, {"binary_to_existing_atom", 2, bif<binary_to_existing_atom_2>},
    {"iolist_to_binary", 1, bif<iolist_to_binary_>}, {"list_to_binary", 1, bif<list_to_binary_>}, {"iolist_size", 1, bif<iolist_size_>},
    {"binary_to_list", 1, bif<binary_to_list_>}, {"binary_to_list", 3, bif<binary_to_list_3>},
    {"pid_to_list", 1, bif<pid_to_list_>}, {"ref_to_list", 1, bif<ref_to_list_>}, {"port_to_list", 1, bif<port_to_list_>},
    {"fun_to_list", 1, bif<fun_to_list_>}, {"list_to_pid", 1, bif<list_to_pid_>},
    {"term_to_binary", 1, bif<term_to_binary_>}, {"term_to_binary", 2, bif<term_to_binary_2>},
    {"external_size", 1, bif<external_size_>}, {"binary_to_term", 1, bif<binary_to_term_>}, {"binary_to_term", 2, bif<binary_to_term_2>},
    {"md5", 1, bif<md5_>}, {"crc32", 1, bif<crc32_>}, {"adler32", 1, bif<adler32_>},
};

constexpr actors::builtin_function unicode_table[] = {
    {"characters_to_binary", 1, bif<unicode_binary>},
    {"characters_to_list", 1, bif<unicode_list>},
};

}  // namespace

void add_term_functions(actors::code_server& code) {
  code.add_builtin("erlang", table);
  code.add_builtin("unicode", unicode_table);
}

}  // namespace cnode::services
