// The relups of random releases, made here and by systools of the erl at hand.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include <cnode/protocol/etf.hpp>
#include <cnode/protocol/term_order.hpp>

#include "release/relup.hpp"
#include "erl.hpp"
#include "relup_cases.hpp"

namespace cnode::test {
namespace {

using namespace cnode::release;

constexpr unsigned cases = 250;

std::string strings(const std::vector<std::string>& list) {
  std::string out;
  for (const auto& s : list) out += (out.empty() ? "\"" : ",\"") + s + "\"";
  return "[" + out + "]";
}

// {ok, Relup, Warnings}, {error, Module, Reason} or {crash, _} of each case.
block_ptr ask_systools(const release_folder& folder, const std::vector<relup_case>& all, std::string& error) {
  std::string questions;
  for (const auto& c : all)
    questions += "{\"" + c.top + "\"," + strings(c.up) + "," + strings(c.down) + ",[noexec,{path," + strings(c.path) + "}" + (c.restart_emulator ? ",restart_emulator" : "") + "]}.\n";
  const auto file = folder.file("questions", questions);
  const std::string command = erl_command() + " -noshell -eval '{ok,L}=file:consult(\"" + file +
                              "\"), R=[try systools:make_relup(T,U,D,O) of {ok,X,_,W} -> {ok,X,W}; E -> E catch _:W -> {crash,W} end || {T,U,D,O} <- L],"
                              " ok=file:write_file(\"" + folder.path + "/answers\", term_to_binary(R)), halt().' 2>&1";
  FILE* p = popen(command.c_str(), "r");
  if (!p) return error = "erl cannot be started", nullptr;
  char buffer[4096];
  while (const auto n = std::fread(buffer, 1, sizeof buffer, p)) error.append(buffer, n);
  if (pclose(p) != 0) return nullptr;
  const auto bytes = folder.read("answers");
  auto t = etf::binary_to_term({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
  return t ? std::move(*t) : nullptr;
}

term our_answer(block& b, const relup_case& c) {
  std::vector<base_release> up, down;
  for (const auto& f : c.up) up.push_back({f});
  for (const auto& f : c.down) down.push_back({f});
  const auto made = make_relup(b, c.top, up, down, {c.path, c.restart_emulator});
  return made ? make_tuple_of(b, atom("ok"), made->relup, list_of(b, made->warnings)) : made.error().reason;
}

// The same for all orders of modules that do not depend on one another: what lists modules is sorted, and so is each run of
// instructions that load and remove.
term in_any_order(block& b, term script) {
  terms out, run;
  const auto flush = [&] {
    std::sort(run.begin(), run.end(), [](term x, term y) { return compare(x, y) < 0; });
    append(out, run);
    run.clear();
  };
  for (const term i : elements(script)) {
    const auto sorted = [&b](term list) {
      auto e = elements(list);
      std::sort(e.begin(), e.end(), [](term x, term y) { return compare(x, y) < 0; });
      return list_of(b, e);
    };
    const bool code = is_tagged(i, "load", 2) || is_tagged(i, "remove", 2) || is_tagged(i, "purge", 2);
    if (code) {
      run.push_back(i);
      continue;
    }
    flush();
    if (is_tagged(i, "load_object_code", 2)) out.push_back(make_tuple_of(b, i[0], make_tuple_of(b, i[1][0], i[1][1], sorted(i[1][2]))));
    else if (is_tagged(i, "suspend", 2) || is_tagged(i, "resume", 2)) out.push_back(make_tuple_of(b, i[0], sorted(i[1])));
    else if (is_tagged(i, "code_change", 3)) out.push_back(make_tuple_of(b, i[0], i[1], sorted(i[2])));
    else out.push_back(i);
  }
  flush();
  return list_of(b, out);
}

term answer_in_any_order(block& b, term answer) {
  if (!is_tagged(answer, "ok", 3)) return answer;
  const auto sides = [&b](term list) {
    terms out;
    for (const term e : elements(list)) out.push_back(make_tuple_of(b, e[0], e[1], in_any_order(b, e[2])));
    return list_of(b, out);
  };
  const term r = answer[1];
  return make_tuple_of(b, answer[0], make_tuple_of(b, r[0], sides(r[1]), sides(r[2])), answer[2]);
}

TEST(Relup, IsTheOneSystoolsMakes) {
  ASSERT_TRUE(erl_has("systools"));
  const release_folder folder;
  std::vector<relup_case> all;
  for (unsigned n = 0; n < cases; ++n) all.push_back(relup_generator(n, folder, "case" + std::to_string(n)).make());
  std::string error;
  const auto theirs = ask_systools(folder, all, error);
  ASSERT_TRUE(theirs) << error;
  const auto answers = elements(theirs->root);
  ASSERT_EQ(answers.size(), all.size());
  unsigned relups = 0, refusals = 0, exact = 0, different = 0;
  for (unsigned n = 0; n < cases; ++n) {
    auto b = block::make(4096);
    const term their = answers[n], our = our_answer(*b, all[n]);
    const bool same = exactly_equal(our, their);
    exact += same;
    (is_tagged(their, "ok", 3) ? relups : refusals) += 1;
    if (same) continue;
    if (!all[n].one_order && exactly_equal(answer_in_any_order(*b, our), answer_in_any_order(*b, their))) continue;
    // Where systools' hash tables decide which of two mistakes is met first, both are right.
    if (!all[n].one_order && is_tagged(our, "error", 3) && is_tagged(their, "error", 3) && our[1].same(their[1])) continue;
    ADD_FAILURE() << "case " << n << (all[n].one_order ? "" : " (any order)") << "\n ours:     " << to_text(our) << "\n systools: " << to_text(their);
    if (++different == 5) break;
  }
  EXPECT_GT(relups, cases / 3) << "too few of the cases lead to a relup";
  EXPECT_GT(refusals, cases / 20) << "too few of the cases are refused";
  EXPECT_GT(exact, cases / 2) << "too few are the same term for term";
  std::printf("%u relups and %u refusals, %u the same term for term, the others but for the order of independent modules\n", relups, refusals, exact);
}

}  // namespace
}  // namespace cnode::test
