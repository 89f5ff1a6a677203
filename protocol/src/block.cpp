#include <cnode/protocol/block.hpp>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdlib>
#include <new>

#include <cnode/protocol/unused_memory.hpp>

#include "buffer.hpp"
#include "terms/kept_memory.hpp"

namespace cnode {

struct block_chunk {
  block_chunk* next;
  std::size_t bytes;
  cnode_term* words() { return reinterpret_cast<cnode_term*>(this + 1); }
};

namespace {

// Further chunks double what is there, up to this many words at a time.
constexpr std::size_t max_growth = std::size_t{1} << 17;
// The sizes of first chunk that are kept for reuse, per thread: most messages and signals fit them.
constexpr std::size_t kept_words[] = {12, 24, 48, 120, 504};
constexpr std::size_t kept_classes = sizeof kept_words / sizeof *kept_words;
constexpr unsigned kept_blocks[] = {2048, 2048, 512, 128, 32};

// Memory of blocks that died on this thread. Freed with the thread.
struct kept_first_chunks {
  struct entry {
    entry* next;
  };
  entry* first[kept_classes] = {};
  unsigned count[kept_classes] = {};
  bool gone = false;

  ~kept_first_chunks() {
    gone = true;
    empty();
  }
  void empty() noexcept {
    for (std::size_t c = 0; c < kept_classes; ++c) {
      count[c] = 0;
      while (auto* e = first[c]) {
        first[c] = e->next;
        std::free(e);
      }
    }
  }
};
thread_local kept_first_chunks kept;
const unused_memory emptied{unused_memory::kind::of_thread, []() noexcept { kept.empty(); }};

std::size_t class_of(std::size_t words) {
  std::size_t c = 0;
  while (c < kept_classes && kept_words[c] < words) ++c;
  return c;
}

// The classes of those that messages have, looked up.
constexpr std::size_t small_words = 121;
constexpr auto class_of_small = [] {
  std::array<std::uint8_t, small_words> table{};
  for (std::size_t words = 0; words < small_words; ++words)
    while (kept_words[table[words]] < words) ++table[words];
  return table;
}();

void* allocate(std::size_t bytes) {
  void* p = std::malloc(bytes);
  if (!p) throw std::bad_alloc();
  return p;
}

// Buffers and native objects are counted; what a dying heap referred to goes one down.
void release_off_heap(cnode_term& list) noexcept {
  while (list) {
    auto* p = cnode_boxed_ptr(list);
    list = p[1];
    if (cnode_header_kind(*p) == CNODE_NATIVE) {
      auto* n = reinterpret_cast<native_object*>(p[2]);
      if (__atomic_sub_fetch(&n->refs, 1, __ATOMIC_ACQ_REL) == 0) n->release(n);
    } else {
      release(reinterpret_cast<buffer*>(p[2]));
    }
  }
}

cnode_term* first_word(block* b) { return reinterpret_cast<cnode_term*>(b + 1); }

void free_chunks(block_chunk* c) noexcept {
  while (c) {
    auto* next = c->next;
    kept_memory::give({c, c->bytes});
    c = next;
  }
}

}  // namespace

block_ptr block::make(std::size_t words) {
  const auto c = words < small_words ? class_of_small[words] : class_of(words);
  void* memory;
  if (keeps_memory && c < kept_classes && kept.first[c]) {
    memory = kept.first[c];
    kept.first[c] = kept.first[c]->next;
    --kept.count[c];
    words = kept_words[c];
  } else {
    words = c < kept_classes ? kept_words[c] : words;
    if (words > (SIZE_MAX - sizeof(block)) / sizeof(cnode_term)) throw std::bad_alloc();
    if (c < kept_classes) {
      memory = allocate(sizeof(block) + words * sizeof(cnode_term));
    } else {
      const auto p = kept_memory::take(sizeof(block) + words * sizeof(cnode_term));
      memory = p.memory;
      words = (p.bytes - sizeof(block)) / sizeof(cnode_term);
    }
  }
  auto* b = new (memory) block;
  b->top = first_word(b);
  b->end = b->first_end_ = b->top + words;
  b->off_heap = CNODE_NONE;
  return block_ptr{b};
}

// The tail of the current chunk is given up: growth is geometric, so little is lost.
cnode_term* block::reserve_slow(std::size_t n) {
  auto* begin = chunks_ ? chunks_->words() : first_word(this);
  const auto used = static_cast<std::size_t>(top - begin);
  const auto capacity = static_cast<std::size_t>(end - begin);
  const auto words = std::max(n, std::min(std::max<std::size_t>(2 * capacity, 64), max_growth));
  if (words > (SIZE_MAX - sizeof(block_chunk)) / sizeof(cnode_term)) throw std::bad_alloc();
  const auto memory = kept_memory::take(sizeof(block_chunk) + words * sizeof(cnode_term));
  auto* c = new (memory.memory) block_chunk{chunks_, memory.bytes};
  chunks_ = c;
  closed_words_ += used;
  auto* p = c->words();
  top = p + n;
  end = p + (memory.bytes - sizeof(block_chunk)) / sizeof(cnode_term);
  return p;
}

// The other block keeps its chunks and off-heap list and dies with us: nothing is walked.
void block::adopt(block_ptr other) {
  if (!other) return;
  closed_words_ += other->used_words();
  other->next = adopted_;
  adopted_ = other.release();
}

std::size_t block::used_words() const noexcept {
  auto* begin = chunks_ ? chunks_->words() : first_word(const_cast<block*>(this));
  return closed_words_ + static_cast<std::size_t>(top - begin);
}

void block::reset() noexcept {
  while (adopted_) {
    block_ptr gone{adopted_};
    adopted_ = gone->next;
  }
  release_off_heap(off_heap);
  free_chunks(chunks_);
  chunks_ = nullptr;
  closed_words_ = 0;
  top = first_word(this);
  end = first_end_;
  root = term{};
}

namespace {
struct block_mark {
  block_chunk* chunks;
  block* adopted;
  cnode_term* end;
  cnode_term off_heap;
  std::size_t closed_words;
};
}  // namespace

void* block::mark() {
  auto* m = reinterpret_cast<block_mark*>(reserve(sizeof(block_mark) / sizeof(cnode_term)));
  *m = {chunks_, adopted_, end, off_heap, closed_words_};
  return m;
}

void block::release_to(void* mark) noexcept {
  const auto m = *static_cast<block_mark*>(mark);
  while (adopted_ != m.adopted) {
    block_ptr gone{adopted_};
    adopted_ = gone->next;
  }
  // The list is newest first: what lies before the marked head is younger than the mark.
  auto list = off_heap;
  if (list != m.off_heap) {
    auto last = list;
    while (cnode_boxed_ptr(last)[1] != m.off_heap) last = cnode_boxed_ptr(last)[1];
    cnode_boxed_ptr(last)[1] = CNODE_NONE;
    release_off_heap(list);
  }
  off_heap = m.off_heap;
  while (chunks_ != m.chunks) {
    auto* next = chunks_->next;
    kept_memory::give({chunks_, chunks_->bytes});
    chunks_ = next;
  }
  closed_words_ = m.closed_words;
  top = static_cast<cnode_term*>(mark);
  end = m.end;
}

// A block may have adopted blocks that adopted blocks, to any depth: they go one after the other.
void block_deleter::operator()(block* b) const noexcept {
  b->next = nullptr;
  // Most are small messages that hold nothing but their words.
  if (const auto words = static_cast<std::size_t>(b->first_end_ - first_word(b));
      keeps_memory && words < small_words && !b->adopted_ && !b->chunks_ && b->off_heap == CNODE_NONE && !kept.gone) {
    const auto c = class_of_small[words];
    if (kept_words[c] == words && kept.count[c] < kept_blocks[c]) {
      auto* e = new (static_cast<void*>(b)) kept_first_chunks::entry;
      e->next = kept.first[c];
      kept.first[c] = e;
      ++kept.count[c];
      return;
    }
  }
  while (b) {
    auto* rest = b->next;
    if (b->adopted_) {
      auto* last = b->adopted_;
      while (last->next) last = last->next;
      last->next = rest;
      rest = b->adopted_;
    }
    release_off_heap(b->off_heap);
    free_chunks(b->chunks_);
    const auto c = class_of(static_cast<std::size_t>(b->first_end_ - first_word(b)));
    const bool exact = c < kept_classes && first_word(b) + kept_words[c] == b->first_end_;
    const auto bytes = static_cast<std::size_t>(reinterpret_cast<char*>(b->first_end_) - reinterpret_cast<char*>(b));
    b->~block();
    if (keeps_memory && exact && !kept.gone && kept.count[c] < kept_blocks[c]) {
      auto* e = new (static_cast<void*>(b)) kept_first_chunks::entry;
      e->next = kept.first[c];
      kept.first[c] = e;
      ++kept.count[c];
    } else if (exact) {
      std::free(static_cast<void*>(b));
    } else {
      kept_memory::give({b, bytes});
    }
    b = rest;
  }
}

}  // namespace cnode
