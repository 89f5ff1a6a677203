#include <cnode/protocol/connection.hpp>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "receive_buffer.hpp"

namespace cnode::dist {
namespace {

constexpr std::uint8_t pass_through = 112, version_magic = 131;
constexpr std::size_t frame_header = 4;  // bytes of length
// A frame up to here is decoded from the buffer the socket is read into and its binaries are copied; above, it has a
// buffer of its own, which large binaries share.
constexpr std::size_t small_frame = 64 * 1024;

bool is_message_carrier(const control_message& m) { return has_payload(m, 0); }

}  // namespace

struct connection::impl {
  dist_flags negotiated;
  connection_limits limits;
  term peer;
  receive_buffer in;
  std::optional<large_frame> large;  // the frame that is arriving, when it is one
  bool prepared_large = false;       // where the last prepare() pointed
  std::uint64_t ticks = 0;
  std::optional<failure> failed;
  etf::output out;

  // One term, 131 in front, at the head of `bytes`, which is moved behind it.
  result<term> read_term(block& b, std::span<const std::uint8_t>& bytes, const etf::decode_options& options, const char* what) {
    if (bytes.empty() || bytes[0] != version_magic)
      return {errc::bad_frame, std::string(what) + (bytes.empty() ? " is missing" : " does not begin with 131")};
    const auto t = etf::decode(b, bytes.subspan(1), options);
    if (!t) return failure{t.error().code, std::string(what) + ": " + t.error().detail};
    bytes = bytes.subspan(1 + t->used);
    return t->value;
  }

  // The layout of a frame is known here alone: a distribution header would be read before the control message and
  // its atoms passed on in the options.
  result<frame_event> read_frame(std::span<const std::uint8_t> bytes, const buffer_ptr& owner) {
    if (bytes[0] != pass_through) return {errc::bad_frame, "frame type " + std::to_string(bytes[0])};
    bytes = bytes.subspan(1);
    etf::decode_options options;
    options.owner = owner;
    auto b = block::make(16 + std::min<std::size_t>(bytes.size() / 4, 8192));
    const auto control = read_term(*b, bytes, options, "control message");
    if (!control) return control.error();
    term payload;
    if (control_takes_payload(*control)) {
      const auto message = read_term(*b, bytes, options, "message");
      if (!message) return message.error();
      payload = *message;
    }
    // What else the frame holds is ignored, as BEAM does.
    const auto m = decode_control(*control, payload, peer);
    if (!m) return m.error();
    frame_event e{*m, is_message_carrier(*m) ? payload : term{}, std::move(b)};
    if (const auto* a = std::get_if<altact_sig_send>(&e.control); a != nullptr && a->reason) e.message = {};
    e.block->root = e.message;
    return e;
  }

  result<std::optional<frame_event>> finish(result<frame_event> r) {
    if (r) return std::optional<frame_event>(std::move(*r));
    failed = r.error();
    return *failed;
  }
};

connection::connection(dist_flags negotiated, connection_limits limits) : impl_(std::make_unique<impl>()) {
  impl_->negotiated = negotiated;
  impl_->limits = limits;
}
connection::connection(connection&&) noexcept = default;
connection& connection::operator=(connection&&) noexcept = default;
connection::~connection() = default;

void connection::set_peer(term node) { impl_->peer = node; }

std::span<std::uint8_t> connection::prepare(std::size_t at_least) {
  auto& s = *impl_;
  at_least = std::max<std::size_t>(at_least, 1);
  // Bytes of a large frame go straight to their place, unless some are still waiting in front of them or the rest
  // of the frame is shorter than what is asked for.
  s.prepared_large = s.large && s.in.size() == 0 && s.large->missing() >= at_least;
  return s.prepared_large ? s.large->room(at_least) : s.in.room(at_least);
}

void connection::commit(std::size_t n) {
  auto& s = *impl_;
  s.prepared_large ? s.large->commit(n) : s.in.commit(n);
}

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
  auto& s = *impl_;
  if (s.failed) return *s.failed;
  for (;;) {
    if (s.large) {
      s.in.consume(s.large->append(s.in.bytes()));
      if (s.large->missing() > 0) return std::optional<frame_event>{};
      const auto frame = std::exchange(s.large, std::nullopt);
      return s.finish(s.read_frame(frame->bytes(), frame->owner()));
    }
    const auto bytes = s.in.bytes();
    if (bytes.size() < frame_header) return std::optional<frame_event>{};
    const auto size = std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 | bytes[3];
    if (size == 0) {
      ++s.ticks;
      s.in.consume(frame_header);
      continue;
    }
    if (size > s.limits.max_frame) return s.finish(failure{errc::bad_frame, "a frame of " + std::to_string(size) + " bytes"});
    if (size > small_frame) {
      s.in.consume(frame_header);
      s.large.emplace(size);
      continue;
    }
    if (bytes.size() < frame_header + size) return std::optional<frame_event>{};
    auto event = s.finish(s.read_frame(bytes.subspan(frame_header, size), {}));
    s.in.consume(frame_header + size);
    return event;
  }
}

std::uint64_t connection::ticks() const { return impl_->ticks; }

result<unit> connection::send(const control_message& m, term message) {
  auto& out = impl_->out;
  const auto start = out.size();
  constexpr std::string_view header{"\0\0\0\0\x70", frame_header + 1};  // the length is known afterwards
  static_assert(header.back() == pass_through);
  if (auto r = write_control(out, m, message, impl_->negotiated, header); !r) return r;
  const auto size = out.size() - start - frame_header;
  if (size > UINT32_MAX) return {errc::too_large, "a message of " + std::to_string(size) + " bytes"};
  out.patch_u32(start, static_cast<std::uint32_t>(size));
  return unit{};
}

void connection::tick() { impl_->out.put("\0\0\0\0", frame_header); }
etf::output& connection::output() { return impl_->out; }
dist_flags connection::flags() const { return impl_->negotiated; }

}  // namespace cnode::dist
