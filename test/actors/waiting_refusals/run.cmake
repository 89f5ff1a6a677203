# cmake -DCXX=... -DFLAGS=... -DSOURCE=waits.cpp -P run.cmake: each case must fail to compile, with this text of cnode's in what is said.
set(cases
  "TASK_AS_A_VALUE|make the function a coroutine"
  "EXTERNAL_CALL_AS_A_VALUE|make the function a coroutine"
  "TASK_IN_A_THREAD|a thread cannot wait for messages"
  "EXTERNAL_CALL_IN_A_THREAD|a thread cannot wait for messages"
  "TASK_FORGOTTEN|co_await it in a coroutine"
  "EXTERNAL_CALL_FORGOTTEN|co_await it in a coroutine")
separate_arguments(flags UNIX_COMMAND "${FLAGS}")
function(compile case result text)
  execute_process(COMMAND ${CXX} ${flags} -DCASE_${case} -std=c++20 -Werror -fsyntax-only ${SOURCE} RESULT_VARIABLE code ERROR_VARIABLE said)
  set(${result} ${code} PARENT_SCOPE)
  set(${text} "${said}" PARENT_SCOPE)
endfunction()
compile(NONE code said)
if(NOT code EQUAL 0)
  message(SEND_ERROR "the source itself does not compile:\n${said}")
endif()
foreach(entry IN LISTS cases)
  string(REPLACE "|" ";" parts "${entry}")
  list(GET parts 0 case)
  list(GET parts 1 rule)
  compile(${case} code said)
  string(FIND "${said}" "${rule}" at)
  if(code EQUAL 0)
    message(SEND_ERROR "${case} compiles")
  elseif(at EQUAL -1)
    message(SEND_ERROR "${case}: not a word of \"${rule}\" in:\n${said}")
  endif()
endforeach()
