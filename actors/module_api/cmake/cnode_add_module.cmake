# cnode_add_module(NAME SOURCES... [OUTPUT_NAME Elixir.Name] [OUTPUT_DIRECTORY DIR] [PRECOMPILE])
#
# Builds a callback module: <OUTPUT_NAME>.so (default: NAME), loadable, replaceable and unloadable by a cnode.
# The file ends with a digest of itself (cnode_sign.cmake); strip or edit before that, or sign again.
# PRECOMPILE precompiles <cnode/gen_server.hpp>, which halves the time of a small source and takes 40 MB; modules of one directory
# with the same flags share one.
# Works in this source tree and after find_package(cnode). Give OUTPUT_NAME when one project builds several versions of a module, or
# when the name contains what CMake does not allow in a target's name.
include_guard(GLOBAL)
include(CheckCXXCompilerFlag)

# g++ marks inline variables and template statics STB_GNU_UNIQUE, which pins a shared object for ever; clang knows neither the
# symbols nor the flag.
check_cxx_compiler_flag(-fno-gnu-unique CNODE_HAS_NO_GNU_UNIQUE)

# In the cache, because the function is called from other directories than the one that includes this file.
set(CNODE_EXPORTS_MAP ${CMAKE_CURRENT_LIST_DIR}/exports.map CACHE INTERNAL "")
set(CNODE_SIGN_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/cnode_sign.cmake CACHE INTERNAL "")

# The flags, once: `cnode compile` uses the same.
unset(CNODE_MODULE_COMPILE_OPTIONS CACHE)
unset(CNODE_MODULE_LINK_OPTIONS CACHE)
set(CNODE_MODULE_COMPILE_OPTIONS -fPIC -fvisibility=hidden -fvisibility-inlines-hidden -fno-semantic-interposition
                                 -ftls-model=global-dynamic)
if(CNODE_HAS_NO_GNU_UNIQUE)
  list(APPEND CNODE_MODULE_COMPILE_OPTIONS -fno-gnu-unique)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # static destructors in an array of the object instead of glibc's exit list, which keeps 33 bytes of each for ever
  list(APPEND CNODE_MODULE_COMPILE_OPTIONS -fno-use-cxa-atexit)
endif()
# Two segments instead of four: each is mapped, faulted in and unmapped with every load.
set(CNODE_MODULE_LINK_OPTIONS -Wl,-z,defs -Wl,-z,now -Wl,-z,noexecstack -Wl,-z,noseparate-code -Wl,--build-id=sha1 -Wl,--as-needed)
if(CNODE_SANITIZE)
  list(APPEND CNODE_MODULE_COMPILE_OPTIONS -fsanitize=${CNODE_SANITIZE} -fno-omit-frame-pointer)
  list(APPEND CNODE_MODULE_LINK_OPTIONS -fsanitize=${CNODE_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    list(REMOVE_ITEM CNODE_MODULE_LINK_OPTIONS -Wl,-z,defs) # clang leaves the sanitizer's symbols to the program
  endif()
endif()

set(CNODE_MODULE_COMPILE_OPTIONS ${CNODE_MODULE_COMPILE_OPTIONS} CACHE INTERNAL "")
set(CNODE_MODULE_LINK_OPTIONS ${CNODE_MODULE_LINK_OPTIONS} CACHE INTERNAL "")

function(cnode_add_module name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "PRECOMPILE" "OUTPUT_NAME;OUTPUT_DIRECTORY" "SOURCES")
  list(APPEND arg_SOURCES ${arg_UNPARSED_ARGUMENTS})
  if(NOT arg_SOURCES)
    message(FATAL_ERROR "cnode_add_module(${name}): no sources")
  endif()
  if(NOT arg_OUTPUT_NAME)
    set(arg_OUTPUT_NAME ${name})
  endif()
  add_library(${name} MODULE ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE cnode::module_api)
  set_target_properties(${name} PROPERTIES PREFIX "" SUFFIX ".so" OUTPUT_NAME ${arg_OUTPUT_NAME} NO_SONAME ON
                                           LINK_DEPENDS "${CNODE_EXPORTS_MAP};${CNODE_SIGN_SCRIPT}")
  if(arg_OUTPUT_DIRECTORY)
    set_target_properties(${name} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${arg_OUTPUT_DIRECTORY})
  endif()
  target_compile_options(${name} PRIVATE ${CNODE_MODULE_COMPILE_OPTIONS})
  # What module_info(compile) shows, in a source of its own so that the module's can use a precompiled header.
  set(options ${CMAKE_CURRENT_BINARY_DIR}/${name}.options.cpp)
  file(CONFIGURE OUTPUT ${options} CONTENT [[
#define TEXT(...) TEXT_(__VA_ARGS__)
#define TEXT_(...) #__VA_ARGS__
extern "C" {
extern __attribute__((visibility("hidden"))) const char cnode_module_options[];
const char cnode_module_options[] = TEXT(CNODE_MODULE_OPTIONS);
}
]] @ONLY)
  set_source_files_properties(${options} PROPERTIES SKIP_PRECOMPILE_HEADERS ON COMPILE_DEFINITIONS
    "CNODE_MODULE_OPTIONS=[\"$<JOIN:$<TARGET_PROPERTY:COMPILE_OPTIONS>,\",\">\"]")
  target_sources(${name} PRIVATE ${options})
  if(arg_PRECOMPILE)
    cnode_precompile(${name})
  endif()
  target_link_options(${name} PRIVATE ${CNODE_MODULE_LINK_OPTIONS} -Wl,--version-script=${CNODE_EXPORTS_MAP})
  add_custom_command(TARGET ${name} POST_BUILD COMMAND ${CMAKE_COMMAND} -DCNODE_FILE=$<TARGET_FILE:${name}> -P ${CNODE_SIGN_SCRIPT} VERBATIM)
endfunction()

# One precompiled header for all modules of a directory.
function(cnode_precompile name)
  string(MAKE_C_IDENTIFIER "cnode_headers_${CMAKE_CURRENT_BINARY_DIR}" headers)
  if(NOT TARGET ${headers})
    file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${headers}.cpp CONTENT "")
    add_library(${headers} OBJECT ${CMAKE_CURRENT_BINARY_DIR}/${headers}.cpp)
    target_link_libraries(${headers} PRIVATE cnode::module_api)
    target_compile_options(${headers} PRIVATE ${CNODE_MODULE_COMPILE_OPTIONS})
    target_precompile_headers(${headers} PRIVATE <cnode/gen_server.hpp>)
  endif()
  target_precompile_headers(${name} REUSE_FROM ${headers})
endfunction()
