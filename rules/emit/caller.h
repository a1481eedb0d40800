// SPDX-License-Identifier: Apache-2.0
// rules/emit/caller.h
// Who runs, for programs for frames: before Linux 6.16 the kernel has no calls
// that tell them, so it is read from its structures, by their types
// (KernelFact).  Needs its BTF.
#pragma once

#include "rules/emit/writer.h"

namespace bailiff::emit {

// All clobber r0..r5.

// Its cgroup, as a pointer, into r0.
void load_caller_cgroup(Writer& code);
// The id of the cgroup to which r0 points, into r0.
void load_cgroup_id(Writer& code);
// The id of the cgroup that is above the one whose pointer is at `cgroup`, or
// is that one, in the level (of the root it is 0), to `slot`; or goes to
// `none`, when it is nearer to the root.
void read_ancestor_id(Writer& code, int cgroup, int level, int slot,
                      Label none);

// Its thread, the process's id in the upper half (as
// bpf_get_current_pid_tgid()), into r0.
void load_caller_ids(Writer& code);
// The user's id, with the group's in the upper half (as
// bpf_get_current_uid_gid()), into r0.
void load_caller_user(Writer& code);
// Its name, BAILIFF_EVENT_COMM_LEN bytes, to `slot`.
void read_caller_comm(Writer& code, int slot);

}  // namespace bailiff::emit
