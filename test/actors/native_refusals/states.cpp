// What native<T> must refuse to compile, one case per CASE_... macro; refusals.cmake expects the rule and the type in what the compiler says.
#include <any>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include <cnode/gen_server.hpp>
#if defined(CASE_COMPARATOR) || defined(CASE_DELETER) || defined(CASE_HASH_OF_ONES_OWN) || defined(CASE_ALL_GOOD)
#include <cnode/containers.hpp>
#endif

using namespace cnode;

struct key {
  int number;
  bool operator==(const key&) const = default;
};
template <>
struct std::hash<key> {
  std::size_t operator()(const key& k) const { return static_cast<std::size_t>(k.number); }
};
template <class T>
struct own_allocator : std::allocator<T> {};

struct base {
  int inherited = 0;
};
struct undescribed {
  int a;
};

struct state
#if defined(CASE_BASE)
    : base
#endif
{
  std::int64_t count = 0;
#if defined(CASE_POINTER)
  int* odd = nullptr;
#elif defined(CASE_VIEW)
  std::string_view odd;
#elif defined(CASE_SHARED)
  std::shared_ptr<int> odd;
#elif defined(CASE_FUNCTION)
  std::vector<std::function<void()>> odd;
#elif defined(CASE_ANY)
  std::optional<std::any> odd;
#elif defined(CASE_TERM)
  term odd = nil;
#elif defined(CASE_NUMBER)
  std::map<std::string, number> odd;
#elif defined(CASE_ALLOCATOR)
  std::vector<int, own_allocator<int>> odd;
#elif defined(CASE_COMPARATOR)
  std::set<int, std::greater<int>> odd;
#elif defined(CASE_DELETER)
  std::unique_ptr<int, void (*)(int*)> odd{nullptr, nullptr};
#elif defined(CASE_HASH_OF_ONES_OWN)
  std::unordered_map<key, int> odd;
#elif defined(CASE_HEADER)
  std::set<int> odd;
#elif defined(CASE_ARRAY)
  int odd[3] = {};
#elif defined(CASE_NESTED)
  std::tuple<int, undescribed> odd;
#elif defined(CASE_VIRTUAL)
  int odd = 0;
  virtual ~state() = default;
#else
  int odd = 0;
#endif
#if defined(CASE_FEWER)
  bool forgotten = false;
#elif defined(CASE_FEWER_FITS_NO_HOLE)
  std::string forgotten;
#endif
};
#if defined(CASE_ORDER)
CNODE_STRUCT(state, odd, count);
#elif !defined(CASE_UNDESCRIBED)
CNODE_STRUCT(state, count, odd);
#endif
#if defined(CASE_UPGRADE_FROM_ITSELF_LACKS_A_RESULT)
namespace v1 {
struct state {
  std::int64_t count;
};
CNODE_STRUCT(state, count);
}  // namespace v1
CNODE_UPGRADE(v1::state, state, [](int) { return 1; });
#endif

auto init(term) { return ok(make_native<state>()); }
CNODE_GEN_SERVER("refused", init);
