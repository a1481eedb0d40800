// SPDX-License-Identifier: Apache-2.0
#include "oci/wrapper/runtime_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/oci/sys/scratch.h"

namespace bailiff::oci {
namespace {

constexpr char kTime[] = "2026-01-02T03:04:05Z";

TEST(LogLine, IsJsonWhenAskedFor) {
  EXPECT_EQ(log_line(LogLevel::kError, "no", kTime, true),
            "{\"level\":\"error\",\"msg\":\"no\","
            "\"time\":\"2026-01-02T03:04:05Z\"}\n");
}

TEST(LogLine, IsLogfmtOtherwise) {
  EXPECT_EQ(log_line(LogLevel::kWarning, "no", kTime, false),
            "time=\"2026-01-02T03:04:05Z\" level=warning msg=\"no\"\n");
}

TEST(LogLine, EscapesWhatWouldBreakTheLine) {
  EXPECT_EQ(log_line(LogLevel::kError, "a\"b\\c\nd\xff", kTime, true),
            "{\"level\":\"error\",\"msg\":\"a\\\"b\\\\c\\u000ad\\u00ff\","
            "\"time\":\"2026-01-02T03:04:05Z\"}\n");
}

TEST(AppendToLog, AddsToTheFile) {
  const ScratchFolder folder;
  write_file(folder / "log", "first\n");
  append_to_log({folder / "log", true}, LogLevel::kError, "x");
  append_to_log({"file:" + folder / "new", false}, LogLevel::kError, "y");
  EXPECT_THAT(read_file(folder / "log"),
              testing::MatchesRegex("first\n.\"level\":\"error\".*\n"));
  EXPECT_THAT(read_file(folder / "new"), testing::HasSubstr("msg=\"y\""));
}

TEST(AppendToLog, DoesNothingWhereItCannotWrite) {
  append_to_log({"", true}, LogLevel::kError, "x");
  append_to_log({"/nonexistent/log", true}, LogLevel::kError, "x");
  append_to_log({"journald:x", true}, LogLevel::kError, "x");
}

}  // namespace
}  // namespace bailiff::oci
