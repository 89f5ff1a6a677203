// The cookie as erl finds it: given, from a file, ~/.erlang.cookie, then the XDG place; made when there is none (kernel's auth.erl).
#pragma once

#include <optional>
#include <string>

namespace cnode::program {

struct cookie_result {
  std::string cookie;
  std::string error;  // a sentence that names the file or option; empty when all is well
};

// `given` is --cookie, `file` --cookie-file; both empty: the usual places.
cookie_result find_cookie(const std::string& given, const std::string& file);

}  // namespace cnode::program
