#include "terms/kept_memory.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <new>

#include <cnode/protocol/unused_memory.hpp>

namespace cnode {

namespace kept_memory {

namespace {

// Below, malloc has it at hand.
constexpr std::size_t smallest = 1024;
// From here on pieces are kept for all threads: whoever decodes is seldom who frees.
constexpr std::size_t shared_from = 64 * 1024;

// What a node that seems to rest should hear of.
constexpr std::size_t noted_from = std::size_t{1} << 20;

// Oldest first. The most that is kept is `Bytes` in `Count` pieces.
template <unsigned Count, std::size_t Bytes>
struct shelf {
  piece pieces[Count] = {};
  unsigned count = 0;
  std::size_t bytes = 0;

  // The smallest that will do, if it is not much too large.
  bool find(std::size_t wanted, piece& out) noexcept {
    unsigned best = count;
    for (unsigned i = count; i-- > 0;) {
      const auto n = pieces[i].bytes;
      if (n < wanted || n / 2 > wanted || (best != count && pieces[best].bytes <= n)) continue;
      best = i;
      if (n == wanted) break;
    }
    if (best == count) return false;
    out = pieces[best];
    remove(best);
    return true;
  }
  void remove(unsigned i) noexcept {
    bytes -= pieces[i].bytes;
    --count;
    for (; i < count; ++i) pieces[i] = pieces[i + 1];
  }
  // The oldest make room. False: too large to keep.
  bool add(piece p, piece* out, unsigned& gone) noexcept {
    gone = 0;
    if (p.bytes > Bytes) return false;
    while (count == Count || bytes + p.bytes > Bytes) {
      out[gone++] = pieces[0];
      remove(0);
    }
    pieces[count++] = p;
    bytes += p.bytes;
    return true;
  }
  static constexpr unsigned capacity = Count;
};

constinit std::mutex shared_lock;
constinit shelf<16, std::size_t{8} << 20> shared;

struct own_shelf : shelf<12, 256 * 1024> {
  bool gone = false;
  ~own_shelf() {
    gone = true;
    drop();
  }
  void drop() noexcept {
    while (count) {
      std::free(pieces[count - 1].memory);
      remove(count - 1);
    }
  }
};
thread_local own_shelf own;

}  // namespace

piece take(std::size_t wanted) {
  piece p{nullptr, wanted};
  if (keeps_memory && wanted >= smallest) {
    if (wanted > SIZE_MAX / 2) throw std::bad_alloc();
    // Few different sizes, so that what one term leaves suits the next.
    const auto step = std::bit_floor(wanted) / 4;
    wanted = p.bytes = (wanted + step - 1) / step * step;
    if (wanted < shared_from) {
      if (!own.gone && own.find(wanted, p)) return p;
    } else {
      std::lock_guard lock(shared_lock);
      if (shared.find(wanted, p)) return p;
    }
  }
  p.memory = std::malloc(p.bytes);
  if (!p.memory) throw std::bad_alloc();
  return p;
}

void give(piece p) noexcept {
  bool kept = false;
  if (keeps_memory && p.bytes >= smallest) {
    piece gone[16];
    unsigned n = 0;
    static_assert(decltype(shared)::capacity <= 16 && own_shelf::capacity <= 16);
    if (p.bytes < shared_from) {
      kept = !own.gone && own.add(p, gone, n);
    } else {
      {
        std::lock_guard lock(shared_lock);
        kept = shared.add(p, gone, n);
      }
      if (kept && p.bytes >= noted_from) note_kept_memory();
    }
    while (n) std::free(gone[--n].memory);
  }
  if (!kept) std::free(p.memory);
}

namespace {

void drop_shared() noexcept {
  for (;;) {
    piece p;
    {
      std::lock_guard lock(shared_lock);
      if (shared.count == 0) return;
      p = shared.pieces[shared.count - 1];
      shared.remove(shared.count - 1);
    }
    std::free(p.memory);
  }
}

const unused_memory of_thread{unused_memory::kind::of_thread, []() noexcept {
                                if (!own.gone) own.drop();
                              }};
const unused_memory of_all{unused_memory::kind::shared, drop_shared};

}  // namespace

}  // namespace kept_memory

}  // namespace cnode
