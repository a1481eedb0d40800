// SPDX-License-Identifier: Apache-2.0
// oci/spec/call_text.h
// Numbers of system calls as Falco writes them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bailiff::oci {

// "EPERM" for 1; the number for one without a name.
std::string errno_name(std::int64_t error);
// Names joined by '|': "O_CREAT|O_WRONLY".  Bits without a name are left out.
std::string open_flags(std::uint64_t flags, bool created);
std::string mode_flags(std::uint64_t mode);    // "S_IXUSR|S_ISUID"
std::string clone_flags(std::uint64_t flags);  // "CLONE_NEWNS"
std::string mount_flags(std::uint64_t flags);
std::string unlink_flags(std::uint64_t flags);
std::string rename_flags(std::uint64_t flags);
std::string link_flags(std::uint64_t flags);
std::string memfd_flags(std::uint64_t flags);
std::string userfaultfd_flags(std::uint64_t flags);
std::string module_flags(std::uint64_t flags);
std::string resolve_flags(std::uint64_t flags);  // of openat2
std::string octal(std::uint64_t mode);           // "0644"
// "" for one that is not known.
std::string socket_domain(std::uint64_t domain);    // "AF_INET"
std::string ptrace_request(std::uint64_t request);  // "PTRACE_ATTACH"
std::string bpf_command(std::uint64_t command);     // "BPF_PROG_LOAD"
// The values that have a name, ascending; of clone_flags() each flag.
std::vector<std::uint64_t> socket_domains();
std::vector<std::uint64_t> ptrace_requests();
std::vector<std::uint64_t> bpf_commands();
std::vector<std::uint64_t> clone_flag_bits();
// Names with blanks between: "CAP_CHOWN CAP_KILL".
std::string capabilities(std::uint64_t set);

}  // namespace bailiff::oci
