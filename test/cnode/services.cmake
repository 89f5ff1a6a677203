# The services: processes and builtin modules, on a node without sockets.
add_executable(cnode_services_test cnode/services/global_test.cpp cnode/services/pg_test.cpp cnode/services/same_as_erl_test.cpp cnode/services/services_test.cpp)
target_link_libraries(cnode_services_test PRIVATE cnode_services GTest::gtest_main)
target_include_directories(cnode_services_test PRIVATE cnode/services support)
discover_tests_with(erl cnode_services_test Builtins.EndAsErlEnds)
