// The names we give to nodes that ask for one (NAME_ME): net_kernel's dyn_name_pool. A name that is free again is given to the next
// who asks from that host, with the next creation: so no number of visitors fills the atom table. A name under which nobody has proved
// the cookie is forgotten: strangers, who may say any host, fill nothing. Any thread.
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
    bool proved = false;          // under it, now or before, the cookie. Set by the thread of the handshake
    std::shared_ptr<dynamic_names> pool;
    ~lease() {
      if (proved) pool->give_back(*this);
    }
  };
  // `fresh` makes a number and a creation when no name of that host is free.
  template <class Fresh>
  std::shared_ptr<lease> take(const std::string& host, Fresh fresh) {
    auto l = std::make_shared<lease>();
    l->pool = shared_from_this();
    {
      std::lock_guard lock(mutex_);
      if (const auto free = free_.find(host); free != free_.end()) {
        l->name = free->second.back().name;
        l->creation = free->second.back().creation;
        l->proved = true;
        free->second.pop_back();
        if (free->second.empty()) free_.erase(free);
        return l;
      }
    }
    const auto [number, creation] = fresh();
    l->name = base36(number) + "@" + host;
    l->creation = creation;
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
  std::map<std::string, std::vector<free_name>> free_;  // by host; none is empty
};

}  // namespace cnode::node
