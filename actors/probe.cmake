# cnode_probe: opens module files without a digest before the node does. Small on purpose, it starts with each such load.
add_executable(cnode_probe src/code/probe_main.cpp src/code/probe_memory.cpp src/code/probe_malloc.cpp src/code/probe_call.cpp src/code/description.cpp)
target_include_directories(cnode_probe PRIVATE src module_api/include)
target_link_libraries(cnode_probe PRIVATE cnode::protocol Threads::Threads ${CMAKE_DL_LIBS})
target_link_options(cnode_probe PRIVATE -Wl,--as-needed)
add_dependencies(cnode_actors cnode_probe)  # whatever can load modules can find it
install(TARGETS cnode_probe RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/cnode)
install(PROGRAMS $<TARGET_FILE:cnode_probe> DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/cnode COMPONENT testing EXCLUDE_FROM_ALL)
