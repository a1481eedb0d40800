// SPDX-License-Identifier: Apache-2.0
#include "sidecar/http/listen.h"

#include <grp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

namespace bailiff::sidecar {
namespace {

TEST(ListenOnLoopback, TakesAFreePort) {
  for (const char* address :
       {"127.0.0.1:0", "127.9.8.7:0", "[::1]:0", "localhost:0"}) {
    const auto listener = listen_on_loopback(address);
    ASSERT_TRUE(listener) << listener.error().message;
    EXPECT_GT(listener->port, 0);
  }
}

TEST(ListenOnLoopback, RefusesWhatOthersCanReach) {
  for (const char* address :
       {"0.0.0.0:8686", "192.0.2.1:8686", "[::]:8686", "[2001:db8::1]:8686",
        "[fe80::1]:8686", "126.255.255.255:1", "128.0.0.1:1"}) {
    const auto listener = listen_on_loopback(address);
    ASSERT_FALSE(listener) << address;
    EXPECT_NE(listener.error().message.find("is not a loopback address"),
              std::string::npos);
  }
}

TEST(ListenOnLoopback, RefusesWhatIsNoAddress) {
  for (const char* address :
       {"", "8686", ":8686", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
        "127.0.0.1:x", "[::1]", "::1:80", "[::1:80", "127.0.0.1:80:90"}) {
    const auto listener = listen_on_loopback(address);
    ASSERT_FALSE(listener) << address;
    EXPECT_NE(listener.error().message.find("is not ADDRESS:PORT"),
              std::string::npos);
  }
}

TEST(ListenOnLoopback, RefusesAPortInUse) {
  const auto first = listen_on_loopback("127.0.0.1:0");
  ASSERT_TRUE(first);
  EXPECT_FALSE(listen_on_loopback("127.0.0.1:" + std::to_string(first->port)));
}

TEST(LoopbackHost, IsAnAddressOrLocalhost) {
  for (const char* host :
       {"127.0.0.1", "127.0.0.1:8686", "127.1.2.3:1", "localhost",
        "localhost:8686", "[::1]", "[::1]:8686"}) {
    EXPECT_TRUE(is_loopback_host(host)) << host;
  }
}

TEST(LoopbackHost, IsNoOtherName) {
  for (const char* host :
       {"", "evil.example", "evil.example:8686", "127.0.0.1.evil.example",
        "localhost.evil.example", "192.0.2.1", "0.0.0.0", "[::]:80", "::1",
        "127.0.0.1:x", "127.0.0.1@evil.example", "2130706433"}) {
    EXPECT_FALSE(is_loopback_host(host)) << host;
  }
}

class ListenForGroup : public testing::Test {
 protected:
  ListenForGroup() {
    char path[] = "/tmp/bailiff-listen-XXXXXX";
    folder_ = ::mkdtemp(path);
    socket_ = folder_ / "api.sock";
  }
  ~ListenForGroup() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
  std::string socket_;
};

TEST_F(ListenForGroup, IsForRootAndTheGroup) {
  ASSERT_TRUE(listen_for_group(socket_, "daemon"));
  struct stat file {};
  ASSERT_EQ(::stat(socket_.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 07777, 0660u);
  EXPECT_EQ(file.st_uid, 0u);
  EXPECT_EQ(file.st_gid, ::getgrnam("daemon")->gr_gid);
}

TEST_F(ListenForGroup, RefusesAnUnknownGroupAndLeavesNothing) {
  const auto listener = listen_for_group(socket_, "no-such-group");
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().message, "api.group: no group 'no-such-group'");
  EXPECT_FALSE(std::filesystem::exists(socket_));
}

}  // namespace
}  // namespace bailiff::sidecar
