target_sources(cnode_protocol PRIVATE
  src/md5.cpp
  src/dist_flags.cpp
  src/handshake.cpp
  src/handshake_messages.cpp
  src/control_decode.cpp
  src/control_encode.cpp
  src/control_reader.cpp
  src/connection.cpp
  src/atom_cache.cpp
  src/encoded_message.cpp
  src/frame_reader.cpp
  src/frame_writer.cpp
  src/epmd.cpp)
