add_executable(process_tests
  ${CMAKE_CURRENT_LIST_DIR}/process_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/parked_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/process_call_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/remote_process_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/scheduler_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/watchers_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../support/test_runtime.cpp)
target_include_directories(process_tests PRIVATE ${CMAKE_CURRENT_LIST_DIR}/../support ${PROJECT_SOURCE_DIR}/actors/src)
target_link_libraries(process_tests PRIVATE cnode_actors GTest::gtest_main)
gtest_discover_tests(process_tests DISCOVERY_MODE PRE_TEST)
