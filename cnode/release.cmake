# Release files: reading .rel, .app and .appup, computing relups, packing and unpacking. Terms in, terms and files out: no runtime, so the
# program, the services and the tests link it alike.
find_package(LibArchive REQUIRED)
find_library(CNODE_PCRE2 pcre2-8 REQUIRED)
# bin/NAME is a shell script that can be read and checked as such; it travels in the program.
file(READ src/release/bin_script.sh CNODE_BIN_SCRIPT)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS src/release/bin_script.sh)
set(NAME "@NAME@")  # stays as it is
configure_file(src/release/bin_script.cpp.in bin_script.cpp @ONLY)
add_library(cnode_release STATIC
  ${CMAKE_CURRENT_BINARY_DIR}/bin_script.cpp
  src/release/application_order.cpp
  src/release/archive.cpp
  src/release/instructions.cpp
  src/release/package.cpp
  src/release/release_files.cpp
  src/release/relup.cpp
  src/release/resources.cpp
  src/release/script_checks.cpp
  src/release/script_dependencies.cpp
  src/release/script_translation.cpp
  src/release/term_file.cpp
  src/release/terms.cpp
)
target_include_directories(cnode_release PUBLIC $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/src>)
target_link_libraries(cnode_release PUBLIC cnode::protocol PRIVATE LibArchive::LibArchive ${CNODE_PCRE2})
# The module and process release_handler: what carries a relup out on a running node.
add_library(cnode_release_handler STATIC
  src/release_handler/application_upgrade.cpp
  src/release_handler/code_exchange.cpp
  src/release_handler/evaluator.cpp
  src/release_handler/handler_process.cpp
  src/release_handler/process_exchange.cpp
  src/release_handler/release_handler.cpp
  src/release_handler/releases.cpp
  src/release_handler/rollback.cpp
  src/release_handler/session.cpp
  src/release_handler/supervised.cpp
  src/release_handler/system_messages.cpp
)
target_include_directories(cnode_release_handler PUBLIC $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/src>)
target_link_libraries(cnode_release_handler PUBLIC cnode_services cnode_release)
