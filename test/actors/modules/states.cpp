// A gen_server with native state, in versions whose state differs: native_state_test.cpp upgrades one to the other.
//   LAYOUT 1: {values}; 2: {values, total} and an upgrade from 1; 3: nothing in common with 1; 4: {values, total} without an upgrade
#include <limits>

#include <cnode/containers.hpp>
#include <cnode/gen_server.hpp>

using namespace cnode;

CNODE_VSN(VERSION);

#if LAYOUT == 2
namespace v1 {
struct samples {
  std::vector<std::int64_t> values;
};
CNODE_STRUCT(samples, values);
}  // namespace v1
#endif

struct samples {
#if LAYOUT == 3
  std::string name;
#else
  std::vector<std::int64_t> values;
#endif
#if LAYOUT == 2 || LAYOUT == 4
  std::int64_t total = 0;
#endif
};
#if LAYOUT == 1
CNODE_STRUCT(samples, values);
#elif LAYOUT == 3
CNODE_STRUCT(samples, name);
#else
CNODE_STRUCT(samples, values, total);
#endif
#ifdef MEANING
CNODE_STRUCT_VERSION(samples, MEANING);
#endif
#if LAYOUT == 2
CNODE_UPGRADE(v1::samples, samples, [](v1::samples&& old) {
  const auto n = static_cast<std::int64_t>(old.values.size());
  return samples{std::move(old.values), n};
});
#endif

// ---- what people see
struct whole {
  std::string text;
};
CNODE_STRUCT(whole, text);
CNODE_SHOW_WHOLE(whole);
struct secret {
  std::string password;
};
CNODE_STRUCT(secret, password);
CNODE_SHOW(secret, [](const secret& s) { return tuple("password"_a, s.password.size()); });
struct shown {
  whole all;
  secret hidden;
  std::string big;
  std::vector<double> numbers;
  double limit;
};
CNODE_STRUCT(shown, all, hidden, big, numbers, limit);

// ---- every type of the list
enum class level { low, high };
CNODE_ENUM(level, low, high);
enum class plain : std::uint8_t { zero, one };
struct point {
  std::int64_t x, y;
  auto operator<=>(const point&) const = default;
};
CNODE_STRUCT(point, x, y);
struct wide {
  std::array<int, 3> three;
  std::deque<point> points;
  std::list<bool> flags;
  std::set<point> set;
  std::multiset<int> bag;
  std::unordered_set<std::string> names;
  std::multimap<int, std::string> pairs;
  std::unordered_map<std::string, double> prices;
  std::unique_ptr<point> none, some;
  std::bitset<70> bits;
  std::complex<double> c;
  std::chrono::milliseconds period;
  std::chrono::minutes long_period;
  std::chrono::time_point<std::chrono::system_clock, std::chrono::seconds> since;
  std::variant<std::monostate, std::int64_t, std::string> either;
  std::optional<level> grade;
  plain number;
  atom word;
};
CNODE_STRUCT(wide, three, points, flags, set, bag, names, pairs, prices, none, some, bits, c, period, long_period, since, either, grade, number,
             word);
auto everything(wide w) { return w; }
auto kept(native<wide> w) { return w; }

// ---- types with a foreign part
struct counted {
  std::shared_ptr<std::int64_t> count;
};
CNODE_NEVER_ADOPTED(counted);
template <>
struct cnode::convert<counted> {
  static std::optional<counted> from_term(term t) {
    auto n = decode<std::int64_t>(t);
    return n ? std::optional{counted{std::make_shared<std::int64_t>(*n)}} : std::nullopt;
  }
  static term to_term(const counted& c) { return encode(*c.count); }
};

// ---- the server
#if LAYOUT != 3
samples make_samples(std::int64_t n) {
  samples s{};
  s.values.assign(static_cast<std::size_t>(n), 1);
  return s;
}
auto init = clauses([](tagged<"samples", std::int64_t> a) { return ok(make_native<samples>(make_samples(std::get<0>(a)))); },
                    [](tagged<"nested", std::int64_t, std::int64_t> a) {
                      auto [one, two] = a;
                      return ok(tuple("nested"_a, make_native<samples>(make_samples(one)),
                                      list(make_native<samples>(make_samples(two)))));
                    },
                    [](tagged<"shown", std::int64_t> a) {
                      const auto n = static_cast<std::size_t>(std::get<0>(a));
                      const auto text = std::string(n, 'a');
                      return ok(make_native<shown>(whole{text}, secret{text}, text, std::vector<double>(n, 1.0),
                                                   std::numeric_limits<double>::infinity()));
                    },
                    [](tagged<"counted", std::int64_t> a) {
                      return ok(make_native<counted>(std::make_shared<std::int64_t>(std::get<0>(a))));
                    });
auto address(const samples& s) { return reinterpret_cast<std::uintptr_t>(s.values.data()); }
#else
auto init(tagged<"samples", term>) { return ok(make_native<samples>("new")); }
#endif

using nested = tagged<"nested", native<samples>, std::vector<native<samples>>>;

auto handle_call = clauses(
#if LAYOUT != 3
    [](is<"remember">, from, native<samples> state) {
      dictionary::put("other"_a, make_native<samples>(*state));
      return reply("ok"_a, state);
    },
    [](is<"where">, from, native<samples> s) { return reply(address(*s), s); },
    [](is<"where">, from, nested s) {
      return reply(tuple(address(*std::get<0>(s)), address(*std::get<1>(s).at(0))), s);
    },
    [](is<"size">, from, native<samples> s) { return reply(s->values.size(), s); },
#endif
#if LAYOUT == 2 || LAYOUT == 4
    [](is<"total">, from, native<samples> s) { return reply(s->total, s); },
#endif
    [](is<"name">, from, native<samples> s) { return reply("name"_a, s); },
    [](is<"count">, from, native<counted> c) { return reply(++*c->count, c); },
    [](is<"limit">, from, native<shown> s) { return reply(s->limit > 1e300, s); },
    [](is<"vsn">, from, term state) { return reply(vsn, state); },
    [](is<"kind">, from, term state) { return reply(state.is_native() ? "native"_a : state.is_map() ? "map"_a : atom{"term"}, state); });

task<> handle_cast(tagged<"wait", pid> message, term state) {
  send(std::get<0>(message), "waits"_a);
  auto [who] = co_await receive<tagged<"go", pid>>();
  send(who, tuple("kind"_a, state.is_native() ? "native"_a : atom{"term"}));
  co_return noreply(state);
}

auto code_change = clauses(
#if LAYOUT != 3
    [](term, native<samples> s, is<"as_new">) {
      s->values.push_back(1000);
      return ok(s);
    },
#endif
#if LAYOUT == 2
    [](term, native<v1::samples> old, is<"as_old">) {
      const auto n = 100 * static_cast<std::int64_t>(old->values.size());
      return ok(make_native<samples>(std::move(old->values), n));
    },
#endif
    [](term, samples s, is<"as_struct">) { return ok(tuple("struct"_a, s)); },
    [](term old_vsn, term s, is<"as_term">) { return ok(tuple("term"_a, old_vsn, s)); },
    [](term, term, is<"refuse">) { return error_tuple("no"_a); });

task<> one() {
  term message = co_await receive_if([](term) { return true; });
  co_return message;
}
auto same(term state) { return state; }
// What a gen_server:call came to, with the reason it exits for.
task<> asks(term server, term request) {
  try {
    co_return co_await call(server, request);
  } catch (const raised& r) {
    co_return term{r.reason};
  }
}

CNODE_GEN_SERVER("states", init, handle_call, handle_cast, code_change, everything, kept, same, one, asks);
