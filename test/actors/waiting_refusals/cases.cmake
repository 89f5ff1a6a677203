# CASE|RULE of waits.cpp, for refusals.cmake.
set(good NONE)
set(cases
  "TASK_AS_A_VALUE|make the function a coroutine"
  "EXTERNAL_CALL_AS_A_VALUE|make the function a coroutine"
  "TASK_IN_A_THREAD|a thread cannot wait for messages"
  "EXTERNAL_CALL_IN_A_THREAD|a thread cannot wait for messages"
  "TASK_FORGOTTEN|co_await it in a coroutine"
  "EXTERNAL_CALL_FORGOTTEN|co_await it in a coroutine")
