// The files of an installed release, below its root:
//
//   releases/start_erl.data        "ErtsVsn Vsn": what starts
//   releases/RELEASES              what is installed, and in which state
//   releases/NAME-VSN.rel          for unpacking; releases/VSN/NAME-VSN.rel, sys.config, vm.args and relup are what a version runs with
//   lib/APPLICATION-VSN/ebin       .app, .appup and module files
//   erts-VSN/bin, bin/NAME         the program and the script that calls it
//
// Readers check shapes and name the key at fault; writers replace a file as a whole.
#pragma once

#include <string>
#include <vector>

#include "release/resources.hpp"

namespace cnode::release {

// ---- start_erl.data
struct start_data {
  std::string erts_vsn, vsn;
};
outcome<start_data> read_start_data(block& b, const std::string& file);
std::string start_data_text(const start_data& d);

// ---- RELEASES: [{release, Name, Vsn, ErtsVsn, [{App, AppVsn, Dir}], Status}]
struct installed_library {
  term name, vsn;   // atom, string
  std::string dir;  // as written; a relative one is meant from the root
};
struct installed_release {
  term name, vsn, erts_vsn;  // strings
  std::vector<installed_library> libraries;
  term status;               // permanent, current, tmp_current, unpacked or old
};
outcome<std::vector<installed_release>> read_releases(block& b, const std::string& file);
term releases_term(block& b, const std::vector<installed_release>& all);
std::string releases_text(block& b, const std::vector<installed_release>& all);

// ---- relup: {Vsn, [{UpFromVsn, Description, Script}], [{DownToVsn, Description, Script}]}
struct relup_entry {
  term vsn, description;
  terms script;  // low-level instructions; their syntax is checked (systools_rc:check_syntax/1)
};
struct relup_file {
  term vsn;
  std::vector<relup_entry> up, down;
};
outcome<relup_file> read_relup(block& b, const std::string& file);

// ---- sys.config: one list of {Application, [{Key, Value}]} and of names of further files
outcome<term> read_sys_config(block& b, const std::string& file);

// ---- vm.args: a flag and its values a line, more than one flag a line allowed, # begins a comment, "..." and '...' quote
struct vm_flag {
  std::string name;  // with its - or +
  std::vector<std::string> values;
  unsigned line = 0;
};
outcome<std::vector<vm_flag>> read_vm_args(block& b, const std::string& file);

// ---- a version of an installed release, with everything that is needed to start it
struct runnable_release {
  checked_release resources;
  std::string root, name, vsn, erts_vsn;
  std::string sys_config, vm_args;       // empty when there is none
  std::vector<std::string> code_path;    // lib/APPLICATION-VSN/ebin, in start order
};
// `vsn` empty: the one start_erl.data names.
outcome<runnable_release> open_release(block& b, const std::string& root, const std::string& vsn);

}  // namespace cnode::release
