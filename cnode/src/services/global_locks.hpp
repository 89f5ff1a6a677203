// global's locks from the side of those who want them: multi_call to the name servers, set_lock, del_lock.
//
// A name server that does not answer within stall_limit is passed over: its lock counts as refused, and what has been locked elsewhere is
// given back. So nobody who stands still keeps a lock of ours on third nodes for longer.
#pragma once

#include "global_tables.hpp"
#include "routine.hpp"

namespace cnode::services {

// Milliseconds: an eighth of the ticktime, 2 to 15 seconds.
std::int64_t stall_limit(const actors::runtime& node);

struct server_answer {
  term node;
  enum { down, silent, no, yes } said = down;  // yes: any answer but false
};
// References must be valid until the routine has ended.
// gen_server:multi_call(Nodes, global_name_server, Request)
routine<std::vector<server_answer>> ask_servers(talk& t, const std::vector<term>& nodes, const owned& request);

struct lock_attempt {
  bool locked = false;
  std::vector<term> silent;
};
// One attempt on all these nodes; what was locked is given back when one refuses.
routine<lock_attempt> set_lock_on(talk& t, const owned& id, const std::vector<term>& nodes);
routine<bool> set_lock(talk& t, const owned& id, const std::vector<term>& nodes, std::int64_t retries);  // negative: without end
routine<bool> del_lock(talk& t, const owned& id, const std::vector<term>& nodes);
// That of the boss last.
routine<bool> delete_global_lock(talk& t, const owned& id, const std::vector<term>& nodes);
// The greatest name.
term the_boss(const std::vector<term>& nodes);
// Longer with each time, up to 8 s.
routine<bool> random_sleep(talk& t, int times);

std::vector<term> without(std::vector<term> nodes, const std::vector<term>& others);

}  // namespace cnode::services
