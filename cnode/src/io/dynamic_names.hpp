// The names we give to nodes that ask for one (NAME_ME): net_kernel's dyn_name_pool. A name that is free again is given to the next
// who asks from that host, with the next creation: so no number of visitors fills the atom table. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace cnode::node {

class dynamic_names : public std::enable_shared_from_this<dynamic_names> {
 public:
  // Whoever holds it has the name; the last one to let go gives it back.
  struct lease {
    std::string name;             // 3DTQI8QS79SSL@host
    std::uint32_t creation = 0;   // 4 or more
    std::shared_ptr<dynamic_names> pool;
    ~lease() { pool->give_back(*this); }
  };
  // `fresh` makes a number and a creation when no name of that host is free.
  template <class Fresh>
  std::shared_ptr<const lease> take(const std::string& host, Fresh fresh) {
    auto l = std::make_shared<lease>();
    {
      std::lock_guard lock(mutex_);
      auto& free = free_[host];
      if (!free.empty()) {
        l->name = free.back().name;
        l->creation = free.back().creation;
        free.pop_back();
      }
    }
    if (l->name.empty()) {
      const auto [number, creation] = fresh();
      l->name = base36(number) + "@" + host;
      l->creation = creation;
    }
    l->pool = shared_from_this();
    return l;
  }

 private:
  struct free_name {
    std::string name;
    std::uint32_t creation;
  };
  void give_back(const lease& l) {
    std::lock_guard lock(mutex_);
    free_[l.name.substr(l.name.find('@') + 1)].push_back({l.name, l.creation == ~0u ? 4 : l.creation + 1});
  }
  static std::string base36(std::uint64_t v) {
    constexpr char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    std::string out;
    do out.insert(out.begin(), digits[v % 36]);
    while ((v /= 36) != 0);
    return out;
  }

  std::mutex mutex_;
  std::map<std::string, std::vector<free_name>> free_;  // by host
};

}  // namespace cnode::node
