// The inside of config files that name others.
#pragma once

#include <string>
#include <vector>

#include <cnode/protocol/block.hpp>

namespace cnode::actors {

struct config_mistake {
  std::string file, text;
};
// check_conf_sys/4: [{App, Env} | FileName] with the files read and merged in order, later ones before earlier. A file that cannot be
// read is a mistake and adds nothing. directory: where relative names are sought first; empty: the working directory only. Raises what
// merge_env raises.
term include_config_files(block& b, term config, const std::string& directory, std::vector<config_mistake>& mistakes);

}  // namespace cnode::actors
