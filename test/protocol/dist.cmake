add_executable(cnode_dist_test
  protocol/handshake_test.cpp
  protocol/control_message_test.cpp
  protocol/connection_test.cpp
  protocol/framing_test.cpp
  protocol/epmd_test.cpp)
target_include_directories(cnode_dist_test PRIVATE support)
target_link_libraries(cnode_dist_test PRIVATE cnode::protocol GTest::gtest_main)
gtest_discover_tests(cnode_dist_test DISCOVERY_MODE PRE_TEST)

# Against a real erl over loopback. One at a time: the tests wait for erl to start.
add_executable(cnode_erl_peer_test protocol/erl_peer_test.cpp)
target_include_directories(cnode_erl_peer_test PRIVATE support)
target_link_libraries(cnode_erl_peer_test PRIVATE cnode::protocol GTest::gtest_main)
gtest_discover_tests(cnode_erl_peer_test DISCOVERY_MODE PRE_TEST PROPERTIES RESOURCE_LOCK erl LABELS erl)
