// The relup: how to get from other versions of a release to this one and back. systools:make_relup/3,4.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "release/terms.hpp"

namespace cnode::release {

struct base_release {
  std::string file;        // of the .rel
  term description = nil;  // {File, Description}
};

struct relup_options {
  std::vector<std::string> path;  // where .rel, .app and .appup files are
  bool restart_emulator = false;
};

struct relup_result {
  term relup;      // {Vsn, [{UpFromVsn, Description, Script}], [{DownToVsn, Description, Script}]}
  terms warnings;  // {erts_vsn_changed, ...}, {bad_vsn, ...}, pre_R15_emulator_upgrade
};

// From and to the versions of `up` and `down`. The error is systools': {error, systools_relup | systools_make | systools_rc, Reason}.
outcome<relup_result> make_relup(block& b, const std::string& top, const std::vector<base_release>& up, const std::vector<base_release>& down,
                                 const relup_options& options);

// systools_relup:appup_search_for_version/2. versions is [{Vsn | Regexp, Script}]: the first whose version is the wanted one, or whose
// regular expression (a binary) matches all of it. None when there is none; a refusal for a regular expression that is none.
outcome<std::optional<term>> appup_search_for_version(block& b, term vsn, term versions);

}  // namespace cnode::release
