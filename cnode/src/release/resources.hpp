// Release (.rel) and application (.app) resource files, read and checked as systools_make does, with its reasons.
#pragma once

#include <string>
#include <vector>

#include "release/terms.hpp"

namespace cnode::release {

// One line of a .rel. All terms lie in the block the file was read into; name is an atom, vsn a string.
struct release_application {
  term name, vsn;
  term type;                   // permanent, transient, temporary, load or none
  bool has_includes = false;   // the .rel overrides included_applications
  terms includes;
};

struct release_resource {
  term name, vsn, erts_vsn;    // strings
  std::vector<release_application> applications;  // in the order written
  std::string file;
};

struct application_resource {
  term name, type, vsn, id, description;
  terms modules, uses, optional, includes, registered;
  term env, max_t, max_p, mod, start_phases;
  std::string dir;             // where the .app file lies
  term record(block& b) const; // systools' #application{}, as it stands in its reasons
};

struct checked_release {
  release_resource release;
  std::vector<application_resource> applications;  // in the order in which they start
  terms warnings;                                  // {warning, missing_sasl}
};

// `file` with or without ".rel".
release_resource read_release(block& b, const std::string& file, const std::vector<std::string>& path);
// NAME.app of that version: the first in the path that has it. `over` is the .rel's line: its type, its includes.
application_resource read_application(block& b, const release_application& wanted, const std::vector<std::string>& path);
// The shape of a term read from `file`.
application_resource parse_application(block& b, term t, const std::string& file);
// systools_make:get_release/2: the release, its applications, checked against each other and put in order.
checked_release get_release(block& b, const std::string& file, const std::vector<std::string>& path);
// The same for a release whose .app files were found elsewhere, for instance in an installed release.
checked_release check_release(block& b, release_resource release, std::vector<application_resource> applications);

// Folders with * in them become those that match; the rest stays (systools_lib:get_path/1).
std::vector<std::string> expand_path(const std::vector<std::string>& path);

}  // namespace cnode::release
