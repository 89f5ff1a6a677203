# The services and builtin modules of a visible node. No Boost, no sockets: tests link cnode_services without the rest of the node.
add_library(cnode_services STATIC
  src/services/application.cpp
  src/services/apply.cpp
  src/services/appmon_info.cpp
  src/services/bigint.cpp
  src/services/call.cpp
  src/services/digests.cpp
  src/services/elixir.cpp
  src/services/erlang_nodes.cpp
  src/services/erlang_numbers.cpp
  src/services/erlang_processes.cpp
  src/services/erlang_system.cpp
  src/services/erlang_terms.cpp
  src/services/erpc.cpp
  src/services/gen_call.cpp
  src/services/global.cpp
  src/services/global_connect.cpp
  src/services/global_exchange.cpp
  src/services/global_locker.cpp
  src/services/global_locks.cpp
  src/services/global_names.cpp
  src/services/global_partitions.cpp
  src/services/global_process.cpp
  src/services/global_registrar.cpp
  src/services/global_resolve.cpp
  src/services/global_tables.cpp
  src/services/io.cpp
  src/services/io_server.cpp
  src/services/lists.cpp
  src/services/logging.cpp
  src/services/net_kernel.cpp
  src/services/observer_backend.cpp
  src/services/os.cpp
  src/services/pg.cpp
  src/services/pg_scope.cpp
  src/services/rex.cpp
  src/services/routine.cpp
  src/services/rpc.cpp
  src/services/spawn_requests.cpp
  src/services/service.cpp
  src/services/kernel_sup.cpp
  src/services/services.cpp
  src/services/spawn.cpp
)
add_library(cnode::services ALIAS cnode_services)
target_include_directories(cnode_services PUBLIC $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/src/services>)
target_compile_definitions(cnode_services PRIVATE CNODE_VERSION="${PROJECT_VERSION}")
target_link_libraries(cnode_services PUBLIC cnode::actors)
target_sources(cnode_node PRIVATE src/services/node_adapter.cpp)
target_link_libraries(cnode_node PUBLIC cnode_services)
