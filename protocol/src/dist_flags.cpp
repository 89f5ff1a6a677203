#include <cnode/protocol/dist_flags.hpp>

#include <cstdio>

namespace cnode::dist {
namespace {

struct flag_name {
  dist_flags bit;
  const char* name;
};
constexpr flag_name names[] = {
    {dist_flag::published, "PUBLISHED"},
    {dist_flag::extended_references, "EXTENDED_REFERENCES"},
    {dist_flag::dist_monitor, "DIST_MONITOR"},
    {dist_flag::fun_tags, "FUN_TAGS"},
    {dist_flag::dist_monitor_name, "DIST_MONITOR_NAME"},
    {dist_flag::new_fun_tags, "NEW_FUN_TAGS"},
    {dist_flag::extended_pids_ports, "EXTENDED_PIDS_PORTS"},
    {dist_flag::export_ptr_tag, "EXPORT_PTR_TAG"},
    {dist_flag::bit_binaries, "BIT_BINARIES"},
    {dist_flag::new_floats, "NEW_FLOATS"},
    {dist_flag::unicode_io, "UNICODE_IO"},
    {dist_flag::dist_hdr_atom_cache, "DIST_HDR_ATOM_CACHE"},
    {dist_flag::small_atom_tags, "SMALL_ATOM_TAGS"},
    {dist_flag::utf8_atoms, "UTF8_ATOMS"},
    {dist_flag::map_tag, "MAP_TAG"},
    {dist_flag::big_creation, "BIG_CREATION"},
    {dist_flag::send_sender, "SEND_SENDER"},
    {dist_flag::big_seqtrace_labels, "BIG_SEQTRACE_LABELS"},
    {dist_flag::exit_payload, "EXIT_PAYLOAD"},
    {dist_flag::fragments, "FRAGMENTS"},
    {dist_flag::handshake_23, "HANDSHAKE_23"},
    {dist_flag::unlink_id, "UNLINK_ID"},
    {dist_flag::mandatory_25_digest, "MANDATORY_25_DIGEST"},
    {dist_flag::spawn, "SPAWN"},
    {dist_flag::name_me, "NAME_ME"},
    {dist_flag::v4_nc, "V4_NC"},
    {dist_flag::alias, "ALIAS"},
    {dist_flag::altact_sig, "ALTACT_SIG"},
    {dist_flag::native_records, "NATIVE_RECORDS"},
};

}  // namespace

std::string flag_names(dist_flags flags) {
  std::string out;
  const auto add = [&out](const char* name) {
    if (!out.empty()) out += ", ";
    out += name;
  };
  for (const auto& [bit, name] : names) {
    if ((flags & bit) == 0) continue;
    add(name);
    flags &= ~bit;
  }
  if (flags != 0) {
    char hex[24];
    std::snprintf(hex, sizeof hex, "0x%llX", static_cast<unsigned long long>(flags));
    add(hex);
  }
  return out;
}

}  // namespace cnode::dist
