# The program `cnode`. libei serves its one-shot client verbs.
find_package(CLI11 REQUIRED)
find_package(spdlog REQUIRED)
file(GLOB CNODE_EI_LIBRARIES /usr/lib/erlang/lib/erl_interface-*/lib /usr/local/lib/erlang/lib/erl_interface-*/lib)
file(GLOB CNODE_EI_INCLUDES /usr/lib/erlang/lib/erl_interface-*/include /usr/local/lib/erlang/lib/erl_interface-*/include)
find_library(CNODE_EI ei HINTS ${CNODE_EI_LIBRARIES} REQUIRED)
find_path(CNODE_EI_INCLUDE ei.h HINTS ${CNODE_EI_INCLUDES} REQUIRED)

add_executable(cnode
  src/main.cpp
  src/program/client.cpp
  src/program/client_socket.cpp
  src/program/cookie.cpp
  src/program/question.cpp
  src/program/release.cpp
  src/program/file_pages.cpp
  src/program/restart.cpp
  src/program/start.cpp
  src/program/start_applications.cpp
  src/program/start_options.cpp)
target_include_directories(cnode PRIVATE src ${CNODE_EI_INCLUDE})
target_compile_definitions(cnode PRIVATE CNODE_VERSION="${PROJECT_VERSION}" CNODE_LIBEXEC="${CMAKE_INSTALL_LIBEXECDIR}" _REENTRANT)  # ei.h: erl_errno of the thread
target_link_libraries(cnode PRIVATE cnode::node cnode_release cnode_release_handler CLI11::CLI11 spdlog::spdlog ${CNODE_EI} Threads::Threads)
# Debian's libei.a is not position independent.
set_target_properties(cnode PROPERTIES POSITION_INDEPENDENT_CODE OFF)
target_link_options(cnode PRIVATE -no-pie)
install(TARGETS cnode RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
