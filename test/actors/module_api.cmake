# The C++ headers of module authors: <build>/test/modules/<variant>/features.so, called by cnode_module_api_test.
set(modules ${CMAKE_CURRENT_BINARY_DIR}/modules)
function(features_module variant)
  cnode_add_module(features_${variant} actors/modules/features.cpp OUTPUT_NAME features OUTPUT_DIRECTORY ${modules}/${variant})
  target_compile_definitions(features_${variant} PRIVATE ${ARGN})
endfunction()
features_module(v1 FIRST_VERSION)
features_module(v2 SECOND_VERSION)
features_module(v3 SECOND_VERSION OTHER_LAYOUT)

add_executable(cnode_module_api_test actors/code_main.cpp actors/compile_diagnostics_test.cpp actors/compile_module_test.cpp actors/module_api_test.cpp)
target_compile_definitions(cnode_module_api_test PRIVATE TEST_MODULES="${modules}")
target_include_directories(cnode_module_api_test PRIVATE support ${PROJECT_SOURCE_DIR}/actors/src)
target_link_libraries(cnode_module_api_test PRIVATE cnode::actors GTest::gtest)
add_dependencies(cnode_module_api_test features_v1 features_v2 features_v3)
gtest_discover_tests(cnode_module_api_test DISCOVERY_MODE PRE_TEST)

add_test(NAME ModuleApi.AnOutsideProjectBuildsAModuleAgainstTheInstalledTree
  COMMAND ${CMAKE_COMMAND} -DBUILD=${PROJECT_BINARY_DIR} -DSOURCE=${CMAKE_CURRENT_SOURCE_DIR}/actors/outside_project
          -DWORK=${CMAKE_CURRENT_BINARY_DIR}/outside_project -DCXX=${CMAKE_CXX_COMPILER}
          -P ${CMAKE_CURRENT_SOURCE_DIR}/actors/outside_project/run.cmake)

add_test(NAME ModuleApi.WhatCannotWaitDoesNotCompileAndIsToldWhy
  COMMAND ${CMAKE_COMMAND} -DCXX=${CMAKE_CXX_COMPILER}
          "-DFLAGS=-I${PROJECT_SOURCE_DIR}/actors/module_api/include -I${PROJECT_SOURCE_DIR}/protocol/include"
          -DSOURCE=${CMAKE_CURRENT_SOURCE_DIR}/actors/waiting_refusals/waits.cpp
          -P ${CMAKE_CURRENT_SOURCE_DIR}/actors/refusals.cmake)
