#include "frame_reader.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "etf_reader.hpp"

namespace cnode::dist {

using etf::load32;
using etf::load64;

namespace {

constexpr std::uint8_t pass_through = 112, version_magic = 131, dist_header = 68, fragment_header = 69, fragment_continuation = 70;
constexpr std::size_t length_bytes = 4, fragment_numbers = 2 + 8 + 8;
// A frame up to here is decoded from the buffer the socket is read into and its binaries are copied; above, it has a buffer of its
// own, which large binaries share. Fragments of 64 KiB are below.
constexpr std::size_t small_frame = 68 * 1024;

const buffer_ptr no_owner;

bool is_message_carrier(const control_message& m) { return has_payload(m, 0); }

}  // namespace

std::span<std::uint8_t> frame_reader::prepare(std::size_t at_least) {
  at_least = std::max<std::size_t>(at_least, 1);
  // Bytes of a large frame go straight to their place, unless some are still waiting in front of them or the rest of the frame is
  // shorter than what is asked for.
  piece_count_ = 0;
  prepared_large_ = large_ && in_.size() == 0 && large_->missing() >= at_least;
  return prepared_large_ ? large_->room(at_least) : in_.room(at_least);
}

std::span<const std::span<std::uint8_t>> frame_reader::prepare_pieces(std::size_t at_least, std::size_t at_most) {
  if (arriving_ != unfinished_.end() && arriving_left_ > 0 && in_.size() == 0) {
    prepare_fragments(at_most);
  } else {
    pieces_[0] = prepare(at_least);
    pieces_[0] = pieces_[0].first(std::min(pieces_[0].size(), std::max(at_least, at_most)));
    return {pieces_.data(), 1};
  }
  return {pieces_.data(), piece_count_};
}

void frame_reader::commit(std::size_t n) {
  if (piece_count_ > 0) return commit_fragments(n);
  prepared_large_ ? large_->commit(n) : in_.commit(n);
}

result<bool> frame_reader::next_event(frame_event& e) {
  if (failed_) return *failed_;
  const auto r = next(e);
  if (r == outcome::failed) return *failed_;
  return r == outcome::event;
}

frame_reader::outcome frame_reader::fail(failure why) {
  failed_ = std::move(why);
  return outcome::failed;
}

frame_reader::outcome frame_reader::next(frame_event& e) {
  for (;;) {
    if (large_) {
      in_.consume(large_->append(in_.bytes()));
      if (large_->missing() > 0) return outcome::more;
      const auto frame = std::exchange(large_, std::nullopt);
      const auto r = read_frame(frame->bytes(), frame->owner(), e);
      if (r != outcome::more) return r;
      continue;
    }
    if (arriving_ != unfinished_.end()) {
      const auto r = read_continuation(e);
      if (r != outcome::more || arriving_ != unfinished_.end()) return r;
      continue;
    }
    const auto bytes = in_.bytes();
    if (bytes.size() < length_bytes) return outcome::more;
    const auto size = load32(bytes.data());
    if (size == 0) {
      ++ticks_;
      in_.consume(length_bytes);
      continue;
    }
    if (size > limits_.max_frame) return fail({errc::bad_frame, "a frame of " + std::to_string(size) + " bytes"});
    if ((flags_ & dist_flag::fragments) && size >= fragment_numbers) {
      // What continues a message goes straight to the bytes before it.
      if (bytes.size() < length_bytes + 2) return outcome::more;
      if (bytes[length_bytes] == version_magic && bytes[length_bytes + 1] == fragment_continuation) {
        if (bytes.size() < length_bytes + fragment_numbers) return outcome::more;
        if (!begin_continuation(load64(&bytes[length_bytes + 2]), load64(&bytes[length_bytes + 10]))) return outcome::failed;
        arriving_left_ = arriving_size_ = size - fragment_numbers;
        in_.consume(length_bytes + fragment_numbers);
        continue;
      }
    }
    if (size > small_frame) {
      in_.consume(length_bytes);
      large_.emplace(size);
      continue;
    }
    if (bytes.size() < length_bytes + size) return outcome::more;
    const auto r = read_frame(bytes.subspan(length_bytes, size), no_owner, e);
    in_.consume(length_bytes + size);
    if (r != outcome::more) return r;
  }
}

frame_reader::outcome frame_reader::read_frame(std::span<const std::uint8_t> bytes, const buffer_ptr& owner, frame_event& e) {
  etf::decode_options options;
  if (owner) options.owner = owner;
  if (!has_dist_header(flags_)) {
    if (bytes[0] != pass_through) return fail({errc::bad_frame, "frame type " + std::to_string(bytes[0]) + " where 112 was agreed on"});
    return read_message(bytes.subspan(1), options, e);
  }
  if (bytes[0] != version_magic) return fail({errc::bad_frame, "frame type " + std::to_string(bytes[0]) + " where 131 was agreed on"});
  if (bytes.size() < 2) return fail({errc::bad_frame, "a frame of one byte"});
  const auto type = bytes[1];
  bytes = bytes.subspan(2);
  std::uint64_t sequence = 0, number = 0;
  if ((flags_ & dist_flag::fragments) && (type == fragment_header || type == fragment_continuation)) {
    if (bytes.size() < 16) return fail({errc::bad_frame, "a fragment without its numbers"});
    sequence = load64(&bytes[0]);
    number = load64(&bytes[8]);
    bytes = bytes.subspan(16);
  } else if (type != dist_header) {
    return fail({errc::bad_frame, "distribution header 131, " + std::to_string(type)});
  }
  const auto header = cache_.read_header(bytes, (flags_ & dist_flag::dist_hdr_atom_cache) != 0);
  if (!header) return fail(header.error());
  bytes = bytes.subspan(*header);
  if (type == fragment_header) return read_first_fragment(sequence, number, bytes, e);
  options.atoms = cache_.atoms();
  return read_message(bytes, options, e);
}

// One term at the head of `bytes`, which is moved behind it.
term frame_reader::read_term(block& b, std::span<const std::uint8_t>& bytes, const etf::decode_options& options, const char* what) {
  if (!has_dist_header(flags_)) {
    if (bytes.empty() || bytes[0] != version_magic)
      return fail({errc::bad_frame, std::string(what) + (bytes.empty() ? " is missing" : " does not begin with 131")}), term{};
    bytes = bytes.subspan(1);
  }
  return read_value(b, bytes, options, what);
}

// The same behind the 131 that may stand in front.
term frame_reader::read_value(block& b, std::span<const std::uint8_t>& bytes, const etf::decode_options& options, const char* what) {
  if (bytes.empty() && has_dist_header(flags_)) return fail({errc::bad_frame, std::string(what) + " is missing"}), term{};
  const auto t = etf::decode(b, bytes, options);
  if (!t) return fail({t.error().code, std::string(what) + ": " + t.error().detail}), term{};
  bytes = bytes.subspan(t->used);
  return t->value;
}

frame_reader::outcome frame_reader::read_message(std::span<const std::uint8_t> bytes, const etf::decode_options& options, frame_event& e) {
  control_reader::source from{bytes, options.atoms, !has_dist_header(flags_), peer_, false};
  if (controls_.read(from, e.control, e.block)) {
    e.message = {};
    if (from.payload) {
      e.message = read_value(*e.block, from.bytes, options, "message");
      if (!e.message) return outcome::failed;
    }
    e.block->root = e.message;
    return outcome::event;
  }
  auto b = block::make(16 + std::min<std::size_t>(bytes.size() / 4, 8192));
  const auto control = read_term(*b, bytes, options, "control message");
  if (!control) return outcome::failed;
  term payload;
  if (control_takes_payload(control)) {
    payload = read_term(*b, bytes, options, "message");
    if (!payload) return outcome::failed;
  }
  // What else the frame holds is ignored, as BEAM does.
  return event(std::move(b), control, payload, e);
}

frame_reader::outcome frame_reader::event(block_ptr b, term control, term payload, frame_event& e) {
  const auto m = decode_control(control, payload, peer_);
  if (!m) return fail(m.error());
  e.control = *m;
  e.message = is_message_carrier(*m) ? payload : term{};
  if (const auto* a = std::get_if<altact_sig_send>(&e.control); a != nullptr && a->reason) e.message = {};
  e.block = std::move(b);
  e.block->root = e.message;
  return outcome::event;
}

// ---- fragments (dist.c, erts_net_message())

failure frame_reader::too_much() const {
  return {errc::too_large, "fragments of " + std::to_string(unfinished_.size()) + " unfinished messages, " +
                               std::to_string(unfinished_bytes_) + " bytes"};
}

frame_reader::outcome frame_reader::read_first_fragment(std::uint64_t sequence, std::uint64_t number,
                                                        std::span<const std::uint8_t> bytes, frame_event& e) {
  const auto frame_size = bytes.size();  // that of most which follow, or a little more
  if (number == 0) return fail({errc::bad_frame, "fragment 0 of sequence " + std::to_string(sequence)});
  etf::decode_options options;
  options.atoms = cache_.atoms();
  if (unfinished_.contains(sequence)) return fail({errc::bad_frame, "sequence " + std::to_string(sequence) + " begins twice"});
  if (number == 1) return read_message(bytes, options, e);
  unfinished u;
  u.block = block::make(64);
  const auto control = read_term(*u.block, bytes, options, "control message");
  if (!control) return outcome::failed;
  u.control = control;
  u.atoms.assign(options.atoms.begin(), options.atoms.end());
  if (!bytes.empty() && number < SIZE_MAX / frame_size) u.payload = growing_buffer(static_cast<std::size_t>(number) * frame_size);
  u.payload.append(bytes);
  u.due = number - 1;
  u.overhead = sizeof(sequences::value_type) + u.atoms.size() * sizeof(term) + u.block->used_words() * sizeof(cnode_term);
  u.charged = u.payload.held() + u.overhead;
  unfinished_bytes_ += u.charged;
  unfinished_.emplace(sequence, std::move(u));
  if (unfinished_.size() > limits_.max_unfinished_messages || unfinished_bytes_ > limits_.max_unfinished_bytes) return fail(too_much());
  return outcome::more;
}

bool frame_reader::begin_continuation(std::uint64_t sequence, std::uint64_t number) {
  const auto it = unfinished_.find(sequence);
  if (it == unfinished_.end()) {
    fail({errc::bad_frame, "fragment of sequence " + std::to_string(sequence) + ", which did not begin"});
    return false;
  }
  if (it->second.due != number) {
    fail({errc::bad_frame, "fragment " + std::to_string(number) + " of sequence " + std::to_string(sequence) + " where " +
                               std::to_string(it->second.due) + " was due"});
    return false;
  }
  arriving_ = it;
  return true;
}

frame_reader::outcome frame_reader::read_continuation(frame_event& e) {
  const auto bytes = in_.bytes().first(std::min(in_.size(), arriving_left_));
  auto& u = arriving_->second;
  u.payload.append(bytes);
  took(bytes.size());
  in_.consume(bytes.size());
  if (unfinished_bytes_ > limits_.max_unfinished_bytes) return fail(too_much());
  if (arriving_left_ > 0) return outcome::more;
  const auto it = std::exchange(arriving_, unfinished_.end());
  if (--u.due > 0) return outcome::more;
  unfinished_bytes_ -= u.charged;
  auto whole = std::move(u);
  unfinished_.erase(it);
  return finish(std::move(whole), e);
}

void frame_reader::took(std::size_t n) {
  auto& u = arriving_->second;
  arriving_left_ -= n;
  const auto charge = u.payload.held() + u.overhead;
  unfinished_bytes_ += charge - u.charged;
  u.charged = charge;
}

void frame_reader::prepare_fragments(std::size_t at_most) {
  auto& u = arriving_->second;
  const auto size = arriving_size_;
  // The last one, number 1, may be shorter: it is not expected.
  std::size_t following = 0;
  if (u.due > 2 && at_most > arriving_left_)
    following = static_cast<std::size_t>(std::min<std::uint64_t>({u.due - 2, (at_most - arriving_left_) / (size + header_size), most_following}));
  auto room = u.payload.room(arriving_left_ + following * size);
  const auto piece = [&](std::size_t n) {
    pieces_[piece_count_++] = room.first(n);
    room = room.subspan(n);
  };
  piece_count_ = 0;
  piece(arriving_left_);
  for (std::size_t i = 0; i < following; ++i) {
    pieces_[piece_count_++] = headers_[i];
    piece(size);
  }
  if (following > 0) pieces_[piece_count_++] = headers_[following];
}

void frame_reader::commit_fragments(std::size_t n) {
  auto& u = arriving_->second;
  const auto take = [&] {
    const auto some = std::min(n, arriving_left_);
    u.payload.commit(some);
    took(some);
    n -= some;
  };
  take();
  for (std::size_t i = 1; n > 0; ++i) {
    const auto header = pieces_[i];
    if (n < header_size || !continues_arriving(header.data())) {
      for (; n > 0; ++i) {
        const auto some = std::min(n, pieces_[i].size());
        std::memcpy(in_.room(some).data(), pieces_[i].data(), some);
        in_.commit(some);
        n -= some;
      }
      break;
    }
    n -= header_size;
    --u.due;
    arriving_left_ = arriving_size_;
    ++i;
    take();
  }
  piece_count_ = 0;
}

// Whether these are length and numbers of the next fragment of the message that is arriving, as long as the present one.
bool frame_reader::continues_arriving(const std::uint8_t* header) const {
  return load32(header) == arriving_size_ + fragment_numbers && header[4] == version_magic && header[5] == fragment_continuation &&
         load64(header + 6) == arriving_->first && load64(header + 14) == arriving_->second.due - 1;
}

frame_reader::outcome frame_reader::finish(unfinished u, frame_event& e) {
  term payload;
  u.payload.close();
  if (control_takes_payload(u.control)) {
    etf::decode_options options;
    options.owner = u.payload.owner();
    options.atoms = u.atoms;
    auto bytes = u.payload.bytes();
    payload = read_term(*u.block, bytes, options, "message");
    if (!payload) return outcome::failed;
  }
  return event(std::move(u.block), u.control, payload, e);
}

}  // namespace cnode::dist
