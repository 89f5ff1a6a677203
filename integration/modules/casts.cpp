// A gen_server that takes numbered casts from many senders and says what is wrong with them, or sends such casts to others.
//
//   {n, Sender, Node, N, Filler}     a cast, the N-th of that sender
//   {begin_to_send, Targets, Sender, Count}, {more, N}   sends casts 1..Count in turn to the targets, and N more
// A gap in the numbers is allowed only behind a nodedown of the sender's node that came after the last number before it.
#include <algorithm>

#include <cnode/gen_server.hpp>

using namespace cnode;

CNODE_VSN("1");

struct stream {
  std::int64_t sender = 0, last = 0, received = 0, downs = 0;
};
CNODE_STRUCT(stream, sender, last, received, downs);

struct desk {
  std::vector<stream> streams;
  std::map<std::string, std::int64_t> downs;                                     // of each node
  std::vector<std::tuple<std::int64_t, std::int64_t, std::int64_t>> gaps;        // sender, from, to
  std::vector<std::string> wrong;                                                // at most a hundred
  std::int64_t sender = 0, sent = 0, count = 0;
  std::vector<std::pair<std::string, std::int64_t>> told;                        // sent so far when the nodedown came
};
CNODE_STRUCT(desk, streams, downs, gaps, wrong, sender, sent, count, told);

namespace {

std::int64_t filler_size(std::int64_t n) { return n % 500 == 0 ? 70000 + n % 9973 * 7 : n % 13; }

bool is_filler(term filler, std::int64_t n) {
  if (!filler.is_binary() || filler.bytes().size() != static_cast<std::size_t>(filler_size(n))) return false;
  const char wanted = static_cast<char>(n % 251);
  const auto bytes = filler.bytes();
  return std::all_of(bytes.begin(), bytes.end(), [&](char c) { return c == wanted; });
}

void complain(desk& d, std::int64_t sender, const std::string& what) {
  if (d.wrong.size() < 100) d.wrong.push_back(std::to_string(sender) + ": " + what);
}

void take(desk& d, std::int64_t sender, std::string_view node, std::int64_t n, term filler) {
  auto s = std::find_if(d.streams.begin(), d.streams.end(), [&](const stream& each) { return each.sender == sender; });
  if (s == d.streams.end()) s = d.streams.insert(s, stream{sender, 0, 0, 0});
  const auto downs = d.downs[std::string(node)];
  if (n <= s->last) complain(d, sender, std::to_string(n) + " came behind " + std::to_string(s->last));
  if (n > s->last + 1) {
    d.gaps.emplace_back(sender, s->last + 1, n - 1);
    if (downs == s->downs) complain(d, sender, std::to_string(s->last + 1) + ".." + std::to_string(n - 1) + " are missing without a nodedown");
  }
  if (!is_filler(filler, n)) complain(d, sender, "the filler of " + std::to_string(n) + " is wrong");
  s->last = n;
  s->downs = downs;
  s->received += 1;
}

void send_next(desk& d, term targets) {
  const auto all = decode<std::vector<term>>(targets);
  const auto n = ++d.sent;
  const std::string filler(static_cast<std::size_t>(filler_size(n)), static_cast<char>(n % 251));
  send((*all)[static_cast<std::size_t>(n) % all->size()],
       tuple("$gen_cast"_a, tuple("n"_a, d.sender, node(), n, std::string_view(filler))));
}

}  // namespace

// {Native, Targets}
using state = std::tuple<native<desk>, term>;

auto init(term) { return ok(tuple(make_native<desk>(), nil)); }

auto handle_cast = clauses(
    [](tagged<"n", std::int64_t, atom, std::int64_t, term> m, state s) {
      auto [sender, from, n, filler] = m;
      take(*std::get<0>(s), sender, from.text(), n, filler);
      return noreply(s);
    });

auto handle_call = clauses(
    // An alias of this process, which hears of nodes from now on.
    [](is<"ready">, from, term s) -> task<term> {
      co_await apply("net_kernel"_a, "monitor_nodes"_a, true);
      co_return reply(alias(), s);
    },
    [](tagged<"last", std::int64_t> request, from, state s) {
      for (const auto& each : std::get<0>(s)->streams)
        if (each.sender == std::get<0>(request)) return reply(each.last, s);
      return reply(0, s);
    },
    [](tagged<"begin_to_send", term, std::int64_t, std::int64_t> request, from, state s) {
      auto [targets, sender, count] = request;
      auto& d = *std::get<0>(s);
      d.sender = sender;
      d.count = count;
      send(self(), "go"_a);
      return reply("ok"_a, tuple(std::get<0>(s), targets));
    },
    [](tagged<"more", std::int64_t> request, from, state s) {
      std::get<0>(s)->count += std::get<0>(request);
      send(self(), "go"_a);
      return reply(std::get<0>(s)->count, s);
    },
    [](is<"sent">, from, state s) { return reply(std::get<0>(s)->sent, s); },
    [](is<"told">, from, state s) {
      std::vector<std::tuple<atom, std::int64_t>> told;
      for (const auto& [node, at] : std::get<0>(s)->told) told.emplace_back(atom(node), at);
      return reply(told, s);
    },
    [](is<"result">, from, state s) {
      const auto& d = *std::get<0>(s);
      std::int64_t received = 0;
      for (const auto& each : d.streams) received += each.received;
      return reply(tuple(received, d.gaps, d.wrong), s);
    });

auto handle_info = clauses(
    [](is<"go">, state s) {
      auto& d = *std::get<0>(s);
      if (d.sent < d.count) {
        send_next(d, std::get<1>(s));
        // Behind whatever has come meanwhile, a nodedown for one.
        if (d.sent < d.count) send(self(), "go"_a);
      }
      return noreply(s);
    },
    [](tagged<"nodedown", atom> m, state s) {
      auto& d = *std::get<0>(s);
      d.downs[std::string(std::get<0>(m).text())] += 1;
      d.told.emplace_back(std::string(std::get<0>(m).text()), d.sent);
      return noreply(s);
    },
    [](tagged<"nodeup", atom>, state s) { return noreply(s); });

CNODE_GEN_SERVER("casts", init, handle_call, handle_cast, handle_info);
