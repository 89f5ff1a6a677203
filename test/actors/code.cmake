# Modules for the tests, good ones by version and each kind of bad one: <build>/test/code_modules/<variant>/tiny.so
set(modules ${CMAKE_CURRENT_BINARY_DIR}/code_modules)
set(tiny actors/code_modules/tiny.cpp)
set(code_test_modules)
function(tiny_module variant)
  cnode_add_module(tiny_${variant} ${tiny} OUTPUT_NAME tiny OUTPUT_DIRECTORY ${modules}/${variant})
  target_compile_definitions(tiny_${variant} PRIVATE ${ARGN})
  set(code_test_modules ${code_test_modules} tiny_${variant} PARENT_SCOPE)
endfunction()
tiny_module(v1 VERSION=1)
tiny_module(v2 VERSION=2)
tiny_module(v3 VERSION=3 LAYOUT=78)
tiny_module(other VERSION=1 NAME="other")
tiny_module(no_vsn NO_VSN NO_ON_LOAD)
tiny_module(no_on_load VERSION=2 NO_ON_LOAD)
foreach(bad NO_STAMP ABI HEADERS SANITIZER ENTRY_NAME NULL SIZE DESCRIBED_NAME VSN DUPLICATE ON_LOAD TWO_EXPORTS STATIC_TLS IFUNC UNDEFINED UNIQUE
            NODELETE THREAD_LOCAL CXX11_ABI DEBUG_MODE OUTSIDE EARLY_CALL SLOW LINKED)
  tiny_module(${bad} BAD_${bad})
endforeach()
# A gen_server with all that C++ has, and code that runs too early or too late.
foreach(version 1 2 3)
  cnode_add_module(tiny_living_v${version} actors/code_modules/living.cpp OUTPUT_NAME tiny OUTPUT_DIRECTORY ${modules}/living_v${version})
  target_compile_definitions(tiny_living_v${version} PRIVATE VERSION=${version})
  list(APPEND code_test_modules tiny_living_v${version})
endforeach()
foreach(what opened_throws opened_aborts opened_segfaults opened_recurses opened_exits opened_exits_at_once opened_hangs opened_spins
             opened_starts_a_thread closed_aborts closed_hangs)
  cnode_add_module(tiny_${what} actors/code_modules/constructors.cpp OUTPUT_NAME tiny OUTPUT_DIRECTORY ${modules}/${what})
  string(REGEX MATCH "^(opened|closed)_(.*)" matched ${what})
  string(TOUPPER ${CMAKE_MATCH_1} when)
  target_compile_definitions(tiny_${what} PRIVATE WHEN_${when}=${CMAKE_MATCH_2})
  list(APPEND code_test_modules tiny_${what})
endforeach()
# What cnode_add_module prevents has to be asked for.
target_link_options(tiny_NODELETE PRIVATE -Wl,-z,nodelete)
target_link_options(tiny_UNDEFINED PRIVATE -Wl,-z,undefs)
# cnode_add_module's -fno-use-cxa-atexit lets g++ leave such destructors out.
target_compile_options(tiny_THREAD_LOCAL PRIVATE -fuse-cxa-atexit)
# Linked against a module, as a library is.
add_dependencies(tiny_LINKED tiny_other)
target_link_options(tiny_LINKED PRIVATE -L${modules}/other_name -Wl,--no-as-needed -l:friend.so)
add_custom_command(TARGET tiny_other POST_BUILD COMMAND ${CMAKE_COMMAND} -E make_directory ${modules}/other_name
                   COMMAND ${CMAKE_COMMAND} -E copy $<TARGET_FILE:tiny_other> ${modules}/other_name/friend.so)
file(WRITE ${modules}/all.map "{ global: *; };")
foreach(open TWO_EXPORTS ENTRY_NAME UNIQUE)
  get_target_property(options tiny_${open} LINK_OPTIONS)
  list(FILTER options EXCLUDE REGEX "version-script")
  set_target_properties(tiny_${open} PROPERTIES LINK_OPTIONS "${options};-Wl,--version-script=${modules}/all.map")
endforeach()
if(CNODE_HAS_NO_GNU_UNIQUE)
  target_compile_options(tiny_UNIQUE PRIVATE -fgnu-unique)
endif()
add_executable(tiny_PROGRAM ${tiny})
target_compile_definitions(tiny_PROGRAM PRIVATE BAD_PROGRAM)
target_link_libraries(tiny_PROGRAM PRIVATE cnode::module_api)
set_target_properties(tiny_PROGRAM PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${modules}/PROGRAM OUTPUT_NAME tiny.so)
# The object file itself, under a module's name.
add_library(tiny_object_file OBJECT ${tiny})
target_link_libraries(tiny_object_file PRIVATE cnode::module_api)
add_custom_command(OUTPUT ${modules}/OBJECT/tiny.so DEPENDS $<TARGET_OBJECTS:tiny_object_file>
                   COMMAND ${CMAKE_COMMAND} -E copy $<TARGET_OBJECTS:tiny_object_file> ${modules}/OBJECT/tiny.so)
add_custom_target(tiny_OBJECT DEPENDS ${modules}/OBJECT/tiny.so)

# What may be going on when code is purged, in three versions.
foreach(version 1 2 3)
  cnode_add_module(flight_v${version} actors/code_modules/flight.cpp OUTPUT_NAME flight OUTPUT_DIRECTORY ${modules}/flight_v${version})
  target_compile_definitions(flight_v${version} PRIVATE VERSION=${version})
endforeach()
add_executable(cnode_flight_test
  actors/code_main.cpp
  actors/code_flight_test.cpp
  actors/host_threads_test.cpp
  actors/crash_report_test.cpp
  actors/kept_objects_test.cpp)
target_compile_definitions(cnode_flight_test PRIVATE TEST_MODULES="${modules}")
target_include_directories(cnode_flight_test PRIVATE support ${PROJECT_SOURCE_DIR}/actors/src)
target_link_libraries(cnode_flight_test PRIVATE cnode::actors GTest::gtest)
add_dependencies(cnode_flight_test flight_v1 flight_v2 flight_v3 tiny_v1 tiny_v2)
gtest_discover_tests(cnode_flight_test DISCOVERY_MODE PRE_TEST)

add_executable(cnode_code_test
  actors/code_main.cpp
  actors/code_loading_test.cpp
  actors/code_digest_test.cpp
  actors/code_purge_test.cpp
  actors/code_natives_test.cpp
  actors/code_builtins_test.cpp
  actors/code_bad_files_test.cpp
  actors/code_bad_elf_test.cpp
  actors/code_bad_modules_test.cpp
  actors/code_bad_moments_test.cpp
  actors/code_constructors_test.cpp
  actors/code_mutants_test.cpp
  actors/code_soak_test.cpp)
target_compile_definitions(cnode_code_test PRIVATE TEST_MODULES="${modules}" SIGN_SCRIPT="${CNODE_SIGN_SCRIPT}")
target_include_directories(cnode_code_test PRIVATE support ${PROJECT_SOURCE_DIR}/actors/src)
target_link_libraries(cnode_code_test PRIVATE cnode::actors GTest::gtest)
add_dependencies(cnode_code_test ${code_test_modules} tiny_PROGRAM tiny_OBJECT)
gtest_discover_tests(cnode_code_test DISCOVERY_MODE PRE_TEST)
