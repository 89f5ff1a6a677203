#include "timers.hpp"

namespace cnode::actors {

bool timers::before(std::uint32_t a, std::uint32_t b) const {
  const auto &x = timers_[a], &y = timers_[b];
  return x.deadline != y.deadline ? x.deadline < y.deadline : x.order < y.order;
}

void timers::place(std::size_t position, std::uint32_t index) {
  heap_[position] = index;
  timers_[index].position = static_cast<std::uint32_t>(position) + 1;
}

void timers::up(std::size_t i) {
  const auto index = heap_[i];
  while (i > 0 && before(index, heap_[(i - 1) / 2])) {
    place(i, heap_[(i - 1) / 2]);
    i = (i - 1) / 2;
  }
  place(i, index);
}

void timers::down(std::size_t i) {
  const auto index = heap_[i];
  for (;;) {
    auto child = 2 * i + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && before(heap_[child + 1], heap_[child])) ++child;
    if (!before(heap_[child], index)) break;
    place(i, heap_[child]);
    i = child;
  }
  place(i, index);
}

void timers::publish() {
  const auto next = heap_.empty() ? time_point::max() : timers_[heap_[0]].deadline;
  next_.store(next.time_since_epoch().count(), std::memory_order_release);
}

std::uint64_t timers::add(time_point deadline, timer_task task, bool* first) {
  std::lock_guard guard(lock_);
  std::uint32_t index;
  if (free_.empty()) {
    index = static_cast<std::uint32_t>(timers_.size());
    timers_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  auto& t = timers_[index];
  t.deadline = deadline;
  t.order = ++order_;
  t.task = std::move(task);
  heap_.push_back(index);
  up(heap_.size() - 1);
  if (first) *first = heap_[0] == index;
  publish();
  return static_cast<std::uint64_t>(t.generation) << 32 | (index + 1);
}

timers::timer* timers::find(std::uint64_t id) {
  const auto index = static_cast<std::uint32_t>(id) - 1;
  if (id == 0 || index >= timers_.size()) return nullptr;
  auto& t = timers_[index];
  return t.position && t.generation == id >> 32 ? &t : nullptr;
}

timer_task timers::take(std::uint32_t index) {
  const auto position = timers_[index].position - 1;
  const auto last = heap_.back();
  heap_.pop_back();
  if (last != index) {
    place(position, last);
    up(position);
    down(timers_[last].position - 1);
  }
  auto& t = timers_[index];
  t.position = 0;
  ++t.generation;
  auto task = std::move(t.task);
  t.task = {};
  free_.push_back(index);
  publish();
  return task;
}

std::optional<timers::time_point> timers::cancel(std::uint64_t id) {
  timer_task gone;  // destroyed without the lock
  std::lock_guard guard(lock_);
  auto* t = find(id);
  if (!t) return {};
  const auto deadline = t->deadline;
  gone = take(static_cast<std::uint32_t>(t - timers_.data()));
  return deadline;
}

std::optional<timers::time_point> timers::read(std::uint64_t id) const {
  std::lock_guard guard(lock_);
  auto* t = const_cast<timers*>(this)->find(id);
  if (!t) return {};
  return t->deadline;
}

std::optional<timer_task> timers::take_due(time_point now) {
  if (next() > now) return {};
  std::lock_guard guard(lock_);
  if (heap_.empty() || timers_[heap_[0]].deadline > now) return {};
  return take(heap_[0]);
}

void timers::clear() {
  std::vector<timer> gone;
  std::lock_guard guard(lock_);
  gone.swap(timers_);
  heap_.clear();
  free_.clear();
  publish();
}

}  // namespace cnode::actors
