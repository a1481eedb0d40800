// SPDX-License-Identifier: Apache-2.0
#include "oci/spec/call_text.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/socket.h>

namespace bailiff::oci {
namespace {

TEST(CallText, WritesFlagsByTheirNames) {
  EXPECT_EQ(open_flags(O_RDONLY, false), "O_RDONLY");
  EXPECT_EQ(open_flags(O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, false),
            "O_TRUNC|O_CREAT|O_WRONLY|O_CLOEXEC");
  EXPECT_EQ(open_flags(O_RDWR | O_CREAT, true), "O_CREAT|O_RDWR|O_F_CREATED");
  EXPECT_EQ(mode_flags(04750),
            "S_IXGRP|S_IRGRP|S_IXUSR|S_IWUSR|S_IRUSR|S_ISUID");
  EXPECT_EQ(clone_flags(CLONE_NEWNS | CLONE_NEWUSER),
            "CLONE_NEWNS|CLONE_NEWUSER");
  EXPECT_EQ(unlink_flags(0), "");
}

TEST(CallText, WritesNumbersByTheirNames) {
  EXPECT_EQ(errno_name(13), "EACCES");
  EXPECT_EQ(errno_name(4095), "4095");
  EXPECT_EQ(socket_domain(AF_PACKET), "AF_PACKET");
  EXPECT_EQ(socket_domain(250), "");
  EXPECT_EQ(ptrace_request(PTRACE_ATTACH), "PTRACE_ATTACH");
  EXPECT_EQ(bpf_command(BPF_PROG_LOAD), "BPF_PROG_LOAD");
  EXPECT_EQ(octal(0644), "0644");
}

TEST(CallText, WritesCapabilitiesInTheirOrder) {
  EXPECT_EQ(capabilities(0), "");
  EXPECT_EQ(capabilities(1 | 1ULL << 21), "CAP_CHOWN CAP_SYS_ADMIN");
}

}  // namespace
}  // namespace bailiff::oci
