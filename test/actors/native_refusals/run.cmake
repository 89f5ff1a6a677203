# cmake -DCXX=... -DFLAGS=... -DSOURCE=states.cpp -P run.cmake: each case must fail to compile, with this text of cnode's in what is said.
set(cases
  "POINTER|raw pointers|int\\*|int \\*"
  "VIEW|must not hold views|basic_string_view"
  "SHARED|points into the module's code|shared_ptr<int>"
  "FUNCTION|points into the module's code|function<void"
  "ANY|points into the module's code|std::any"
  "TERM|must not hold terms|term"
  "NUMBER|must not hold terms|number"
  "ALLOCATOR|default allocator|own_allocator"
  "COMPARATOR|default allocator, comparator|greater<int>"
  "DELETER|default allocator, comparator, hash and deleter|unique_ptr<int"
  "HASH_OF_ONES_OWN|std::hash of your own|key"
  "HEADER|include <cnode/containers.hpp>|set<int"
  "ARRAY|use std::array|int.*\\[3\\]"
  "NESTED|list all fields of this type with CNODE_STRUCT|undescribed"
  "UNDESCRIBED|list all fields of this type with CNODE_STRUCT|state"
  "VIRTUAL|virtual functions|state"
  "BASE|must have no base class|state"
  "FEWER|lists fewer fields|state"
  "FEWER_FITS_NO_HOLE|must list all fields|state"
  "ORDER|in their order|state"
  "UPGRADE_FROM_ITSELF_LACKS_A_RESULT|f takes old&& and gives new|state")
separate_arguments(flags UNIX_COMMAND "${FLAGS}")
set(failed 0)
function(compile case result text)
  execute_process(COMMAND ${CXX} ${flags} -DCASE_${case} -std=c++20 -fsyntax-only ${SOURCE} RESULT_VARIABLE code ERROR_VARIABLE said)
  set(${result} ${code} PARENT_SCOPE)
  set(${text} "${said}" PARENT_SCOPE)
endfunction()
foreach(good ALL_GOOD NONE)
  compile(${good} code said)
  if(NOT code EQUAL 0)
    message(SEND_ERROR "the source itself does not compile:\n${said}")
  endif()
endforeach()
foreach(entry IN LISTS cases)
  string(REPLACE "|" ";" parts "${entry}")
  list(POP_FRONT parts case rule)
  list(JOIN parts "|" type)
  compile(${case} code said)
  string(FIND "${said}" "${rule}" at)
  if(code EQUAL 0)
    message(SEND_ERROR "${case} compiles")
  elseif(at EQUAL -1)
    message(SEND_ERROR "${case}: not a word of \"${rule}\" in:\n${said}")
  elseif(NOT said MATCHES "${type}")
    message(SEND_ERROR "${case}: the type (${type}) is not named in:\n${said}")
  endif()
endforeach()
