# cmake -DCNODE_FILE=<module>.so -P cnode_sign.cmake
#
# Appends the line "CNODE-SHA256 <the image's size, 16 hex digits> <its SHA-256>" to a module file, which tells a node that these are
# the bytes that were built: it loads them without opening them in a process of their own first. cnode_add_module runs it after each
# link. Whoever strips or edits a module runs it again afterwards; a line that is there already is replaced.
cmake_minimum_required(VERSION 3.25)
set(trailer_size 95)
file(SIZE "${CNODE_FILE}" size)
if(size GREATER trailer_size)
  math(EXPR image "${size} - ${trailer_size}")
  file(READ "${CNODE_FILE}" trailer OFFSET ${image} LIMIT ${trailer_size} HEX)
  string(HEX "CNODE-SHA256 " magic)
  string(FIND "${trailer}" "${magic}" there)
  if(there EQUAL 0)
    execute_process(COMMAND truncate -s ${image} "${CNODE_FILE}" COMMAND_ERROR_IS_FATAL ANY)
    set(size ${image})
  endif()
endif()
file(SHA256 "${CNODE_FILE}" digest)
math(EXPR hex "${size}" OUTPUT_FORMAT HEXADECIMAL)
string(REPLACE "0x" "0000000000000000" hex "${hex}")
string(LENGTH "${hex}" length)
math(EXPR start "${length} - 16")
string(SUBSTRING "${hex}" ${start} 16 hex)
file(APPEND "${CNODE_FILE}" "CNODE-SHA256 ${hex} ${digest}\n")
