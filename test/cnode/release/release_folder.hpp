// A folder of its own for each test, with a few words to lay files into it.
#pragma once

#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <cnode/protocol/block.hpp>
#include <cnode/protocol/term_text.hpp>

namespace cnode::test {

class release_folder {
 public:
  release_folder() {
    std::string name = ::testing::TempDir() + "/cnode_release_XXXXXX";
    path = std::filesystem::canonical(::mkdtemp(name.data())).string();
  }
  ~release_folder() { std::filesystem::remove_all(path); }
  release_folder(const release_folder&) = delete;
  release_folder& operator=(const release_folder&) = delete;

  std::string file(const std::string& name, std::string_view text) const {
    const std::filesystem::path full = path + "/" + name;
    std::filesystem::create_directories(full.parent_path());
    std::ofstream(full, std::ios::binary) << text;
    return full.string();
  }
  std::string read(const std::string& name) const {
    std::ifstream in(path + "/" + name, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
  }

  std::string path;
};

inline block_ptr parsed(const std::string& text) {
  auto t = parse_term(text);
  EXPECT_TRUE(t) << text << ": " << (t ? "" : to_string(t.error()));
  return t ? std::move(*t) : immediate_block(nil);
}

}  // namespace cnode::test
