// Files that are no module at all, or the wrong kind of file: refused with a reason while the current version goes on serving.
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "bad_files.hpp"

namespace cnode::test {
namespace {

class BadFiles : public BadFile {
 protected:
  // In place of the module's file.
  void replace() { fs::remove_all(n.file()); }
};

TEST_F(BadFiles, Missing) {
  replace();
  file_refused("nofile", "nowhere on the code path");
}

TEST_F(BadFiles, Empty) {
  n.put_bytes("");
  file_refused("badfile", "the file is empty");
  refused("", "the file is empty");
}

TEST_F(BadFiles, OneByteAnd63Bytes) {
  refused("\x7f", "not an ELF file");
  refused(contents(built("v2")).substr(0, 63), "within the ELF header");
  n.put_bytes(contents(built("v2")).substr(0, 63));
  file_refused("badfile", "within the ELF header");
}

TEST_F(BadFiles, TruncatedAtEvery4KiBAndInsideEachSegment) {
  const auto whole = contents(built("v2"));
  auto copy = whole;
  const auto elf = actors::inspect_elf(whole);
  ASSERT_TRUE(elf.ok) << elf.why;
  std::vector<std::size_t> cuts;
  for (std::size_t c = 4096; c < elf.image_end; c += 4096) cuts.push_back(c);
  for (unsigned i = 0; i < header(copy).e_phnum; ++i) {
    const auto& p = at<Elf64_Phdr>(copy, header(copy).e_phoff + i * sizeof(Elf64_Phdr));
    for (const auto c : {p.p_offset + 1, p.p_offset + p.p_filesz / 2, p.p_offset + p.p_filesz - 1})
      if (p.p_filesz > 1 && c > 64) cuts.push_back(c);
  }
  for (const auto c : {elf.image_end / 2, elf.image_end - 1}) cuts.push_back(c);
  for (const auto c : cuts) refused(whole.substr(0, c), "outside the file", "cut at " + std::to_string(c));
  n.put_bytes(whole.substr(0, elf.image_end / 2));
  file_refused("badfile", "truncated");
}

TEST_F(BadFiles, Text) {
  refused("#!/bin/sh\nexit 0\n", "not an ELF file");
  refused(std::string(100000, 'x'), "not an ELF file");
  refused("FOR1....BEAM", "not an ELF file");
}

TEST_F(BadFiles, Directory) {
  replace();
  fs::create_directory(n.file());
  file_refused("nofile", "not a plain file");  // the search goes on, as on a BEAM node
}

TEST_F(BadFiles, FIFO) {
  replace();
  ASSERT_EQ(::mkfifo(n.file().c_str(), 0600), 0);
  file_refused("badfile", "not a plain file");
}

TEST_F(BadFiles, Socket) {
  replace();
  const int s = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un a{};
  a.sun_family = AF_UNIX;
  std::strncpy(a.sun_path, n.file().c_str(), sizeof a.sun_path - 1);
  ASSERT_EQ(::bind(s, reinterpret_cast<sockaddr*>(&a), sizeof a), 0);
  ::close(s);
  file_refused("badfile", "No such device or address");
}

TEST_F(BadFiles, Devices) {
  for (const auto* device : {"/dev/zero", "/dev/null", "/dev/tty"}) {
    replace();
    fs::create_symlink(device, n.file());
    file_refused("badfile", device == std::string{"/dev/tty"} ? "" : "not a plain file");
  }
}

TEST_F(BadFiles, DanglingSymlinkAndSymlinkLoop) {
  replace();
  fs::create_symlink("/nowhere/at/all", n.file());
  file_refused("nofile", "");
  replace();
  fs::create_symlink(n.file(), n.file());
  file_refused("nofile", "");
  // Named outright instead of found on the path.
  std::promise<load_result> done;
  n.runtime->code().load_abs(n.dir + "/tiny", [&](const load_result& r) { done.set_value(r); });
  check_refused(done.get_future().get(), "badfile", "Too many levels of symbolic links", "a symlink loop");
}

TEST_F(BadFiles, LargerThanTheSizeLimit) {
  ASSERT_EQ(::truncate(n.file().c_str(), std::int64_t{300} << 20), 0);
  file_refused("badfile", "larger than 256 MiB");
}

// Root reads everything, so a child that is nobody tries.
TEST(BadFilesOfOthers, Unreadable) {
  ::testing::GTEST_FLAG(death_test_style) = "threadsafe";
  const auto nobody = [] {
    if (::getuid() == 0 && (::setresgid(65534, 65534, 65534) != 0 || ::setresuid(65534, 65534, 65534) != 0)) ::_exit(77);
    ::prctl(PR_SET_DUMPABLE, 1);  // /proc/self is ours again
    if (::access(built("v1").c_str(), R_OK) != 0) ::_exit(77);
    code_node n;
    n.put("v1");
    if (!n.load_file().ok) ::_exit(2);
    n.put("v2");
    ::chmod(n.file().c_str(), 0);
    const auto r = n.load_file();
    const bool good = !r.ok && r.error.same(atom("nofile")) && r.text.find("Permission denied") != std::string::npos && n.call("tiny", "version") == "1";
    if (!good) std::fprintf(stderr, "%s\n", r.text.c_str());
    fs::remove_all(n.dir);
    fs::remove_all(run_directory());
    ::_exit(good ? 0 : 1);
  };
  EXPECT_EXIT(nobody(), [](int status) { return WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 77); }, "");
}

TEST_F(BadFiles, ELF32BigEndianAndAnotherMachine) {
  refused(edited([](auto& b) { header(b).e_ident[EI_CLASS] = ELFCLASS32; }), "64-bit");
  refused(edited([](auto& b) { header(b).e_ident[EI_DATA] = ELFDATA2MSB; }), "little-endian");
  refused(edited([](auto& b) { header(b).e_machine = header(b).e_machine == EM_AARCH64 ? EM_X86_64 : EM_AARCH64; }), "another machine");
  refused(edited([](auto& b) { header(b).e_ident[EI_VERSION] = 2; }), "unknown ELF version");
  refused(edited([](auto& b) { header(b).e_ident[EI_OSABI] = ELFOSABI_FREEBSD; }), "another operating system");
}

TEST_F(BadFiles, EtRelExecPieCoreAndArchive) {
  refused(edited([](auto& b) { header(b).e_type = ET_REL; }), "-shared");
  refused(edited([](auto& b) { header(b).e_type = ET_EXEC; }), "-shared");
  refused(edited([](auto& b) { header(b).e_type = ET_CORE; }), "-shared");
  refused(contents(built("PROGRAM")), "-shared");
  refused(contents("/proc/self/exe"), "-shared", "this program");
  refused("!<arch>\n", "not an ELF file");
  refused(contents(built("OBJECT")), "-shared", "the module's object file");
}

TEST_F(BadFiles, TheReasonIsLogged) {
  n.load("garbage");
  std::lock_guard guard{n.log_lock};
  EXPECT_NE(n.log.find("module tiny not loaded: from test: not an ELF file"), std::string::npos) << n.log;
}

}  // namespace
}  // namespace cnode::test
