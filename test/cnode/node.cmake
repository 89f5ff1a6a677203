add_executable(cnode_node_test cnode/node/node_test.cpp)
target_include_directories(cnode_node_test PRIVATE support)
target_link_libraries(cnode_node_test PRIVATE cnode::node GTest::gtest_main)
gtest_discover_tests(cnode_node_test DISCOVERY_MODE PRE_TEST)
