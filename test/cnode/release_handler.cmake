# What carries a relup out: evaluation and the way back, on the example hotcode.
add_executable(cnode_release_handler_test cnode/release_handler/evaluator_test.cpp cnode/release_handler/taking_back_test.cpp)
target_include_directories(cnode_release_handler_test PRIVATE support)
target_link_libraries(cnode_release_handler_test PRIVATE cnode_release_handler GTest::gtest_main)
target_compile_definitions(cnode_release_handler_test PRIVATE TEST_MODULES="${PROJECT_BINARY_DIR}/examples/hotcode"
  EXAMPLES="${PROJECT_BINARY_DIR}/examples" STATES="${modules}")
foreach(version v1 v2)
  add_dependencies(cnode_release_handler_test example_hotcode_demo_server_${version} example_hotcode_hotcode_app_${version} example_hotcode_hotcode_sup_${version}
    example_door_${version} example_tally_${version} states_${version})
endforeach()
gtest_discover_tests(cnode_release_handler_test DISCOVERY_MODE PRE_TEST)
