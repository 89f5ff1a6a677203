# cnode::testing, tested as authors use it: cnode_add_module_test alone.
set(modules ${CMAKE_CURRENT_BINARY_DIR}/testing_modules)
foreach(version 1 2)
  cnode_add_module(subject_v${version} testing/modules/subject.cpp OUTPUT_NAME Elixir.Subject OUTPUT_DIRECTORY ${modules}/v${version})
  target_compile_definitions(subject_v${version} PRIVATE VERSION=${version})
endforeach()
cnode_add_module_test(cnode_testing_test testing/testing_test.cpp MODULES subject_v1 subject_v2 example_calculator_v1)
file(WRITE ${modules}/Text.so "a text\n")
target_compile_definitions(cnode_testing_test PRIVATE CALCULATOR_V1="$<TARGET_FILE_DIR:example_calculator_v1>" NO_MODULE="${modules}/Text.so")

cnode_add_module_test(cnode_examples_test testing/examples_test.cpp
  MODULES example_inc_v1 example_inc_v2 example_pi_v1 example_pi_v2 example_pi_gs_v1 example_pi_gs_v2 example_demo_server_v1
          example_demo_server_v2 example_calculator_v1 example_calculator_v2)
