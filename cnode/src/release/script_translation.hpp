// systools_rc: from the instructions of appups to those a release handler carries out.
#pragma once

#include "release/resources.hpp"

namespace cnode::release {

enum class direction { up, down };

// The scripts of all applications become one: high-level instructions (update, load_module, add_module, delete_module,
// add/remove/restart_application) are replaced by low-level ones, modules that depend on one another are suspended, loaded, changed and
// resumed together, in the order of dependency. Throws a refusal with systools_rc's reason.
//
// Of modules between which no dependency decides, the one that stands first in the script comes first. systools leaves their order to
// the hash values of an ets table, which differ from run to run of the same erl.
//
// `to` are the applications of the release that will run afterwards, `from` those of the one that runs before.
terms translate_scripts(block& b, direction d, const std::vector<terms>& scripts, const std::vector<application_resource>& to,
                        const std::vector<application_resource>& from);

}  // namespace cnode::release
