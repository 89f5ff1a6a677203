#include "queued_message.hpp"

#include <array>

namespace cnode::node {
namespace {

template <class... T>
std::array<term*, sizeof...(T)> list(T&... t) {
  return {&t...};
}

// Every term of each control message.
auto terms_of(dist::link& m) { return list(m.from, m.to); }
auto terms_of(dist::send& m) { return list(m.from, m.to, m.token); }
auto terms_of(dist::exit& m) { return list(m.from, m.to, m.reason, m.token); }
auto terms_of(dist::unlink& m) { return list(m.from, m.to); }
auto terms_of(dist::node_link&) { return std::array<term*, 0>{}; }
auto terms_of(dist::reg_send& m) { return list(m.from, m.to_name, m.token); }
auto terms_of(dist::group_leader& m) { return list(m.from, m.to); }
auto terms_of(dist::exit2& m) { return list(m.from, m.to, m.reason, m.token); }
auto terms_of(dist::monitor_p& m) { return list(m.from, m.target, m.ref); }
auto terms_of(dist::demonitor_p& m) { return list(m.from, m.target, m.ref); }
auto terms_of(dist::monitor_p_exit& m) { return list(m.from, m.to, m.ref, m.reason); }
auto terms_of(dist::spawn_request& m) {
  return list(m.req_id, m.from, m.group_leader, m.module, m.function, m.options, m.token);
}
auto terms_of(dist::spawn_reply& m) { return list(m.req_id, m.to, m.result, m.token); }
auto terms_of(dist::alias_send& m) { return list(m.from, m.alias, m.token); }
auto terms_of(dist::unlink_id& m) { return list(m.from, m.to); }
auto terms_of(dist::unlink_id_ack& m) { return list(m.from, m.to); }
auto terms_of(dist::altact_sig_send& m) { return list(m.from, m.to, m.token, m.reason); }

constexpr std::size_t first_chunk_words = 64;

}  // namespace

queued_message queue_copy(const dist::control_message& m, term message) {
  queued_message q{block::make(first_chunk_words), m, {}};
  std::visit(
      [&](auto& control) {
        for (term* t : terms_of(control))
          if (*t) *t = copy(*q.block, *t);
      },
      q.control);
  if (message) q.message = copy(*q.block, message);
  return q;
}

}  // namespace cnode::node
