#include <algorithm>
#include <cassert>
#include <cstring>

#include "etf_output_impl.hpp"
#include "etf_reader.hpp"

namespace cnode::etf {

void output::impl::make_room(std::size_t n) {
  // Bytes already consumed are given up first, when they are worth a move.
  if (first > 0 && first >= last - first) {
    std::memmove(data, data + first, last - first);
    for (auto& s : shares) s.before -= first;
    last -= first;
    first = 0;
    if (capacity - last >= n) return;
  }
  if (n > SIZE_MAX / 2 - last) throw std::bad_alloc();
  const auto wanted = std::max(last + n, std::max<std::size_t>(capacity * 2, 256));
  auto* p = static_cast<std::uint8_t*>(std::realloc(data, wanted));
  if (!p) throw std::bad_alloc();
  data = p;
  capacity = wanted;
}

output::output() : impl_(std::make_unique<impl>()) {}
output::~output() = default;
output::output(output&&) noexcept = default;
output& output::operator=(output&&) noexcept = default;

std::uint8_t* output::grow(std::size_t n) {
  impl_->ensure(n);
  auto* p = impl_->data + impl_->last;
  impl_->last += n;
  return p;
}

void output::put(const void* data, std::size_t n) {
  if (n) std::memcpy(grow(n), data, n);
}

void output::share(const buffer_ptr& owner, const std::uint8_t* data, std::size_t n) {
  if (n == 0) return;
  impl_->shares.push_back({impl_->last, owner, data, n});
  impl_->shared_bytes += n;
}

std::size_t output::size() const { return impl_->last - impl_->first + impl_->shared_bytes; }

void output::patch_u32(std::size_t offset, std::uint32_t value) {
  auto at = impl_->first;
  for (const auto& s : impl_->shares) {
    if (offset < s.before - at) break;
    offset -= s.before - at;
    at = s.before;
    assert(offset >= s.size);
    offset -= s.size;
  }
  assert(at + offset + 4 <= impl_->last);
  store32(impl_->data + at + offset, value);
}

std::vector<output::piece> output::pieces() const {
  std::vector<piece> all;
  all.reserve(2 * impl_->shares.size() + 1);
  auto at = impl_->first;
  for (const auto& s : impl_->shares) {
    if (s.before > at) all.push_back({impl_->data + at, s.before - at});
    at = s.before;
    all.push_back({s.data, s.size});
  }
  if (impl_->last > at) all.push_back({impl_->data + at, impl_->last - at});
  return all;
}

void output::consume(std::size_t n) {
  auto& i = *impl_;
  while (n && !i.shares.empty()) {
    auto& s = i.shares.front();
    const auto copied = std::min(n, s.before - i.first);
    i.first += copied;
    n -= copied;
    const auto shared = std::min(n, s.size);
    s.data += shared;
    s.size -= shared;
    i.shared_bytes -= shared;
    n -= shared;
    if (s.size == 0) i.shares.pop_front();
  }
  i.first += std::min(n, i.last - i.first);
  if (i.first == i.last && i.shares.empty()) i.first = i.last = 0;
}

void output::take(output& from, std::size_t n) {
  auto& f = *from.impl_;
  while (n > 0) {
    const auto copied = std::min(n, (f.shares.empty() ? f.last : f.shares.front().before) - f.first);
    put(f.data + f.first, copied);
    f.first += copied;
    n -= copied;
    if (n == 0 || f.shares.empty()) break;
    auto& s = f.shares.front();
    const auto shared = std::min(n, s.size);
    share(s.owner, s.data, shared);
    s.data += shared;
    s.size -= shared;
    f.shared_bytes -= shared;
    n -= shared;
    if (s.size == 0) f.shares.pop_front();
  }
  if (f.first == f.last && f.shares.empty()) f.first = f.last = 0;
}

void output::clear() {
  impl_->shares.clear();
  impl_->shared_bytes = 0;
  impl_->first = impl_->last = 0;
}

std::string output::str() const {
  std::string s;
  s.reserve(size());
  for (const auto& p : pieces()) s.append(reinterpret_cast<const char*>(p.data), p.size);
  return s;
}

}  // namespace cnode::etf
