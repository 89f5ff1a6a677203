#include "release/instructions.hpp"

namespace cnode::release::instruction {
namespace {

bool soft(term method) { return is(method, "soft_purge"); }

std::vector<std::pair<term, term>> pairs(term list, term otherwise) {
  std::vector<std::pair<term, term>> out;
  for (const term t : elements(list)) t.is_tuple(2) ? out.emplace_back(t[0], t[1]) : out.emplace_back(t, otherwise);
  return out;
}

any parse_one(block& b, term i) {
  if (is(i, "point_of_no_return")) return point_of_no_return{};
  if (is(i, "restart_new_emulator")) return restart_new_emulator{};
  if (is(i, "restart_emulator")) return restart_emulator{};
  if (is_tagged(i, "load_object_code", 2)) return load_object_code{i[1][0], i[1][1], elements(i[1][2])};
  if (is_tagged(i, "load", 2)) return load{i[1][0], soft(i[1][1]), soft(i[1][2])};
  if (is_tagged(i, "remove", 2)) return remove{i[1][0], soft(i[1][1]), soft(i[1][2])};
  if (is_tagged(i, "purge", 2)) return purge{elements(i[1])};
  if (is_tagged(i, "suspend", 2)) return suspend{pairs(i[1], atom("default"))};
  if (is_tagged(i, "resume", 2)) return resume{elements(i[1])};
  if (is_tagged(i, "code_change", 2)) return code_change{false, pairs(i[1], nil)};
  if (is_tagged(i, "code_change", 3)) return code_change{is(i[1], "down"), pairs(i[2], nil)};
  if (is_tagged(i, "stop", 2)) return stop{elements(i[1])};
  if (is_tagged(i, "start", 2)) return start{elements(i[1])};
  if (is_tagged(i, "sync_nodes", 3)) return sync_nodes{i[1], i[2]};
  if (is_tagged(i, "apply", 2)) return apply{i[1][0], i[1][1], i[1][2]};
  throw refused(b, "systools_rc", make_tuple_of(b, atom("bad_instruction"), i), text_of(i) + " is no instruction of a relup");
}

}  // namespace

outcome<std::vector<any>> parse(block& b, const terms& script) {
  return attempt([&] {
    std::vector<any> out;
    for (const term i : script) out.push_back(parse_one(b, i));
    return out;
  });
}

}  // namespace cnode::release::instruction
