// SPDX-License-Identifier: Apache-2.0
#include "sidecar/ingest/observed_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/harness/observed_records.h"

namespace bailiff::sidecar {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Optional;

using Kind = ObservedEvent::Kind;

TEST(ObservedRecord, AnExecIsReadWithAllItsParts) {
  auto record = test::exec_record(2000, {"/bin/ls", "-l", ""});
  record.fixed().program.inode = 99;
  record.part(BAILIFF_PART_EXECUTABLE, test::texts({"busybox", "bin"}))
      .part(BAILIFF_PART_DIRECTORY, "")
      .part(BAILIFF_PART_ENVIRONMENT, test::texts({"A=1", "B=2"}))
      .ancestors({{1500, "sh"}, {1400, "runc"}});
  const Result<ObservedEvent> event = parse_observed(record.build());
  ASSERT_TRUE(event) << event.error().message;
  EXPECT_EQ(event->kind, Kind::kExec);
  EXPECT_EQ(event->call, BAILIFF_CALL_EXECVE);
  EXPECT_EQ(event->tgid, 2000U);
  EXPECT_EQ(event->comm, "ls");
  EXPECT_EQ(event->program.inode, 99U);
  EXPECT_THAT(event->args, Optional(ElementsAre("/bin/ls", "-l", "")));
  EXPECT_THAT(event->environment, Optional(ElementsAre("A=1", "B=2")));
  EXPECT_EQ(event->executable, "/bin/busybox");
  EXPECT_EQ(event->directory, "/");
  ASSERT_EQ(event->ancestors->size(), 2U);
  EXPECT_EQ(event->ancestors->at(1).comm, "runc");
  EXPECT_EQ(event->ancestors->at(1).pid, 1400U);
  EXPECT_FALSE(event->path);
}

TEST(ObservedRecord, ACallIsReadWithItsArgumentsAndResult) {
  auto record = test::call_record(2000, BAILIFF_CALL_OPENAT);
  record.fixed().result = -2;
  record.fixed().arguments[2] = 0x80000;
  record.part(BAILIFF_PART_PATH, std::string_view("passwd\0rest", 11))
      .part(BAILIFF_PART_BASE, test::texts({"etc"}));
  const Result<ObservedEvent> event = parse_observed(record.build());
  ASSERT_TRUE(event) << event.error().message;
  EXPECT_EQ(event->kind, Kind::kCall);
  EXPECT_EQ(event->call, BAILIFF_CALL_OPENAT);
  EXPECT_EQ(event->result, -2);
  EXPECT_EQ(event->arguments[2], 0x80000U);
  EXPECT_EQ(event->path, "passwd");
  EXPECT_EQ(event->base, "/etc");
}

TEST(ObservedRecord, AMemfdIsInNoFolder) {
  auto record = test::exec_record(2000, {"x"});
  record.fixed().program.flags = BAILIFF_PROGRAM_MEMFD;
  record.part(BAILIFF_PART_EXECUTABLE, test::texts({"memfd:x"}));
  EXPECT_EQ(parse_observed(record.build())->executable, "memfd:x");
}

// It must not be taken for the path that is left of it.
TEST(ObservedRecord, APathThatLostItsBeginningDoesNotBeginAtTheRoot) {
  auto record = test::exec_record(2000, {"x"});
  record.part(BAILIFF_PART_DIRECTORY,
              test::texts(std::vector<std::string>(BAILIFF_MAX_WALK, "d")));
  const std::optional<std::string> directory =
      parse_observed(record.build())->directory;
  ASSERT_TRUE(directory);
  EXPECT_EQ(directory->substr(0, 4), "d/d/");

  auto longer = test::exec_record(2000, {"x"});
  longer.part(BAILIFF_PART_DIRECTORY,
              test::texts(std::vector<std::string>(BAILIFF_MAX_WALK_BYTES / 256,
                                                   std::string(255, 'd'))));
  EXPECT_FALSE(parse_observed(longer.build())->directory->starts_with('/'));
}

TEST(ObservedRecord, ForksAndExitsHaveNoMoreThanTheirProcess) {
  EXPECT_EQ(parse_observed(test::fork_record(2).build())->kind, Kind::kFork);
  EXPECT_EQ(parse_observed(test::exit_record(2).build())->kind, Kind::kExit);
}

TEST(ObservedRecord, APartOfALaterVersionIsPassedOver) {
  auto record = test::exec_record(2000, {"x"});
  record.part(999, "?").part(BAILIFF_PART_DIRECTORY, "");
  EXPECT_EQ(parse_observed(record.build())->directory, "/");
}

TEST(ObservedRecord, NothingInItIsBelievedToBeInBounds) {
  auto builder = test::call_record(2000, BAILIFF_CALL_MKDIR);
  builder.part(BAILIFF_PART_PATH, "/tmp/x");
  const test::Record whole = builder.build();
  const auto refused = [](const test::Record& record) {
    const Result<ObservedEvent> event = parse_observed(record);
    return event ? "" : event.error().message;
  };
  EXPECT_EQ(refused(whole), "");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_NE(refused({whole.begin(),
                       whole.begin() + static_cast<std::ptrdiff_t>(size)}),
              "")
        << size;
  }
  auto liar = test::call_record(2000, BAILIFF_CALL_MKDIR);
  liar.part(BAILIFF_PART_PATH, "/tmp/x");
  test::Record record = liar.build();
  bailiff_part_header part{};
  ::memcpy(&part, record.data() + sizeof(bailiff_call_event), sizeof part);
  part.bytes = 1000;
  ::memcpy(record.data() + sizeof(bailiff_call_event), &part, sizeof part);
  EXPECT_THAT(refused(record), HasSubstr("a part of '1000' bytes"));
  auto unknown = test::call_record(2000, BAILIFF_CALL_MKDIR);
  unknown.fixed().call = 63;
  EXPECT_THAT(refused(unknown.build()), HasSubstr("call '63'"));
  auto kind = test::fork_record(2000);
  kind.fixed().header.kind = 99;
  EXPECT_THAT(refused(kind.build()), HasSubstr("kind '99'"));
}

}  // namespace
}  // namespace bailiff::sidecar
