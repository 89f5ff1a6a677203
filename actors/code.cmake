target_sources(cnode_actors PRIVATE
  src/code/code_table.cpp
  src/code/code_server.cpp
  src/code/module_info.cpp
  src/code/host_functions.cpp
  src/code/native_objects.cpp
  src/code/waiting.cpp
)
