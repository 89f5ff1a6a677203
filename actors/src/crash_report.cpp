#include "crash_report.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <mutex>

#include <execinfo.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <cnode/actors/crash_report.hpp>
#include <cnode/actors/process.hpp>
#include <cnode/protocol/atom_table.hpp>

#include "core.hpp"

namespace cnode::actors {

struct crash_notes {
  static const crash_note*& innermost() {
    static thread_local constinit const crash_note* note = nullptr;
    return note;
  }
  static term owner(const crash_note& n) { return n.owner_; }
  static term module(const crash_note& n) { return n.module_; }
  static const char* function(const crash_note& n) { return n.function_; }
};

crash_note::crash_note(term owner, term module, const char* function) noexcept
    : owner_(owner), module_(module), function_(function), outer_(crash_notes::innermost()) {
  crash_notes::innermost() = this;
}
crash_note::~crash_note() { crash_notes::innermost() = outer_; }

namespace {

// ---- where versions are and were. The handler reads it without a lock: an entry says `end` last and takes it back first.

struct mapped_entry {
  std::atomic<std::uintptr_t> begin{0}, end{0};
  std::atomic<std::uint64_t> unmapped{0};  // 0: mapped; else when, as a count
  char module[64], vsn[32], file[64];
};
constexpr std::size_t table_size = 1024;
mapped_entry table[table_size];
std::mutex table_lock;
std::uint64_t unmaps = 0;

template <std::size_t N>
void cut(char (&to)[N], std::string_view from) {
  const auto n = std::min(from.size(), N - 1);
  std::memcpy(to, from.data(), n);
  to[n] = 0;
}

const mapped_entry* entry_at(std::uintptr_t address) {
  const mapped_entry* found = nullptr;
  for (const auto& e : table) {
    const auto end = e.end.load(std::memory_order_acquire);
    if (address >= end || address < e.begin.load(std::memory_order_relaxed)) continue;
    const auto gone = e.unmapped.load(std::memory_order_relaxed);
    if (gone == 0) return &e;
    if (!found || gone > found->unmapped.load(std::memory_order_relaxed)) found = &e;
  }
  return found;
}

// ---- text without allocation

class text {
 public:
  text& operator<<(std::string_view s) {
    const auto n = std::min(s.size(), sizeof buffer_ - size_);
    std::memcpy(buffer_ + size_, s.data(), n);
    size_ += n;
    return *this;
  }
  text& number(std::uint64_t n, unsigned base = 10) {
    char digits[24];
    std::size_t i = sizeof digits;
    do digits[--i] = "0123456789abcdef"[n % base];
    while ((n /= base) != 0);
    return *this << std::string_view{digits + i, sizeof digits - i};
  }
  text& hex(std::uintptr_t n) { return (*this << "0x").number(n, 16); }
  text& atom(term t) { return *this << (t.is_atom() ? atom_text(t) : std::string_view{"?"}); }
  text& pid(term t) {
    (*this << "<0.").number(cnode_local_pid_id(t.word())) << ".";
    return number(cnode_local_pid_serial(t.word())) << ">";
  }
  // In a module's file, when the address is or was one.
  text& place(std::uintptr_t address) {
    const auto* e = entry_at(address);
    if (!e) return hex(address);
    if (e->unmapped.load() != 0) *this << "unloaded ";
    *this << e->module;
    if (e->vsn[0]) *this << " vsn " << e->vsn;
    return (*this << " +").hex(address - e->begin.load()) << " (" << e->file << ")";
  }
  void write() {
    for (std::size_t done = 0; done < size_;) {
      const auto n = ::write(STDERR_FILENO, buffer_ + done, size_ - done);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) break;
      done += static_cast<std::size_t>(n);
    }
    size_ = 0;
  }

 private:
  char buffer_[2048];
  std::size_t size_ = 0;
};

std::string_view name_of(int signal) {
  switch (signal) {
    case SIGSEGV: return "SIGSEGV";
    case SIGBUS: return "SIGBUS";
    case SIGILL: return "SIGILL";
    case SIGFPE: return "SIGFPE";
    case SIGABRT: return "SIGABRT";
    default: return "signal";
  }
}

std::uintptr_t program_counter([[maybe_unused]] const void* context) {
#if defined(__x86_64__)
  return static_cast<std::uintptr_t>(static_cast<const ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP]);
#elif defined(__aarch64__)
  return static_cast<const ucontext_t*>(context)->uc_mcontext.pc;
#else
  return 0;
#endif
}

