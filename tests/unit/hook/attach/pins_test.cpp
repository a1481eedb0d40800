// SPDX-License-Identifier: Apache-2.0
#include "hook/attach/pins.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits.h>

namespace bailiff::hook {
namespace {

using ::testing::StartsWith;

emit::MapRef list_ref(std::string name) {
  emit::MapRef ref;
  ref.kind = emit::MapKind::kList;
  ref.list = std::move(name);
  ref.list_kind = emit::ListKind::kNetwork6;
  return ref;
}

TEST(EncodeName, LeavesPlainNamesAlone) {
  EXPECT_EQ(encode_name("Az-09_"), "Az-09_");
}

TEST(EncodeName, EncodesWhatABpffsRefusesOrWouldMistake) {
  EXPECT_EQ(encode_name("a.b/c%~"), "a%2Eb%2Fc%25%7E");
  EXPECT_EQ(encode_name(".."), "%2E%2E");
}

TEST(EncodeName, DecodesToWhatItWas) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  EXPECT_EQ(decode_name(encode_name(all)), all);
}

TEST(DecodeName, RefusesWhatIsNotEncoded) {
  for (const char* text : {"a.b", "%", "%2", "%2e", "%41", "%ZZ"}) {
    EXPECT_EQ(decode_name(text), std::nullopt) << text;
  }
}

TEST(Pins, NameTheListAndItsKind) {
  EXPECT_EQ(Pins("/b").map(list_ref("c2.hosts")), "/b/lists/c2%2Ehosts~net6");
}

TEST(Pins, KeepLongListNamesApartAndShortEnough) {
  const Pins pins("/b");
  const std::string one = pins.map(list_ref(std::string(300, 'x')));
  const std::string two = pins.map(list_ref(std::string(301, 'x')));
  EXPECT_NE(one, two);
  EXPECT_THAT(one, StartsWith("/b/lists/%%"));
  EXPECT_LE(one.size(), std::string("/b/lists/").size() + NAME_MAX);
}

TEST(Pins, RefuseAContainerIdThatIsEmptyOrTooLong) {
  const Pins pins("/b");
  EXPECT_TRUE(pins.container("c1"));
  EXPECT_FALSE(pins.container(""));
  EXPECT_FALSE(pins.container(std::string(NAME_MAX + 1, 'c')));
  EXPECT_FALSE(pins.container(std::string(NAME_MAX, '.')));
}

}  // namespace
}  // namespace bailiff::hook
