// The low-level instructions of a relup as a release handler carries them out (release_handler_1:eval/2), from terms whose syntax
// read_relup has checked. All terms lie where the relup's do.
#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "release/terms.hpp"

namespace cnode::release::instruction {

struct load_object_code {
  term application, vsn;  // atom, string
  terms modules;
};
struct point_of_no_return {};
struct load {  // what load_object_code has read
  term module;
  bool soft_pre_purge, soft_post_purge;
};
struct remove {
  term module;
  bool soft_pre_purge, soft_post_purge;
};
struct purge {
  terms modules;
};
struct suspend {
  std::vector<std::pair<term, term>> modules;  // with a timeout: `default`, infinity or milliseconds
};
struct resume {
  terms modules;
};
struct code_change {
  bool down;  // {down, Vsn} for code_change/3
  std::vector<std::pair<term, term>> modules;  // with Extra
};
struct stop {
  terms modules;
};
struct start {
  terms modules;
};
struct sync_nodes {
  term id;
  term nodes;  // a list of nodes, or {M, F, A} that gives one
};
struct apply {
  term module, function, arguments;
};
struct restart_new_emulator {};
struct restart_emulator {};

using any = std::variant<load_object_code, point_of_no_return, load, remove, purge, suspend, resume, code_change, stop, start, sync_nodes, apply,
                         restart_new_emulator, restart_emulator>;

// A high-level instruction, which no release handler knows, is refused: {error, systools_rc, {bad_instruction, I}}.
outcome<std::vector<any>> parse(block& b, const terms& script);

}  // namespace cnode::release::instruction
