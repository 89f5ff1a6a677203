target_sources(cnode_actors PRIVATE
  src/mailbox.cpp
  src/process.cpp
  src/process_call.cpp
  src/process_exit.cpp
  src/process_info.cpp
  src/process_links.cpp
  src/process_run.cpp
  src/process_signals.cpp
  src/process_table.cpp
  src/registry.cpp
  src/remote_signals.cpp
  src/runtime.cpp
  src/runtime_signals.cpp
  src/scheduler.cpp
  src/spawn_function.cpp
  src/timers.cpp
  src/user_process.cpp)
