find_package(ZLIB REQUIRED)  # tag 80, compressed terms
target_sources(cnode_protocol PRIVATE
  src/errc.cpp
  src/block.cpp
  src/buffer.cpp
  src/unused_memory.cpp
  src/terms/build.cpp
  src/terms/kept_memory.cpp
  src/terms/sort_map.cpp
  src/terms/copy.cpp
  src/terms/read.cpp
  src/terms/utf8.cpp
  src/terms/bignum.cpp
  src/atom_table.cpp
  src/local_node.cpp
  src/term_order.cpp
  src/term_hash.cpp
  src/etf_decoder.cpp
  src/etf_leaves.cpp
  src/etf_validate.cpp
  src/etf_compressed.cpp
  src/etf_output.cpp
  src/etf_encoder.cpp
  src/term_print.cpp
  src/term_scanner.cpp
  src/term_parse.cpp
  src/term_inspect.cpp
  src/io_lib_format.cpp
)
target_link_libraries(cnode_protocol PRIVATE ZLIB::ZLIB)
