// The options of c:c/2 and compile:file/2, those of OTP as far as they mean something for C++, and ours.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <cnode/term.hpp>

namespace cnode::actors {

struct compile_options {
  bool return_errors = false, return_warnings = false;
  bool report_errors = false, report_warnings = false;
  bool binary = false, verbose = false, warnings_as_errors = false;
  std::string outdir;              // empty: none given
  std::vector<std::string> cxx;    // for the compiler
  std::string recorded;            // the options that make the code what it is, as Erlang text: module_info(compile) has them
  std::chrono::milliseconds time_limit{0};  // {time_limit, Ms}; 0: none given
  std::string refused;             // a sentence: the option that is not taken, and why
};

// An option that is no list stands for a list of one. What means nothing here is skipped, as compile does. False: no proper list.
bool read_compile_options(term options, compile_options& out);

}  // namespace cnode::actors
