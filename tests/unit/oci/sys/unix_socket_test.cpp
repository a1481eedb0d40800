// SPDX-License-Identifier: Apache-2.0
#include "oci/sys/unix_socket.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/unit/oci/sys/scratch.h"

namespace bailiff {
namespace {

TEST(UnixSocket, TellsWhoIsAtTheOtherEnd) {
  const ScratchFolder folder;
  const Result<UniqueFd> listener = listen_unix(folder / "s", 0600);
  ASSERT_TRUE(listener) << listener.error().message;
  const auto client = connect_unix(folder / "s", ScratchCgroup::soon());
  ASSERT_TRUE(client) << client.error().message;
  const auto server = accept_unix(*listener);
  ASSERT_TRUE(server);
  EXPECT_EQ(server->peer.pid, ::getpid());
  EXPECT_EQ(server->peer.uid, 0U);
  EXPECT_EQ(client->peer.pid, ::getpid());
  ASSERT_EQ(::write(client->fd.get(), "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(::read(server->fd.get(), &byte, 1), 1);
}

TEST(UnixSocket, HasTheModeAskedForWhateverTheUmask) {
  const ScratchFolder folder;
  for (const mode_t mask : {0U, 077U}) {
    const mode_t before = ::umask(mask);
    const std::string path = folder / ("s" + std::to_string(mask));
    const Result<UniqueFd> listener = listen_unix(path, 0660);
    ::umask(before);
    ASSERT_TRUE(listener);
    struct stat file = {};
    ASSERT_EQ(::stat(path.c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 07777, 0660U);
  }
}

TEST(UnixSocket, ReplacesAListenerThatIsGone) {
  const ScratchFolder folder;
  { const Result<UniqueFd> gone = listen_unix(folder / "s", 0600); }
  EXPECT_TRUE(listen_unix(folder / "s", 0600));
}

TEST(UnixSocket, DoesNotTakeAnothersPlace) {
  const ScratchFolder folder;
  const Result<UniqueFd> first = listen_unix(folder / "s", 0600);
  EXPECT_FALSE(listen_unix(folder / "s", 0600));
  write_file(folder / "file", "kept");
  EXPECT_FALSE(listen_unix(folder / "file", 0600));
  EXPECT_EQ(read_file(folder / "file"), "kept");
}

TEST(UnixSocket, RefusesPathsThatDoNotFit) {
  EXPECT_FALSE(listen_unix("", 0600));
  EXPECT_FALSE(listen_unix("/tmp/" + std::string(108, 'x'), 0600));
  EXPECT_FALSE(listen_unix(std::string("\0abstract", 9), 0600));
}

TEST(UnixSocket, ConnectingToNobodyIsAnErrorNow) {
  const ScratchFolder folder;
  const auto client = connect_unix(folder / "none", ScratchCgroup::soon());
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().code, Code::kNotFound);
}

}  // namespace
}  // namespace bailiff
