# Releases: their files, their relups (against systools), their archives.
find_package(LibArchive REQUIRED)
add_executable(cnode_release_test cnode/release/bin_script_test.cpp cnode/release/package_test.cpp cnode/release/release_files_test.cpp cnode/release/same_as_systools_test.cpp)
target_link_libraries(cnode_release_test PRIVATE cnode_release LibArchive::LibArchive GTest::gtest_main)
target_include_directories(cnode_release_test PRIVATE cnode/release support)
discover_tests_with(erl cnode_release_test Relup.IsTheOneSystoolsMakes)
