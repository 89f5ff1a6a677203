#include <cnode/protocol/connection.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

#include "frame_reader.hpp"
#include "frame_writer.hpp"

namespace cnode::dist {

struct connection::impl {
  dist_flags negotiated;
  frame_reader in;
  frame_writer out;
  std::unique_ptr<encoded_message> encoder;  // for send() of a message that is not encoded; made when it is needed

  impl(dist_flags flags, connection_limits limits) : negotiated(flags), in(flags, limits), out(flags) {}
};

connection::connection(dist_flags negotiated, connection_limits limits) : impl_(std::make_unique<impl>(negotiated, limits)) {}
connection::connection(connection&&) noexcept = default;
connection& connection::operator=(connection&&) noexcept = default;
connection::~connection() = default;

void connection::set_peer(term node) { impl_->in.set_peer(node); }
std::span<std::uint8_t> connection::prepare(std::size_t at_least) { return impl_->in.prepare(at_least); }
std::span<const std::span<std::uint8_t>> connection::prepare_pieces(std::size_t at_least, std::size_t at_most) {
  return impl_->in.prepare_pieces(at_least, at_most);
}
void connection::commit(std::size_t n) { impl_->in.commit(n); }

void connection::receive(std::span<const std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const auto room = prepare(1);
    const auto n = std::min(room.size(), bytes.size());
    std::memcpy(room.data(), bytes.data(), n);
    commit(n);
    bytes = bytes.subspan(n);
  }
}

result<std::optional<frame_event>> connection::next_event() {
  frame_event e;
  const auto there = next_event(e);
  if (!there) return there.error();
  if (!*there) return std::optional<frame_event>{};
  return std::optional<frame_event>(std::move(e));
}

result<bool> connection::next_event(frame_event& e) { return impl_->in.next_event(e); }
std::uint64_t connection::ticks() const { return impl_->in.ticks(); }

result<unit> connection::send(const control_message& m, term message) {
  if (!impl_->encoder) impl_->encoder = std::make_unique<encoded_message>();
  if (auto r = impl_->encoder->encode(m, message, impl_->negotiated); !r) return r;
  return impl_->out.send(*impl_->encoder);
}

result<unit> connection::send(encoded_message& m) { return impl_->out.send(m); }
void connection::tick() { impl_->out.tick(); }
void connection::fill_output(std::size_t fragments) { impl_->out.fill(fragments); }
std::size_t connection::waiting() const { return impl_->out.waiting(); }
etf::output& connection::output() { return impl_->out.out; }
void connection::clear_output() { impl_->out.clear(); }
dist_flags connection::flags() const { return impl_->negotiated; }

}  // namespace cnode::dist
