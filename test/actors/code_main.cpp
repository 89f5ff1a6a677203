// The tests' program is started again by `describe` to open a module: then it does only that.
#include <string_view>

#include <gtest/gtest.h>

#include <cnode/actors/code_server.hpp>

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view{argv[1]} == "--probe-module") return cnode::actors::probe_main(argv[2]);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
