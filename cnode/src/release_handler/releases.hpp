// What is installed below a root, and its files: the parts of release_handler.erl that only look at the disk and write to it. They run in
// the handler's process, throw failure with OTP's reasons (a file that cannot be written is named: {enospc, File}), and leave files and
// list as they were when they do.
#pragma once

#include <string>
#include <vector>

#include "release/release_files.hpp"
#include "session.hpp"

namespace cnode::release_handler {

using release_list = std::vector<release::installed_release>;

struct handler_state {
  std::string root, releases_dir;
  release_list releases;
  terms unpurged;        // {Module, soft_purge | brutal_purge}
  terms pre_sync_nodes;  // messages {sync_nodes, Id, Node} that came before their time
  bool timer = false;    // looks at unpurged again soon
};
// #state{} of release_handler.erl: it shares the state's terms. And back: copied to b.
term state_term(block& b, const handler_state& s);
handler_state state_of(block& b, term t);

struct script {
  term vsn, description;
  terms instructions;
};

class installation {
 public:
  installation(session& s, handler_state& state) : s_(s), state_(state), b_(s.heap()) {}

  // Where the handler begins: RELEASES, or what runs when there is none.
  void open(const std::string& name, const std::string& vsn, const std::string& erts_vsn);

  term unpack(const std::string& name);                            // the version
  term set_unpacked(const std::string& rel_file, term lib_dirs);   // the version
  void set_removed(term vsn);
  void remove(term vsn);
  void install_file(const std::string& file, term vsn);
  // False: it is permanent already.
  bool make_permanent(term vsn);
  void make_old_permanent(term vsn);                               // reboot_old_release
  void set_current(term vsn);                                      // in memory only
  void set_restarting(term vsn);                                   // tmp_current, new_start_erl.data

  release::installed_release& find(term vsn);                      // throws {no_such_release, Vsn}
  const release::installed_release& latest() const;
  const release::installed_release& permanent() const;
  bool is_status(const release::installed_release& r, const char* status) const { return release::is(r.status, status); }
  void check_files(const release::installed_release& r, bool& has_relup);
  script script_between(const release::installed_release& from, const release::installed_release& to);
  // The application specifications of a release, and its configuration.
  term specifications(const release::installed_release& r);
  term configuration(const release::installed_release& r);
  std::string version_dir(term vsn) const { return state_.releases_dir + "/" + release::text_of(vsn); }

 private:
  [[noreturn]] void fail(const char* what, term with) const;
  [[noreturn]] void fail(const char* what, const std::string& file) const;
  void write(const std::string& file, const std::string& text) const;
  void write_releases(const release_list& all) const;
  void write_start_data(const release::installed_release& r, const release_list& all) const;
  void check_file(const std::string& file, bool folder) const;

  session& s_;
  handler_state& state_;
  block& b_;
};

// check_rel/4: LibDirs is [{Application, Vsn, Directory}]; `root` empty: directories are relative.
release::installed_release read_rel(session& s, const std::string& root, const std::string& rel_file, term lib_dirs);
// create_RELEASES/4
void create_releases(session& s, const std::string& root, const std::string& releases_dir, const std::string& rel_file, term lib_dirs);
// set_status/3
void set_status(release_list& all, term vsn, const char* status);

}  // namespace cnode::release_handler
