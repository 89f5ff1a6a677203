// Distribution flags (erl_dist_protocol, "Distribution Flags"; kernel's dist.hrl where the two differ).
#pragma once

#include <cstdint>
#include <string>

namespace cnode::dist {

using dist_flags = std::uint64_t;

namespace dist_flag {
constexpr dist_flags published = 1;
constexpr dist_flags extended_references = 4;
constexpr dist_flags dist_monitor = 8;
constexpr dist_flags fun_tags = 0x10;
constexpr dist_flags dist_monitor_name = 0x20;
constexpr dist_flags new_fun_tags = 0x80;
constexpr dist_flags extended_pids_ports = 0x100;
constexpr dist_flags export_ptr_tag = 0x200;
constexpr dist_flags bit_binaries = 0x400;
constexpr dist_flags new_floats = 0x800;
constexpr dist_flags unicode_io = 0x1000;
constexpr dist_flags dist_hdr_atom_cache = 0x2000;
constexpr dist_flags small_atom_tags = 0x4000;
constexpr dist_flags utf8_atoms = 0x10000;
constexpr dist_flags map_tag = 0x20000;
constexpr dist_flags big_creation = 0x40000;
constexpr dist_flags send_sender = 0x80000;
constexpr dist_flags big_seqtrace_labels = 0x100000;
constexpr dist_flags exit_payload = 0x400000;
constexpr dist_flags fragments = 0x800000;
constexpr dist_flags handshake_23 = 0x1000000;
constexpr dist_flags unlink_id = 0x2000000;
constexpr dist_flags mandatory_25_digest = 0x4000000;  // the documents print another bit; dist.hrl is right
constexpr dist_flags spawn = 1ull << 32;
constexpr dist_flags name_me = 2ull << 32;
constexpr dist_flags v4_nc = 4ull << 32;
constexpr dist_flags alias = 8ull << 32;
constexpr dist_flags altact_sig = 0x20ull << 32;
constexpr dist_flags native_records = 0x40ull << 32;
}  // namespace dist_flag

// Without one of these a peer is refused, as OTP 25 refuses it: each is a term or a handshake we could not otherwise exchange.
constexpr dist_flags needed_flags = dist_flag::extended_references | dist_flag::fun_tags | dist_flag::new_fun_tags |
    dist_flag::extended_pids_ports | dist_flag::export_ptr_tag | dist_flag::bit_binaries | dist_flag::new_floats |
    dist_flag::utf8_atoms | dist_flag::map_tag | dist_flag::big_creation | dist_flag::handshake_23;

// What we offer besides: each works in both directions here.
constexpr dist_flags wanted_flags = dist_flag::dist_monitor | dist_flag::dist_monitor_name | dist_flag::small_atom_tags |
    dist_flag::unicode_io | dist_flag::send_sender | dist_flag::big_seqtrace_labels | dist_flag::exit_payload |
    dist_flag::unlink_id | dist_flag::mandatory_25_digest | dist_flag::spawn | dist_flag::v4_nc | dist_flag::alias |
    dist_flag::dist_hdr_atom_cache | dist_flag::fragments | dist_flag::altact_sig | dist_flag::native_records;

// What MANDATORY_25_DIGEST stands for.
constexpr dist_flags digest_25_flags = needed_flags;

// "EXTENDED_REFERENCES, UNLINK_ID": for log lines.
std::string flag_names(dist_flags flags);

}  // namespace cnode::dist
