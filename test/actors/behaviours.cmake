add_executable(cnode_behaviours_test
  actors/applications_test.cpp
  actors/gen_server_test.cpp
  actors/gen_statem_test.cpp
  actors/proc_lib_test.cpp
  actors/reports_test.cpp
  actors/server_calls_test.cpp
  actors/state_cell_test.cpp
  actors/elixir_supervisor_test.cpp
  actors/supervisor_test.cpp
  actors/sys_test.cpp
  actors/without_locks_test.cpp)
target_include_directories(cnode_behaviours_test PRIVATE support ${PROJECT_SOURCE_DIR}/actors/src)
target_link_libraries(cnode_behaviours_test PRIVATE cnode::actors GTest::gtest_main)
gtest_discover_tests(cnode_behaviours_test DISCOVERY_MODE PRE_TEST)
