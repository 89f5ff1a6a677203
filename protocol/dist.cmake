target_sources(cnode_protocol PRIVATE
  src/md5.cpp
  src/dist_flags.cpp
  src/handshake.cpp
  src/handshake_messages.cpp
  src/control_decode.cpp
  src/control_encode.cpp
  src/connection.cpp
  src/epmd.cpp)
