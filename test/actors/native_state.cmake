# Native state from one version to the next: <build>/test/modules/states_<variant>/states.so, for native_state_test.cpp.
set(modules ${CMAKE_CURRENT_BINARY_DIR}/modules)
set(states_modules)
function(states_module variant)
  cnode_add_module(states_${variant} actors/modules/states.cpp OUTPUT_NAME states OUTPUT_DIRECTORY ${modules}/states_${variant})
  target_compile_definitions(states_${variant} PRIVATE ${ARGN})
  set(states_modules ${states_modules} states_${variant} PARENT_SCOPE)
endfunction()
states_module(v1 LAYOUT=1 VERSION="1")
states_module(v1_again LAYOUT=1 VERSION="1.1")
states_module(v1_meaning LAYOUT=1 VERSION="1.2" MEANING=2)
states_module(v2 LAYOUT=2 VERSION="2")
states_module(v3 LAYOUT=3 VERSION="3")
states_module(v4 LAYOUT=4 VERSION="4")

add_executable(cnode_native_state_test actors/code_main.cpp actors/native_state_test.cpp)
target_compile_definitions(cnode_native_state_test PRIVATE TEST_MODULES="${modules}")
target_include_directories(cnode_native_state_test PRIVATE support ${PROJECT_SOURCE_DIR}/actors/src)
target_link_libraries(cnode_native_state_test PRIVATE cnode::actors GTest::gtest)
add_dependencies(cnode_native_state_test ${states_modules})
gtest_discover_tests(cnode_native_state_test DISCOVERY_MODE PRE_TEST)

# What native<T> refuses to compile.
add_test(NAME NativeState.OfATypeOutsideTheListDoesNotCompileAndIsToldWhy
  COMMAND ${CMAKE_COMMAND} -DCXX=${CMAKE_CXX_COMPILER}
          "-DFLAGS=-I${PROJECT_SOURCE_DIR}/actors/module_api/include -I${PROJECT_SOURCE_DIR}/protocol/include"
          -DSOURCE=${CMAKE_CURRENT_SOURCE_DIR}/actors/native_refusals/states.cpp
          -P ${CMAKE_CURRENT_SOURCE_DIR}/actors/refusals.cmake)