void say_who(text& out) {
  if (const auto* note = crash_notes::innermost()) {
    out << "  in a thread of " ;
    if (crash_notes::owner(*note).is_local_pid()) out.pid(crash_notes::owner(*note));
    else out << "the node";
    (out << ": ").atom(crash_notes::module(*note)) << " " << crash_notes::function(*note) << "\n";
    return;
  }
  auto* p = running_process();
  if (!p) return void(out << "  in no process\n");
  (out << "  in process ").pid(p->pid());
  if (const auto name = p->registered_name()) (out << " (").atom(name) << ")";
  if (const auto* c = core::activation_of(*p)) {
    (out << ", which ran ").atom(c->module) << ":";
    out.atom(c->function) << "/";
    out.number(c->arity);
  }
  out << "\n";
}

constexpr int caught[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
std::atomic<bool> installed{false};
std::atomic<bool> reporting{false};

void report(int signal, siginfo_t* info, void* context) {
  const int kept_errno = errno;
  // From here on a second fault, ours or another thread's, ends the program as if we were not there.
  struct sigaction usual {};
  usual.sa_handler = SIG_DFL;
  for (const int s : caught) ::sigaction(s, &usual, nullptr);
  if (!reporting.exchange(true)) {
    const auto pc = program_counter(context);
    text out;
    (out << "\n*** the node crashed: ") << name_of(signal);
    const bool sent = info->si_code <= 0;
    if (!sent) (out << " at address ").hex(reinterpret_cast<std::uintptr_t>(info->si_addr));
    (out << ", code at ").place(pc) << "\n";
    say_who(out);
    out.write();
    // The unwinder reads tables, and may trip over a broken stack: what matters has been said.
    void* frames[48];
    const int n = ::backtrace(frames, 48);
    for (int i = 0; i < n; ++i) {
      const auto address = reinterpret_cast<std::uintptr_t>(frames[i]);
      if (!entry_at(address)) continue;
      (out << "  #").number(static_cast<std::uint64_t>(i)) << " ";
      out.place(address) << "\n";
      out.write();
    }
  }
  errno = kept_errno;
  // A fault comes again when we return. What was sent, or abort() raised, has to be sent again.
  if (info->si_code <= 0) ::syscall(SYS_tgkill, ::getpid(), ::syscall(SYS_gettid), signal);
}

// ---- alternate stacks

constexpr std::size_t stack_size = 128 * 1024;

struct alternate_stack {
  void* memory = nullptr;
  void install() {
    if (memory) return;
    memory = ::mmap(nullptr, stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (memory == MAP_FAILED) return void(memory = nullptr);
    stack_t s{};
    s.ss_sp = memory;
    s.ss_size = stack_size;
    ::sigaltstack(&s, nullptr);
  }
  ~alternate_stack() {
    if (!memory) return;
    stack_t s{};
    s.ss_flags = SS_DISABLE;
    ::sigaltstack(&s, nullptr);
    ::munmap(memory, stack_size);
  }
};

constexpr bool sanitized() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  return true;
#else
  return false;
#endif
#else
  return false;
#endif
}

}  // namespace

void cover_this_thread() {
  if (!installed.load(std::memory_order_acquire)) return;
  thread_local alternate_stack stack;
  stack.install();
}

bool install_crash_report() {
  if (sanitized()) return false;
  if (installed.exchange(true)) return true;
  cover_this_thread();
  // The unwinder's library is loaded now, not in the handler.
  void* frame[1];
  ::backtrace(frame, 1);
  struct sigaction action {};
  action.sa_sigaction = report;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  for (const int s : caught) ::sigaction(s, &action, nullptr);
  return true;
}

void remember_mapped(std::uintptr_t begin, std::uintptr_t end, std::string_view module, std::string_view vsn, std::string_view file) {
  std::lock_guard guard{table_lock};
  // A free place, else the one that was unmapped longest ago; with more than that many mapped versions the rest goes unnamed.
  mapped_entry* place = nullptr;
  for (auto& e : table) {
    if (e.end.load() == 0) {
      place = &e;
      break;
    }
    const auto gone = e.unmapped.load();
    if (gone != 0 && (!place || gone < place->unmapped.load())) place = &e;
  }
  if (!place) return;
  place->end.store(0, std::memory_order_release);
  place->begin = begin;
  place->unmapped = 0;
  cut(place->module, module);
  cut(place->vsn, vsn);
  cut(place->file, file.substr(file.rfind('/') + 1));
  place->end.store(end, std::memory_order_release);
}

void remember_unmapped(std::uintptr_t begin) {
  std::lock_guard guard{table_lock};
  for (auto& e : table)
    if (e.begin == begin && e.end.load() != 0 && e.unmapped == 0) e.unmapped = ++unmaps;
}

}  // namespace cnode::actors
