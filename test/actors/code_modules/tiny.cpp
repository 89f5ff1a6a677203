// A module in the plain C ABI, built in many variants: VERSION, NAME, and one BAD_... for what the loader must refuse.
#include <atomic>
#include <cstring>
#include <memory>
#include <string>

#include <unistd.h>

#include <cnode/stamp.hpp>

#ifndef NAME
#define NAME "tiny"
#endif
#ifndef VERSION
#define VERSION 1
#endif
#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#ifndef STAMP_NAME
#define STAMP_NAME NAME
#endif

namespace {

const cnode_host* host;

cnode_term version(cnode_env*, const cnode_term*) { return cnode_make_small(VERSION); }

// Waits for the message `go`, then answers the version whose code went on.
cnode_term atom(const char* text) { return host->atom(text, std::strlen(text)); }
int is_go(cnode_env*, void*, cnode_term message) { return message == atom("go"); }
cnode_term wait_for_go(cnode_env* env, const cnode_term*) {
  env->outcome = CNODE_SUSPEND;
  env->continuation = {new int{VERSION},
                       [](cnode_env*, void* frame, cnode_term) {
                         const int v = *static_cast<int*>(frame);
                         delete static_cast<int*>(frame);
                         return cnode_make_small(v);
                       },
                       [](void* frame) { delete static_cast<int*>(frame); }, is_go, -1};
  return CNODE_NONE;
}

// A callback that runs until its process is killed.
cnode_term spin(cnode_env* env, const cnode_term*) {
  auto& flags = reinterpret_cast<std::atomic<uint32_t>&>(env->flags);
  while (!(flags.load() & 1)) host->monotonic_ns();
  return atom("stopped");
}

cnode_term call(cnode_env* env, const cnode_term* args) { return host->apply(env, args[0], args[1], args[2]); }

cnode_term print(cnode_env* env, const cnode_term* args) {
  host->put_chars(env, reinterpret_cast<const char*>(cnode_bits_data(args[0])), cnode_size(args[0]) / 8);
  return atom("ok");
}

// A native object: a counter.
cnode_term counter_to_term(cnode_env*, const void* object) { return cnode_make_small(*static_cast<const int*>(object) * 100 + VERSION); }
void destroy_counter(void* object) { delete static_cast<int*>(object); }
#ifndef LAYOUT
#define LAYOUT 77
#endif
constexpr cnode_native_ops counter_ops{"counter", counter_to_term, destroy_counter, LAYOUT};

cnode_term keep_counter(cnode_env* env, const cnode_term* args) {
  return host->make_native(env, new int(static_cast<int>(cnode_small_value(args[0]))), &counter_ops);
}
cnode_term counter_value(cnode_env* env, const cnode_term* args) { return host->native_to_term(env, args[0]); }
cnode_term adopt_counter(cnode_env* env, const cnode_term* args) {
  return host->adopt_native(env, args[0], &counter_ops) ? atom("adopted") : atom("refused");
}

#if defined(NO_ON_LOAD)
constexpr cnode_function on_load = nullptr;
#else
cnode_term on_load(cnode_env*, const cnode_term*) {
#if defined(BAD_ON_LOAD)
  return atom("no");
#else
  return atom("ok");
#endif
}
#endif

#if defined(BAD_UNIQUE)
}
inline std::shared_ptr<int> shared_by_all = std::make_shared<int>(VERSION);
namespace {
#endif
#if defined(BAD_STATIC_TLS)
[[gnu::tls_model("initial-exec")]] thread_local int counted = 0;
#endif
#if defined(BAD_IFUNC)
}
extern "C" {
static int chosen_one() { return 1; }
static int (*tiny_choose())() { return chosen_one; }
[[gnu::visibility("hidden")]] int tiny_chosen() __attribute__((ifunc("tiny_choose")));
}
namespace {
#endif
#if defined(BAD_THREAD_LOCAL)
thread_local std::string remembered;
#endif
#if defined(BAD_SLOW)
const int slow = usleep(1'300'000);
#endif
#if defined(BAD_UNDEFINED)
}
extern "C" int nobody_has_this();
namespace {
#endif

cnode_term odd(cnode_env*, const cnode_term*) {
#if defined(BAD_UNIQUE)
  return cnode_make_small(*shared_by_all);
#elif defined(BAD_STATIC_TLS)
  return cnode_make_small(++counted);
#elif defined(BAD_THREAD_LOCAL)
  return cnode_make_small(static_cast<int>((remembered += "x").size()));
#elif defined(BAD_IFUNC)
  return cnode_make_small(tiny_chosen());
#elif defined(BAD_UNDEFINED)
  return cnode_make_small(nobody_has_this());
#else
  return cnode_make_small(0);
#endif
}

#if !defined(BAD_NO_STAMP)
[[gnu::section(CNODE_NOTE_SECTION), gnu::used]] constinit const cnode::stamp_note note{[] {
  auto stamp = cnode::make_stamp(STAMP_NAME, TEXT(VERSION));
#if defined(BAD_ABI)
  stamp.abi_major = 9;
#elif defined(BAD_HEADERS)
  stamp.header_hash ^= 1;
#elif defined(BAD_CXX11_ABI)
  stamp.cxx11_abi ^= 1;
#elif defined(BAD_DEBUG_MODE)
  stamp.debug_mode = 1;
#elif defined(BAD_SANITIZER)
  stamp.sanitizer = stamp.sanitizer == CNODE_SANITIZE_ADDRESS ? CNODE_SANITIZE_NONE : CNODE_SANITIZE_ADDRESS;
#endif
  return stamp;
}()};
#endif

constexpr cnode_export exports[] = {
    {"version", 0, 0, version}, {"wait", 0, 0, wait_for_go}, {"spin", 0, CNODE_EXPORT_DIRTY, spin}, {"call", 3, 0, call},
    {"print", 1, 0, print}, {"keep", 1, 0, keep_counter}, {"value", 1, 0, counter_value}, {"adopt", 1, 0, adopt_counter}, {"odd", 0, 0, odd},
#if defined(BAD_DUPLICATE)
    {"odd", 0, 0, odd},
#endif
#if VERSION >= 2
    {"only_in_2", 0, 0, version},
#endif
};

}  // namespace

