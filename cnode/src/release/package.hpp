// `cnode release`: from a .rel, .app files and modules to NAME-VSN.tar.gz, and with it the relup from older versions.
#pragma once

#include <string>
#include <vector>

namespace cnode::release {

struct package_request {
  std::string rel;                        // FILE.rel
  std::vector<std::string> path;          // where .app, .appup and module files are
  std::string output = ".";               // the folder of the archive
  std::vector<std::string> upgrade_from;  // each an archive, the root of an installed release, or a .rel whose files are in the path
  std::string sys_config, vm_args;        // empty: those beside the .rel, if they are there
  std::vector<std::string> programs;      // files for erts-VSN/bin
};

struct package_result {
  std::string archive;                // the file written
  std::vector<std::string> warnings;  // sentences
  std::string error;                  // one that names file and key; empty when all is well
};

package_result make_package(const package_request& request);

}  // namespace cnode::release
