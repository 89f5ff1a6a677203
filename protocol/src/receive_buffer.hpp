// Where received bytes wait to be decoded. Memory follows the bytes that came, never the bytes a peer announced.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

#include <cnode/protocol/block.hpp>

namespace cnode::dist {

// Bytes in the order they came: room at the end, taken from the front. Reused.
class receive_buffer {
 public:
  std::span<const std::uint8_t> bytes() const { return {data_.get() + begin_, end_ - begin_}; }
  std::size_t size() const { return end_ - begin_; }

  std::span<std::uint8_t> room(std::size_t at_least) {
    if (capacity_ - end_ < at_least) make_room(at_least);
    return {data_.get() + end_, capacity_ - end_};
  }
  void commit(std::size_t n) { end_ += n; }

  void consume(std::size_t n) {
    begin_ += n;
    if (begin_ != end_) return;
    begin_ = end_ = 0;
    if (capacity_ > keep) data_.reset(), capacity_ = 0;
  }

 private:
  static constexpr std::size_t first = 16 * 1024, keep = 1024 * 1024;

  void make_room(std::size_t at_least) {
    const auto live = size();
    const auto wanted = live + at_least;
    // Moving within the buffer pays when most of it becomes free: else frames of 64 KiB would be moved with every read.
    if (wanted <= capacity_ && live <= capacity_ / 3) {
      std::memmove(data_.get(), data_.get() + begin_, live);
    } else {
      const auto capacity = std::max({first, 2 * capacity_, wanted});
      auto data = std::make_unique_for_overwrite<std::uint8_t[]>(capacity);
      if (live > 0) std::memcpy(data.get(), data_.get() + begin_, live);
      data_ = std::move(data);
      capacity_ = capacity;
    }
    begin_ = 0;
    end_ = live;
  }

  std::unique_ptr<std::uint8_t[]> data_;
  std::size_t capacity_ = 0, begin_ = 0, end_ = 0;
};

// Bytes on their way into one buffer that binaries can share: a large frame, or what fragments bring.
class growing_buffer {
 public:
  growing_buffer() = default;
  // What will come, as far as one knows: room grows faster and no further. Pages of it are touched as bytes come, unless a buffer
  // lies ready.
  explicit growing_buffer(std::size_t expected) : expected_(expected) {}

  std::size_t size() const { return have_; }
  // Bytes of memory it may hold.
  std::size_t held() const { return ready_made_ ? capacity() : have_; }
  std::span<std::uint8_t> room(std::size_t at_least) {
    if (capacity() - have_ < at_least) grow(at_least);
    return {buffer_.data() + have_, capacity() - have_};
  }
  void commit(std::size_t n) { have_ += n; }
  void append(std::span<const std::uint8_t> bytes) {
    if (bytes.empty()) return;
    std::memcpy(room(bytes.size()).data(), bytes.data(), bytes.size());
    have_ += bytes.size();
  }
  std::span<const std::uint8_t> bytes() const { return {buffer_.data(), have_}; }
  const buffer_ptr& owner() const { return buffer_; }
  // Nothing will follow: gives back what a buffer that lay ready holds in vain.
  void close() {
    if (ready_made_ && have_ < capacity() / 2) buffer_.resize(have_);
  }

 private:
  std::size_t capacity() const { return buffer_ ? buffer_.size() : 0; }
  void grow(std::size_t at_least) {
    const auto needed = have_ + at_least;
    if (needed > expected_) {
      buffer_.resize(std::max<std::size_t>({least, 2 * capacity(), needed}));
    } else if (have_ >= expected_ / ready_share && buffer_.grow_to_kept(expected_, have_)) {
      ready_made_ = true;
    } else {
      buffer_.resize(std::min(expected_, std::max<std::size_t>({least, 8 * capacity(), needed})));
    }
  }

  static constexpr std::size_t least = 128 * 1024;
  static constexpr std::size_t ready_share = 256;  // a buffer of the whole size for a message of which so much has come: a 256th
  std::size_t expected_ = 0, have_ = 0;
  bool ready_made_ = false;
  buffer_ptr buffer_;
};

// One large frame on its way in.
class large_frame {
 public:
  explicit large_frame(std::size_t size) : size_(size), buffer_(size) {}

  std::size_t missing() const { return size_ - buffer_.size(); }
  // At most missing() bytes of room; at_least must not exceed it.
  std::span<std::uint8_t> room(std::size_t at_least) {
    const auto room = buffer_.room(at_least);
    return room.first(std::min(room.size(), missing()));
  }
  void commit(std::size_t n) { buffer_.commit(n); }
  // Returns how many of `bytes` belong to the frame.
  std::size_t append(std::span<const std::uint8_t> bytes) {
    const auto n = std::min(bytes.size(), missing());
    buffer_.append(bytes.first(n));
    return n;
  }
  std::span<const std::uint8_t> bytes() const { return buffer_.bytes(); }
  const buffer_ptr& owner() const { return buffer_.owner(); }

 private:
  std::size_t size_;
  growing_buffer buffer_;
};

}  // namespace cnode::dist
