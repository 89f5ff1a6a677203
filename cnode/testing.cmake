# cnode::testing: what authors test their modules with. One archive with the node in it, so that nothing else need be installed.
find_package(Threads REQUIRED)
find_package(ZLIB REQUIRED)
find_package(OpenSSL 3.0 REQUIRED COMPONENTS Crypto)
find_package(OpenSSL 3.0 REQUIRED COMPONENTS Crypto)
add_library(cnode_testing STATIC
  testing/src/engine.cpp
  testing/src/engine_calls.cpp
  testing/src/node.cpp
  testing/src/term_syntax.cpp
  testing/src/value.cpp
  $<TARGET_OBJECTS:cnode_protocol>
  $<TARGET_OBJECTS:cnode_actors>
  $<TARGET_OBJECTS:cnode_services>)
add_library(cnode::testing ALIAS cnode_testing)
target_sources(cnode_testing PUBLIC FILE_SET HEADERS BASE_DIRS testing/include FILES testing/include/cnode/testing.hpp)
target_compile_features(cnode_testing PUBLIC cxx_std_20)
foreach(layer cnode_protocol cnode_actors cnode_services)
  target_include_directories(cnode_testing PRIVATE $<TARGET_PROPERTY:${layer},INCLUDE_DIRECTORIES>)
endforeach()
target_link_libraries(cnode_testing PUBLIC Threads::Threads ZLIB::ZLIB OpenSSL::Crypto ${CMAKE_DL_LIBS})
if(CNODE_SANITIZE)
  # A test runs modules in its own process: all of it is built alike.
  target_compile_options(cnode_testing INTERFACE -fsanitize=${CNODE_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(cnode_testing INTERFACE -fsanitize=${CNODE_SANITIZE})
endif()
set_target_properties(cnode_testing PROPERTIES EXPORT_NAME testing)
install(TARGETS cnode_testing EXPORT cnode-testing-targets ARCHIVE COMPONENT testing FILE_SET HEADERS COMPONENT testing)
install(EXPORT cnode-testing-targets NAMESPACE cnode:: DESTINATION ${CNODE_PACKAGE_DIR} COMPONENT testing)
