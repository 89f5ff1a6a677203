#include <cnode/protocol/encoded_message.hpp>

#include <type_traits>

namespace cnode::dist {

namespace {

// A buffer that grew beyond this is not kept.
constexpr std::size_t keep = 1 << 20;

std::uint64_t key_of(term pid) {
  if (!pid || !pid.is_pid()) return 0;
  if (pid.is_local_pid()) return pid.word();
  return (std::uint64_t{pid_serial(pid)} << 32 | pid_id(pid)) ^ std::uint64_t{node_of(pid).creation} << 20;
}

struct sender_of {
  term operator()(const node_link&) const { return {}; }
  term operator()(const spawn_reply& m) const { return m.result; }
  template <class T>
  term operator()(const T& m) const { return m.from; }
};

}  // namespace

result<unit> encoded_message::encode(const control_message& m, term message, dist_flags negotiated) {
  if (body_.size() > keep) body_ = etf::output();
  body_.clear();
  atoms_.reset();
  control_style style;
  style.magic = !has_dist_header(negotiated);
  if (negotiated & dist_flag::dist_hdr_atom_cache) style.atoms = &atoms_;
  const auto written = write_control(body_, m, message, negotiated, style);
  if (!written) return written.error();
  written_ = *written;
  const auto from = std::visit(sender_of{}, m);
  sender_ = key_of(from);
  // The end of a process that is monitored by name is told in its name's words.
  sender_unknown_ = std::holds_alternative<monitor_p_exit>(m) && from.is_atom();
  return unit{};
}

}  // namespace cnode::dist
