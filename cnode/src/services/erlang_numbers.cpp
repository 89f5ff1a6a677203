// erlang: arithmetic, comparisons, numbers as text.
#include <charconv>
#include <cmath>

#include <cnode/protocol/term_order.hpp>
#include <cnode/protocol/term_text.hpp>

#include "bigint.hpp"
#include "call.hpp"
#include "modules.hpp"

namespace cnode::services {

namespace {

double as_double(term t) {
  if (t.is_float()) return t.float_value();
  return t.is_small() ? static_cast<double>(t.small()) : bigint::of(t).to_double();
}

term float_result(call& c, double v) { return std::isfinite(v) ? make_float(c.heap(), v) : c.badarith(); }

template <class Small, class Big, class Real>
term arithmetic(call& c, Small on_small, Big on_big, Real on_real) {
  const term a = c[0], b = c[1];
  if (!a.is_number() || !b.is_number()) return c.badarith();
  if (a.is_float() || b.is_float()) {
    const double x = as_double(a), y = as_double(b);
    return std::isfinite(x) && std::isfinite(y) ? float_result(c, on_real(x, y)) : c.badarith();
  }
  std::int64_t r;
  if (a.is_small() && b.is_small() && !on_small(a.small(), b.small(), &r)) return c.integer(r);
  // A product of more than a megabyte of digits takes longer than a slice may.
  if (a.is_big() && b.is_big() && a.size() + b.size() > (1u << 17)) return c.error(atom("system_limit"));
  return on_big(bigint::of(a), bigint::of(b)).to_term(c.heap());
}

term plus(call& c) {
  return arithmetic(c, [](std::int64_t a, std::int64_t b, std::int64_t* r) { return __builtin_add_overflow(a, b, r); },
                    [](const bigint& a, const bigint& b) { return a + b; }, [](double a, double b) { return a + b; });
}
term minus(call& c) {
  return arithmetic(c, [](std::int64_t a, std::int64_t b, std::int64_t* r) { return __builtin_sub_overflow(a, b, r); },
                    [](const bigint& a, const bigint& b) { return a - b; }, [](double a, double b) { return a - b; });
}
term times(call& c) {
  return arithmetic(c, [](std::int64_t a, std::int64_t b, std::int64_t* r) { return __builtin_mul_overflow(a, b, r); },
                    [](const bigint& a, const bigint& b) { return a * b; }, [](double a, double b) { return a * b; });
}

term divided(call& c) {
  if (!c[0].is_number() || !c[1].is_number()) return c.badarith();
  const double a = as_double(c[0]), b = as_double(c[1]);
  return b == 0 || !std::isfinite(a) || !std::isfinite(b) ? c.badarith() : float_result(c, a / b);
}

template <bool Remainder>
term integer_division(call& c) {
  if (!c[0].is_integer() || !c[1].is_integer() || (c[1].is_small() && c[1].small() == 0)) return c.badarith();
  if (c[0].is_small() && c[1].is_small()) return c.integer(Remainder ? c[0].small() % c[1].small() : c[0].small() / c[1].small());
  bigint q, r;
  divide(bigint::of(c[0]), bigint::of(c[1]), q, r);
  return (Remainder ? r : q).to_term(c.heap());
}

term negate(call& c) {
  if (c[0].is_float()) return make_float(c.heap(), -c[0].float_value());
  if (!c[0].is_integer()) return c.badarith();
  return (bigint::of(std::int64_t{0}) - bigint::of(c[0])).to_term(c.heap());
}
term unary_plus(call& c) { return c[0].is_number() ? c[0] : c.badarith(); }

term abs_(call& c) {
  if (c[0].is_float()) return make_float(c.heap(), std::fabs(c[0].float_value()));
  if (!c[0].is_integer()) return c.badarg();
  auto v = bigint::of(c[0]);
  v.negative = false;
  return v.to_term(c.heap());
}

template <double (*Round)(double)>
term to_integer(call& c) {
  if (c[0].is_integer()) return c[0];
  return c[0].is_float() ? bigint::truncate(Round(c[0].float_value())).to_term(c.heap()) : c.badarg();
}
double nearest(double v) { return std::round(v); }
double toward_zero(double v) { return std::trunc(v); }
double up(double v) { return std::ceil(v); }
double down(double v) { return std::floor(v); }

term float_(call& c) {
  if (c[0].is_float()) return c[0];
  if (!c[0].is_integer()) return c.badarg();
  const double v = as_double(c[0]);
  return std::isfinite(v) ? make_float(c.heap(), v) : c.badarg();
}

template <bit_operation Op>
term bits(call& c) {
  if (!c[0].is_integer() || !c[1].is_integer()) return c.badarith();
  return bitwise(Op, bigint::of(c[0]), bigint::of(c[1])).to_term(c.heap());
}
term bnot_(call& c) {
  if (!c[0].is_integer()) return c.badarith();
  return (bigint::of(std::int64_t{-1}) - bigint::of(c[0])).to_term(c.heap());
}
term shift(call& c, bool left) {
  if (!c[0].is_integer() || !c[1].is_integer()) return c.badarith();
  const auto value = bigint::of(c[0]);
  std::int64_t by = 0;
  const bool fits = to_int64(c[1], by);
  const bool negative = fits ? by < 0 : c[1].kind() == CNODE_BIG_NEG;
  if (negative) left = !left;
  const std::uint64_t n = fits ? (by < 0 ? 0 - static_cast<std::uint64_t>(by) : static_cast<std::uint64_t>(by)) : UINT64_MAX;
  if (!left) return shift_right(value, n).to_term(c.heap());
  if (value.zero()) return small(0);
  // The emulator's own bound on integers is in this order.
  return n > (1u << 22) ? c.error(atom("system_limit")) : shift_left(value, n).to_term(c.heap());
}
term bsl_(call& c) { return shift(c, true); }
term bsr_(call& c) { return shift(c, false); }

// ---- comparisons and booleans
term eq(call& c) { return boolean(equal(c[0], c[1])); }
term ne(call& c) { return boolean(!equal(c[0], c[1])); }
term exact_eq(call& c) { return boolean(exactly_equal(c[0], c[1])); }
term exact_ne(call& c) { return boolean(!exactly_equal(c[0], c[1])); }
term lt(call& c) { return boolean(compare(c[0], c[1]) < 0); }
term le(call& c) { return boolean(compare(c[0], c[1]) <= 0); }
term gt(call& c) { return boolean(compare(c[0], c[1]) > 0); }
term ge(call& c) { return boolean(compare(c[0], c[1]) >= 0); }
term min_(call& c) { return compare(c[0], c[1]) <= 0 ? c[0] : c[1]; }
term max_(call& c) { return compare(c[0], c[1]) >= 0 ? c[0] : c[1]; }

bool is_bool(term t) { return is(t, "true") || is(t, "false"); }
term not_(call& c) { return is_bool(c[0]) ? boolean(is(c[0], "false")) : c.badarg(); }
term and_(call& c) { return is_bool(c[0]) && is_bool(c[1]) ? boolean(is(c[0], "true") && is(c[1], "true")) : c.badarg(); }
term or_(call& c) { return is_bool(c[0]) && is_bool(c[1]) ? boolean(is(c[0], "true") || is(c[1], "true")) : c.badarg(); }
term xor_(call& c) { return is_bool(c[0]) && is_bool(c[1]) ? boolean(!c[0].same(c[1])) : c.badarg(); }

// ---- text
bool base_of(term t, unsigned& base) {
  if (!t.is_small() || t.small() < 2 || t.small() > 36) return false;
  base = static_cast<unsigned>(t.small());
  return true;
}

// Ten million digits take a minute to print; a caller that asks for that is told so.
bool printable(term t) { return !t.is_big() || t.size() < 4096; }

template <bool Binary>
term integer_to(call& c, unsigned base) {
  if (!c[0].is_integer()) return c.badarg();
  if (!printable(c[0])) return c.error(atom("system_limit"));
  const auto s = bigint::of(c[0]).text(base);
  return Binary ? c.binary(s) : c.text(s);
}
template <bool Binary>
term integer_to_1(call& c) { return integer_to<Binary>(c, 10); }
template <bool Binary>
term integer_to_2(call& c) {
  unsigned base;
  return base_of(c[1], base) ? integer_to<Binary>(c, base) : c.badarg();
}

// The text of a binary or of a flat string.
bool text_of(term t, bool binary, std::string& out) {
  if (binary) {
    if (!t.is_binary()) return false;
    out = t.bytes();
    return true;
  }
  for (term l = t; l.is_cons(); l = l.tail())
    if (!l.head().is_small()) return false;
  return t.is_cons() && chardata_to_string(t, out);
}

template <bool Binary>
term to_integer_text(call& c, unsigned base) {
  std::string s;
  if (!text_of(c[0], Binary, s)) return c.badarg();
  if (s.size() > 100000) return c.error(atom("system_limit"));
  const auto v = bigint::parse(s, base);
  return v ? v->to_term(c.heap()) : c.badarg();
}
template <bool Binary>
term to_integer_1(call& c) { return to_integer_text<Binary>(c, 10); }
template <bool Binary>
term to_integer_2(call& c) {
  unsigned base;
  return base_of(c[1], base) ? to_integer_text<Binary>(c, base) : c.badarg();
}

// Erlang's float syntax: digits, a point, digits, perhaps an exponent.
template <bool Binary>
term to_float(call& c) {
  std::string s;
  if (!text_of(c[0], Binary, s)) return c.badarg();
  std::string_view v = s;
  if (!v.empty() && v[0] == '+') v.remove_prefix(1);
  const auto point = v.find('.');
  const auto digit = [&](std::size_t i) { return i < v.size() && v[i] >= '0' && v[i] <= '9'; };
  if (point == v.npos || point == 0 || !digit(point - 1) || !digit(point + 1)) return c.badarg();
  double d = 0;
  const auto [end, failed] = std::from_chars(v.data(), v.data() + v.size(), d);
  if (failed != std::errc{} || end != v.data() + v.size() || !std::isfinite(d)) return c.badarg();
  return make_float(c.heap(), d);
}

std::string scientific(double v, int decimals) {
  char text[512];
  std::snprintf(text, sizeof text, "%.*e", decimals, v);
  return text;
}

bool float_text(term value, term options, std::string& out) {
  const auto list = elements(options);
  if (!list) return false;
  int decimals = -1;
  bool fixed = false, compact = false, shortest = false;
  for (const term o : *list) {
    if (is(o, "compact")) {
      compact = true;
    } else if (is(o, "short")) {
      shortest = true;
    } else if (o.is_tuple(2) && o[1].is_small() && (is(o[0], "decimals") || is(o[0], "scientific"))) {
      fixed = is(o[0], "decimals");
      if (o[1].small() < 0 || o[1].small() > (fixed ? 253 : 249)) return false;
      decimals = static_cast<int>(o[1].small());
      shortest = false;
    } else {
      return false;
    }
  }
  const double v = value.float_value();
  if (shortest) {
    out = to_text(value);
    return true;
  }
  if (!fixed) {
    out = scientific(v, decimals < 0 ? 20 : decimals);
    return true;
  }
  char text[1024];
  if (std::fabs(v) >= 1e253) return false;
  std::snprintf(text, sizeof text, "%.*f", decimals, v);
  out = text;
  if (compact && decimals > 0) {
    while (out.back() == '0' && out[out.size() - 2] != '.') out.pop_back();
  }
  return true;
}
template <bool Binary>
term float_to_1(call& c) {
  if (!c[0].is_float()) return c.badarg();
  const auto s = scientific(c[0].float_value(), 20);
  return Binary ? c.binary(s) : c.text(s);
}
template <bool Binary>
term float_to_2(call& c) {
  std::string s;
  if (!c[0].is_float() || !float_text(c[0], c[1], s)) return c.badarg();
  return Binary ? c.binary(s) : c.text(s);
}

constexpr actors::builtin_function table[] = {
    {"+", 2, bif<plus>}, {"-", 2, bif<minus>}, {"*", 2, bif<times>}, {"/", 2, bif<divided>}, {"+", 1, bif<unary_plus>},
    {"-", 1, bif<negate>}, {"div", 2, bif<integer_division<false>>}, {"rem", 2, bif<integer_division<true>>}, {"abs", 1, bif<abs_>},
    {"round", 1, bif<to_integer<nearest>>}, {"trunc", 1, bif<to_integer<toward_zero>>}, {"ceil", 1, bif<to_integer<up>>},
    {"floor", 1, bif<to_integer<down>>}, {"float", 1, bif<float_>}, {"band", 2, bif<bits<bit_operation::band>>},
    {"bor", 2, bif<bits<bit_operation::bor>>}, {"bxor", 2, bif<bits<bit_operation::bxor>>}, {"bnot", 1, bif<bnot_>},
    {"bsl", 2, bif<bsl_>}, {"bsr", 2, bif<bsr_>},
    {"==", 2, bif<eq>}, {"/=", 2, bif<ne>}, {"=:=", 2, bif<exact_eq>}, {"=/=", 2, bif<exact_ne>}, {"<", 2, bif<lt>},
    {"=<", 2, bif<le>}, {">", 2, bif<gt>}, {">=", 2, bif<ge>}, {"min", 2, bif<min_>}, {"max", 2, bif<max_>},
    {"not", 1, bif<not_>}, {"and", 2, bif<and_>}, {"or", 2, bif<or_>}, {"xor", 2, bif<xor_>},
    {"integer_to_list", 1, bif<integer_to_1<false>>}, {"integer_to_list", 2, bif<integer_to_2<false>>},
    {"integer_to_binary", 1, bif<integer_to_1<true>>}, {"integer_to_binary", 2, bif<integer_to_2<true>>},
    {"list_to_integer", 1, bif<to_integer_1<false>>}, {"list_to_integer", 2, bif<to_integer_2<false>>},
    {"binary_to_integer", 1, bif<to_integer_1<true>>}, {"binary_to_integer", 2, bif<to_integer_2<true>>},
    {"list_to_float", 1, bif<to_float<false>>}, {"binary_to_float", 1, bif<to_float<true>>},
    {"float_to_list", 1, bif<float_to_1<false>>}, {"float_to_list", 2, bif<float_to_2<false>>},
    {"float_to_binary", 1, bif<float_to_1<true>>}, {"float_to_binary", 2, bif<float_to_2<true>>},
};

}  // namespace

term number_plus(call& c) { return plus(c); }

void add_number_functions(actors::code_server& code) { code.add_builtin("erlang", table); }

}  // namespace cnode::services
