#include "restart.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <mutex>
#include <vector>

#include <unistd.h>

#include <cnode/protocol/block.hpp>

#include "release/release_files.hpp"

namespace cnode::program {
namespace {

std::mutex lock;
std::string wanted;

}  // namespace

void restart_as(const std::string& vsn) {
  std::lock_guard guard(lock);
  wanted = vsn;
}

bool restart_wanted() {
  std::lock_guard guard(lock);
  return !wanted.empty();
}

std::string restart_program(const std::string& root, int argc, char** argv) {
  std::string vsn;
  {
    std::lock_guard guard(lock);
    vsn = wanted;
  }
  std::vector<std::string> words;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--release") ++i;
    else if (!word.starts_with("--release=")) words.push_back(word);
  }
  words.insert(words.end(), {"--release", vsn});
  // A release may bring its own program; one that was started from elsewhere goes on with what it is.
  std::string program = "/proc/self/exe";
  auto b = block::make(64);
  if (const auto release = release::open_release(*b, root, vsn)) {
    const auto own = root + "/erts-" + release->erts_vsn + "/bin/cnode";
    if (::access(own.c_str(), X_OK) == 0) program = own;
  } else {
    return "--release " + release.error().text;
  }
  std::vector<char*> arguments{program == "/proc/self/exe" ? argv[0] : program.data()};
  for (auto& w : words) arguments.push_back(w.data());
  arguments.push_back(nullptr);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::close_range(3, ~0U, 0);
  ::execv(program.c_str(), arguments.data());
  return program + ": " + std::strerror(errno);
}

}  // namespace cnode::program
