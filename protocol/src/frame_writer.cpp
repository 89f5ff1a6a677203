#include "frame_writer.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "etf_reader.hpp"

namespace cnode::dist {

namespace {

constexpr std::uint8_t pass_through = 112, version_magic = 131, dist_header = 68, fragment_header = 69, fragment_continuation = 70;
constexpr std::size_t fragment_size = 64 * 1024;  // ERTS_DIST_FRAGMENT_SIZE
constexpr std::size_t largest_header = 1 << 20;   // more than 255 atoms of 1020 bytes take

void put_u64(std::vector<std::uint8_t>& out, std::uint64_t v) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(v >> shift));
}

}  // namespace

// The control message is never cut, so only payloads make a message large.
bool frame_writer::is_large(const written_control& w, std::size_t size) const {
  return (flags_ & dist_flag::fragments) && w.payload && size > fragment_size && size > w.payload_at;
}

result<unit> frame_writer::send(encoded_message& m) {
  const auto size = m.body_.size();
  const bool large = is_large(m.written_, size);
  if (!large && size > UINT32_MAX - largest_header) return {errc::too_large, "a message of " + std::to_string(size) + " bytes"};
  if (senders_.empty() && !large) {
    write_whole(m.body_, m.atoms_.atoms());
    return unit{};
  }
  if (m.sender_unknown_ && !senders_.empty()) {
    auto b = std::make_shared<barrier>();
    b->m = take(m);
    b->senders = senders_.size();
    waiting_bytes_ += b->m.body.size();
    for (auto& [key, s] : senders_) s->entries.push_back({nullptr, b});
    return unit{};
  }
  if (!large && !senders_.contains(m.sender_)) {
    write_whole(m.body_, m.atoms_.atoms());
    return unit{};
  }
  const auto key = m.sender_;
  auto taken = take(m);
  waiting_bytes_ += taken.body.size();
  queue(key, std::move(taken));
  return unit{};
}

frame_writer::message frame_writer::take(encoded_message& m) {
  message taken{{}, {m.atoms_.atoms().begin(), m.atoms_.atoms().end()}, m.written_};
  if (m.body_.size() > fragment_size) std::swap(taken.body, m.body_);
  else taken.body.take(m.body_, m.body_.size());
  return taken;
}

void frame_writer::queue(std::uint64_t key, message m) {
  auto& s = senders_[key];
  if (!s) {
    s = std::make_unique<sender>(sender{key, {}});
    turns_.push_back(s.get());
  }
  s->entries.push_back({std::make_unique<message>(std::move(m)), nullptr});
}

void frame_writer::fill(std::size_t fragments) {
  for (; fragments > 0 && !turns_.empty(); --fragments) {
    auto* s = turns_.front();
    turns_.pop_front();
    write_turn(*s);
    if (s->entries.empty()) senders_.erase(s->key);
    else turns_.push_back(s);
  }
}

// One fragment, or small messages up to the size of one.
void frame_writer::write_turn(sender& s) {
  std::size_t written = 0;
  while (written < fragment_size && !s.entries.empty()) {
    auto& e = s.entries.front();
    if (e.end_of) {
      const auto b = std::move(e.end_of);
      s.entries.pop_front();
      if (--b->senders > 0) continue;
      queue(next_unknown_++, std::move(b->m));
      continue;
    }
    const auto before = e.m->body.size();
    const bool large = e.m->fragments_left > 0 || is_large(e.m->written, before);
    bool last = true;
    if (large) last = write_fragment(*e.m);
    else write_whole(e.m->body, e.m->atoms);
    const auto gone = before - e.m->body.size();
    waiting_bytes_ -= gone;
    written += large ? fragment_size : gone;
    if (last) s.entries.pop_front();
  }
}

void frame_writer::begin_frame() { header_.assign(4, 0); }

void frame_writer::end_frame(etf::output& body, std::size_t size) {
  const auto length = header_.size() - 4 + size;
  for (std::size_t i = 0; i < 4; ++i) header_[i] = static_cast<std::uint8_t>(length >> (24 - 8 * i));
  out.put(header_.data(), header_.size());
  out.take(body, size);
}

void frame_writer::write_whole(etf::output& body, std::span<const term> atoms) {
  if (!has_dist_header(flags_)) {
    const auto size = body.size();
    auto* p = out.grow(5);
    etf::store32(p, static_cast<std::uint32_t>(size + 1));
    p[4] = pass_through;
    out.take(body, size);
    return;
  }
  begin_frame();
  header_.insert(header_.end(), {version_magic, dist_header});
  cache_.append_header(header_, atoms);
  end_frame(body, body.size());
}

// erl_ext_dist, "Distribution Header for fragmented messages": numbered downwards, the last one is 1. The first holds header and
// control message.
bool frame_writer::write_fragment(message& m) {
  const bool first = m.fragments_left == 0;
  auto size = std::min(m.body.size(), fragment_size);
  if (first) {
    size = std::max(size, m.written.payload_at);
    m.fragments_left = 1 + (m.body.size() - size + fragment_size - 1) / fragment_size;
    m.sequence = next_sequence_++;
  }
  begin_frame();
  header_.insert(header_.end(), {version_magic, first ? fragment_header : fragment_continuation});
  put_u64(header_, m.sequence);
  put_u64(header_, m.fragments_left);
  if (first) cache_.append_header(header_, m.atoms);
  end_frame(m.body, size);
  return --m.fragments_left == 0;
}

void frame_writer::tick() { out.put("\0\0\0\0", 4); }

void frame_writer::clear() {
  out.clear();
  senders_.clear();
  turns_.clear();
  waiting_bytes_ = 0;
}

}  // namespace cnode::dist
