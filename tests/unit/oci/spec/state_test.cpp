// SPDX-License-Identifier: Apache-2.0
#include "oci/spec/state.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "oci/sys/unique_fd.h"

namespace bailiff::oci {
namespace {

using testing::HasSubstr;

Result<ContainerState> parse(std::string_view text) {
  return parse_state(text, "the container state");
}

std::string error_of(std::string_view text) {
  const Result<ContainerState> state = parse(text);
  EXPECT_FALSE(state) << text;
  return state ? "" : state.error().message;
}

TEST(ContainerState, ReadsThatOfRunc) {
  const Result<ContainerState> state = parse(
      R"({"ociVersion":"1.0.2-dev","id":"c1","status":"creating","pid":4422,)"
      R"("bundle":"/run/b","annotations":{"k":"v"}})");
  ASSERT_TRUE(state) << state.error().message;
  EXPECT_EQ(state->oci_version, "1.0.2-dev");
  EXPECT_EQ(state->id, "c1");
  EXPECT_EQ(state->status, "creating");
  EXPECT_EQ(state->pid, 4422);
  EXPECT_EQ(state->bundle, "/run/b");
  EXPECT_EQ(state->annotations.at("k"), "v");
}

TEST(ContainerState, ReadsThatOfCrunWithItsRoot) {
  const Result<ContainerState> state = parse(
      "{\n  \"ociVersion\": \"1.0\",\n  \"id\": \"c1\",\n  \"pid\": 7,\n"
      "  \"root\": \"/b/rootfs\",\n  \"bundle\": \"/b\",\n"
      "  \"status\": \"created\"\n}\n");
  ASSERT_TRUE(state) << state.error().message;
  EXPECT_EQ(state->status, "created");
  EXPECT_TRUE(state->annotations.empty());
}

TEST(ContainerState, NeedsNothingButTheId) {
  const Result<ContainerState> state =
      parse(R"({"id":"c1","annotations":null})");
  ASSERT_TRUE(state) << state.error().message;
  EXPECT_EQ(state->pid, 0);
  EXPECT_EQ(state->bundle, "");
}

TEST(ContainerState, NamesTheFieldThatIsWrong) {
  EXPECT_THAT(error_of("{}"), HasSubstr("'id'"));
  EXPECT_THAT(error_of(R"({"id":7})"),
              HasSubstr("field 'id': expected a string, found number"));
  EXPECT_THAT(error_of(R"({"id":"c","pid":"7"})"), HasSubstr("'pid'"));
  EXPECT_THAT(error_of(R"({"id":"c","pid":7.0})"), HasSubstr("'pid'"));
  EXPECT_THAT(error_of(R"({"id":"c","pid":-1})"), HasSubstr("'pid'"));
  EXPECT_THAT(error_of(R"({"id":"c","pid":4194305})"), HasSubstr("'pid'"));
  EXPECT_THAT(error_of(R"({"id":"c","pid":18446744073709551615})"),
              HasSubstr("'pid'"));
  EXPECT_THAT(error_of(R"({"id":"c","status":[]})"), HasSubstr("'status'"));
  EXPECT_THAT(error_of(R"({"id":"c","bundle":{}})"), HasSubstr("'bundle'"));
  EXPECT_THAT(error_of(R"({"id":"c","annotations":["x"]})"),
              HasSubstr("'annotations'"));
  EXPECT_THAT(error_of(R"({"id":"c","annotations":{"a":"","b.c":1}})"),
              HasSubstr("'annotations.b.c'"));
  EXPECT_THAT(error_of("[]"), HasSubstr("expected an object"));
}

TEST(ContainerState, RefusesIdsThatAreNoFileNames) {
  for (const char* id : {"", ".", "..", "a/b", "/", "../x", "a b", "a\\u0000",
                         "a\\n", "\\u00e9", "a,b", "a%b", "$x"}) {
    const std::string text = std::string(R"({"id":")") + id + "\"}";
    EXPECT_THAT(error_of(text), HasSubstr("'id'")) << id;
  }
  EXPECT_FALSE(check_container_id(std::string(256, 'a')));
}

TEST(ContainerState, AcceptsEveryIdRuncAccepts) {
  for (const char* id : {"a", "A-Z_0.9+x", "...", "-", "create"}) {
    EXPECT_TRUE(check_container_id(id)) << id;
  }
  EXPECT_TRUE(check_container_id(std::string(255, 'a')));
}

TEST(ContainerState, TakesAnnotationsUpToTheLimit) {
  const std::string head = R"({"id":"c","annotations":{"a":")";
  const std::string tail = "\"}}";
  const std::size_t room = kMaxStateBytes - head.size() - tail.size();
  EXPECT_TRUE(parse(head + std::string(room, 'x') + tail));
  const auto over = parse(head + std::string(room + 1, 'x') + tail);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, Code::kExhausted);
}

TEST(ContainerState, IsReadFromAPipeInPieces) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd out(ends[0]);
  {
    const UniqueFd in(ends[1]);
    ASSERT_EQ(::write(in.get(), R"({"id":)", 6), 6);
    ASSERT_EQ(::write(in.get(), R"("c"})", 4), 4);
  }
  const Result<ContainerState> state = read_state(out.get());
  ASSERT_TRUE(state) << state.error().message;
  EXPECT_EQ(state->id, "c");
}

}  // namespace
}  // namespace bailiff::oci
