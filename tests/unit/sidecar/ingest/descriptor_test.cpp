// SPDX-License-Identifier: Apache-2.0
#include "sidecar/ingest/descriptor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

namespace bailiff::sidecar {
namespace {

ObservedEvent call(bailiff_call call, bailiff_descriptor descriptor) {
  ObservedEvent event;
  event.call = call;
  event.descriptor = descriptor;
  return event;
}

std::string type_of(std::uint32_t mode, const char* file,
                    std::uint16_t family = 0) {
  ObservedEvent event =
      call(BAILIFF_CALL_SETNS, {.number = 3, .mode = mode, .family = family});
  event.file = file;
  const Descriptor described = *describe_descriptor(event);
  return std::string(described.typechar) + " " + std::string(described.type);
}

TEST(Descriptor, HasTheKindFalcoGivesIt) {
  EXPECT_EQ(type_of(S_IFREG, "/etc/passwd"), "f file");
  EXPECT_EQ(type_of(S_IFREG, "/memfd:x"), "m memfd");
  EXPECT_EQ(type_of(S_IFDIR, "/etc"), "d directory");
  EXPECT_EQ(type_of(S_IFIFO, "/"), "p pipe");
  EXPECT_EQ(type_of(S_IFCHR, "/dev/null"), "f file");
  EXPECT_EQ(type_of(0, "/[eventpoll]"), "l eventpoll");
  EXPECT_EQ(type_of(S_IFSOCK, "", AF_INET), "4 ipv4");
  EXPECT_EQ(type_of(S_IFSOCK, "", AF_INET6), "6 ipv6");
  EXPECT_EQ(type_of(S_IFSOCK, "", AF_UNIX), "u unix");
  EXPECT_EQ(type_of(S_IFSOCK, "", AF_NETLINK), "n netlink");
}

TEST(Descriptor, AFolderIsOneWhenItWasAskedForAsOne) {
  ObservedEvent event = call(BAILIFF_CALL_OPEN, {.number = 3, .mode = S_IFDIR});
  event.path = "/etc";
  EXPECT_EQ(describe_descriptor(event)->typechar, "f");
  event.arguments[1] = O_DIRECTORY;
  EXPECT_EQ(describe_descriptor(event)->typechar, "d");
}

TEST(Descriptor, ACallThatIsAboutNoneHasNone) {
  EXPECT_FALSE(describe_descriptor(call(BAILIFF_CALL_MKDIR, {})));
  ObservedEvent exec;
  exec.kind = ObservedEvent::Kind::kExec;
  EXPECT_FALSE(describe_descriptor(exec));
}

TEST(Descriptor, OneThatWasNotMadeHasNoKind) {
  const Descriptor descriptor =
      *describe_descriptor(call(BAILIFF_CALL_SOCKET, {.number = -1}));
  EXPECT_EQ(descriptor.number, -1);
  EXPECT_EQ(descriptor.typechar, "");
}

// As in Falco, which does not see who was there first either.
TEST(Descriptor, GuessesTheServerByThePorts) {
  bailiff_descriptor fd{.number = 3,
                        .mode = S_IFSOCK,
                        .family = AF_INET,
                        .protocol = IPPROTO_UDP,
                        .local_port = 53,
                        .remote_port = 40000,
                        .local_be = {10, 0, 0, 2},
                        .remote_be = {192, 0, 2, 9}};
  EXPECT_EQ(describe_descriptor(call(BAILIFF_CALL_RECVFROM, fd))->name,
            "192.0.2.9:40000->10.0.0.2:53");
  std::swap(fd.local_port, fd.remote_port);
  EXPECT_EQ(describe_descriptor(call(BAILIFF_CALL_RECVFROM, fd))->name,
            "10.0.0.2:40000->192.0.2.9:53");
}

TEST(Descriptor, WhatIsBoundIsTheServersEnd) {
  bailiff_descriptor fd{.number = 3,
                        .mode = S_IFSOCK,
                        .family = AF_INET,
                        .protocol = IPPROTO_TCP,
                        .local_port = 8080,
                        .address_family = AF_INET,
                        .address_port = 8080};
  const auto bound = describe_descriptor(call(BAILIFF_CALL_BIND, fd));
  EXPECT_EQ(bound->name, "0.0.0.0:8080");
  EXPECT_TRUE(bound->is_server);
  ASSERT_TRUE(bound->local);
  EXPECT_EQ(bound->local->port, 8080);
  EXPECT_FALSE(bound->remote);
  // One that failed has no address, but was given one.
  fd.local_port = 0;
  const auto failed = describe_descriptor(call(BAILIFF_CALL_BIND, fd));
  EXPECT_FALSE(failed->local);
  ASSERT_TRUE(failed->given);
  EXPECT_EQ(to_string(*failed->given), "0.0.0.0:8080");
}

TEST(AbsolutePath, LeavesNoStepsInIt) {
  EXPECT_EQ(absolute_path("/a/./b//c/../d", {}), "/a/b/d");
  EXPECT_EQ(absolute_path("/../../x", {}), "/x");
  EXPECT_EQ(absolute_path("/", {}), "/");
  EXPECT_EQ(absolute_path("x", "/srv"), "/srv/x");
  EXPECT_EQ(absolute_path("../x", "/srv"), "/x");
  EXPECT_EQ(absolute_path("x", "/"), "/x");
  EXPECT_EQ(absolute_path("", "/srv"), "/srv");
}

// A beginning that is not known is not made up.
TEST(AbsolutePath, StaysRelativeToSomethingUnknown) {
  EXPECT_EQ(absolute_path("x", {}), "x");
  EXPECT_EQ(absolute_path("x", "d/d"), "d/d/x");
  EXPECT_EQ(absolute_path("../../x", "d/d"), "x");
  EXPECT_EQ(absolute_path("../x", {}), "../x");
}

TEST(AbsolutePath, ThatClimbsOutOfWhatIsKnownBeginsAtTheRoot) {
  EXPECT_EQ(absolute_path("../../../etc/shadow", "d/d"), "/etc/shadow");
}

}  // namespace
}  // namespace bailiff::sidecar