#if defined(BAD_ENTRY_NAME)
#define cnode_module_entry cnode_other_entry
#endif
extern "C" [[gnu::visibility("default")]] const cnode_module* cnode_module_entry(const cnode_host* h) {
  host = h;
  [[maybe_unused]] static constexpr cnode_module module = {
#if defined(BAD_SIZE)
      8,
#else
      sizeof(cnode_module),
#endif
      CNODE_ABI_MAJOR, CNODE_ABI_MINOR,
#if defined(BAD_DESCRIBED_NAME)
      "other",
#else
      NAME,
#endif
#if defined(NO_VSN)
      nullptr,
#elif defined(BAD_VSN)
      "{",
#else
      "<<\"" TEXT(VERSION) "\">>",
#endif
      nullptr, exports, sizeof exports / sizeof *exports, on_load, nullptr, nullptr, nullptr};
#if defined(BAD_OUTSIDE)
  static cnode_module outside = module;
  outside.on_load = reinterpret_cast<cnode_function>(reinterpret_cast<void*>(h->atom));  // the host's, not the file's
  return &outside;
#elif defined(BAD_EARLY_CALL)
  return h->self(nullptr) ? &module : nullptr;
#elif defined(BAD_NULL)
  return nullptr;
#else
  return &module;
#endif
}
#if defined(BAD_TWO_EXPORTS)
extern "C" [[gnu::visibility("default")]] int exported_too() { return 1; }
#endif
#if defined(BAD_PROGRAM)
int main() {}
#endif
