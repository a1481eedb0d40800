// SPDX-License-Identifier: Apache-2.0
#include "oci/spec/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bailiff::oci {
namespace {

using testing::HasSubstr;

constexpr std::size_t kLimit = 1 << 20;

std::string error_of(std::string_view text) {
  const Result<Json> json = parse_json(text, "'c.json'", kLimit);
  EXPECT_FALSE(json) << text;
  return json ? "" : json.error().message;
}

TEST(Json, WritesWhatItRead) {
  for (const std::string text : {
           R"({"z":1,"a":2,"m":{"y":[],"b":{}}})",
           R"({"max":18446744073709551615,"min":-9223372036854775808})",
           R"({"args":[9007199254740993,0,-1]})",
           R"(["\u0001","\"\\","é","😀",null,true,false])",
           R"({"unknown":{"deep":[[[{"x":0.5}]]]}})",
           R"("")",
           R"(0)",
       }) {
    const Result<Json> json = parse_json(text, "t", kLimit);
    ASSERT_TRUE(json) << json.error().message;
    EXPECT_EQ(*write_json(*json), text);
  }
}

TEST(Json, KeepsWhatGoEscapes) {
  const Result<Json> json =
      parse_json(R"({"a":"\u003cb\u003e \u0026 \u2028"})", "t", kLimit);
  ASSERT_TRUE(json);
  EXPECT_EQ(*write_json(*json), "{\"a\":\"<b> & \u2028\"}");
}

TEST(Json, RefusesIntegersThatWouldLoseDigits) {
  EXPECT_THAT(error_of(R"({"a":{"b":18446744073709551616}})"),
              HasSubstr("18446744073709551616 is out of range in field "
                        "'a.b'"));
  EXPECT_THAT(error_of(R"([-9223372036854775809])"),
              HasSubstr("out of range in field '[0]'"));
}

TEST(Json, RefusesAKeyThatIsThereTwice) {
  EXPECT_EQ(error_of(R"({"hooks":{"createRuntime":[],"createRuntime":[]}})"),
            "'c.json': the key is there twice in field 'hooks.createRuntime'");
  EXPECT_THAT(error_of("{\"a\":1,\"\\u0061\":2}"), HasSubstr("twice"));
}

TEST(Json, SaysWhereATruncatedTextEnds) {
  const std::string text = R"({"process":{"args":["sh","-c)";
  EXPECT_EQ(error_of(text), "'c.json' ends early, after byte " +
                                std::to_string(text.size()) +
                                " in field 'process.args[1]'");
  EXPECT_THAT(error_of(""), HasSubstr("ends early, after byte 0"));
  EXPECT_THAT(error_of(R"({"a":1)"), HasSubstr("ends early"));
}

TEST(Json, EveryTruncationIsRefused) {
  const std::string text =
      R"({"a":[1,{"b":null}],"c":"\u00e9","d":true,"e":-0.5e3})";
  ASSERT_TRUE(parse_json(text, "t", kLimit));
  for (std::size_t length = 0; length < text.size(); ++length) {
    EXPECT_FALSE(parse_json(text.substr(0, length), "t", kLimit)) << length;
  }
}

TEST(Json, SaysWhichByteIsWrong) {
  EXPECT_THAT(error_of(R"({"a":tru})"),
              HasSubstr("is not JSON at byte 9 in field 'a'"));
  EXPECT_THAT(error_of("{} x"), HasSubstr("at byte 4"));
  EXPECT_THAT(error_of("{'a':1}"), HasSubstr("at byte 2"));
  EXPECT_THAT(error_of("[NaN]"), HasSubstr("not JSON"));
  EXPECT_THAT(error_of("// c\n{}"), HasSubstr("not JSON"));
}

TEST(Json, RefusesTextThatIsNotUtf8) {
  EXPECT_THAT(error_of("{\"a\":\"\xff\"}"), HasSubstr("in field 'a'"));
}

TEST(Json, RefusesDeepNestingAndTakesTheLimit) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_TRUE(parse_json(nested(kMaxJsonDepth), "t", kLimit));
  EXPECT_THAT(error_of(nested(kMaxJsonDepth + 1)), HasSubstr("nested deeper"));
  EXPECT_THAT(error_of(std::string(500000, '[')), HasSubstr("nested deeper"));
}

TEST(Json, RefusesMoreBytesThanAllowed) {
  EXPECT_TRUE(parse_json("[1]", "t", 3));
  const Result<Json> json = parse_json("[1] ", "t", 3);
  ASSERT_FALSE(json);
  EXPECT_EQ(json.error().code, Code::kExhausted);
}

TEST(Json, TakesManyKeysInOneObject) {
  std::string text = "{";
  for (int i = 0; i < 50000; ++i) {
    text += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":\"\"";
  }
  text += "}";
  const Result<Json> json = parse_json(text, "t", kLimit);
  ASSERT_TRUE(json) << json.error().message;
  EXPECT_EQ(json->size(), 50000U);
}

TEST(Json, RefusesToWriteAStringThatIsNotUtf8) {
  EXPECT_FALSE(write_json(Json("\xff")));
}

TEST(Json, ShortensALongKeyInAnError) {
  EXPECT_LT(error_of("{\"" + std::string(100000, 'k') + "\":x}").size(), 200U);
}

}  // namespace
}  // namespace bailiff::oci
