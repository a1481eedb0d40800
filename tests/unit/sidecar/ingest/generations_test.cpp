// SPDX-License-Identifier: Apache-2.0
#include "sidecar/ingest/generations.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <string>

#include "oci/sys/files.h"
#include "tests/harness/expr.h"
#include "tests/harness/scratch_folder.h"

namespace bailiff::sidecar {
namespace {

CompiledPolicy policy_of(const std::string& rule, const std::string& address) {
  CompiledPolicy policy;
  policy.lists = {{.name = "c2", .items = {address}, .includes = {}}};
  Check check;
  check.field = FieldId::kFdSip;
  check.op = Op::kIn;
  check.lists = {0};
  Rule named;
  named.name = rule;
  named.source = "syscall";
  named.condition = Expr{check};
  named.output = "%fd.sip";
  policy.rules = {named};
  return policy;
}

// Whether the rule of policy_of() does.
bool fires(const Generation& generation, const std::string& address) {
  test::FakeEvent event;
  event.with(FieldId::kFdSip, {test::address(address)});
  MatchMemory memory;
  return !generation.matcher()->match(event, memory).empty();
}

class GenerationsTest : public testing::Test {
 protected:
  GenerationsTest() { reopen(); }

  void reopen() {
    Result<std::unique_ptr<Generations>> opened =
        Generations::open(folder_.path());
    ASSERT_TRUE(opened) << opened.error().message;
    generations_ = *std::move(opened);
  }
  GenerationPtr publish(const CompiledPolicy& policy) {
    Result<GenerationPtr> published = generations_->publish(policy);
    EXPECT_TRUE(published) << published.error().message;
    return *published;
  }
  std::string file_of(const Digest& digest) const {
    return folder_.path() + "/policies/" + digest.hex() + ".bin";
  }
  bool has_file(const Digest& digest) const {
    return std::filesystem::exists(file_of(digest));
  }

  ScratchFolder folder_;
  std::unique_ptr<Generations> generations_;
};

TEST_F(GenerationsTest, HasNoneOnANewHost) {
  EXPECT_EQ(generations_->current(), nullptr);
  EXPECT_EQ(generations_->find(1), nullptr);
}

TEST_F(GenerationsTest, FindsTheCurrentOneAfterARestart) {
  const GenerationPtr before = publish(policy_of("r", "192.0.2.1"));
  reopen();
  ASSERT_NE(generations_->current(), nullptr);
  EXPECT_EQ(generations_->current()->digest(), before->digest());
  EXPECT_EQ(generations_->current()->policy().rules[0].name, "r");
  EXPECT_EQ(generations_->find(before->policy_id()), generations_->current());
}

TEST_F(GenerationsTest, FindsAnEarlierOneAfterARestart) {
  const GenerationPtr first = publish(policy_of("one", "192.0.2.1"));
  publish(policy_of("two", "192.0.2.1"));
  reopen();
  EXPECT_EQ(generations_->find(first->policy_id()), nullptr);
  Result<GenerationPtr> found = generations_->find(first->digest().hex());
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ((*found)->policy().rules[0].name, "one");
  EXPECT_EQ(generations_->find(first->policy_id()), *found);
}

TEST_F(GenerationsTest, AnEarlierOneHasTheListsOfTheCurrentOne) {
  const GenerationPtr first = publish(policy_of("one", "192.0.2.1"));
  EXPECT_TRUE(fires(*first, "192.0.2.1"));
  publish(policy_of("two", "192.0.2.2"));
  EXPECT_FALSE(fires(*first, "192.0.2.1"));
  EXPECT_TRUE(fires(*first, "192.0.2.2"));

  reopen();
  const GenerationPtr again = *generations_->find(first->digest().hex());
  EXPECT_TRUE(fires(*again, "192.0.2.2"));
}

TEST_F(GenerationsTest, OneThatIsCurrentAgainGoesOnToHaveTheLists) {
  const GenerationPtr held = publish(policy_of("one", "192.0.2.1"));
  publish(policy_of("one", "192.0.2.2"));
  publish(policy_of("one", "192.0.2.1"));
  EXPECT_TRUE(fires(*held, "192.0.2.1"));
  EXPECT_FALSE(fires(*held, "192.0.2.2"));
  publish(policy_of("one", "192.0.2.3"));
  EXPECT_TRUE(fires(*held, "192.0.2.3"));
  EXPECT_FALSE(fires(*held, "192.0.2.1"));
}

TEST_F(GenerationsTest, GoesBackToAnEarlierOneAndToNone) {
  const GenerationPtr one = publish(policy_of("one", "192.0.2.1"));
  publish(policy_of("two", "192.0.2.1"));
  ASSERT_TRUE(generations_->restore(one));
  EXPECT_EQ(generations_->current()->digest(), one->digest());
  ASSERT_TRUE(generations_->restore(nullptr));
  EXPECT_EQ(generations_->current(), nullptr);
  reopen();
  EXPECT_EQ(generations_->current(), nullptr);
}

TEST_F(GenerationsTest, RemovesThoseNobodyUses) {
  const Digest one = publish(policy_of("one", "192.0.2.1"))->digest();
  const Digest two = publish(policy_of("two", "192.0.2.1"))->digest();
  const Digest three = publish(policy_of("three", "192.0.2.1"))->digest();
  const Digest four = publish(policy_of("four", "192.0.2.1"))->digest();
  EXPECT_EQ(generations_->keep_only({one.hex()}), 0);
  EXPECT_TRUE(has_file(one));
  EXPECT_FALSE(has_file(two));
  EXPECT_TRUE(has_file(three));  // the one before
  EXPECT_TRUE(has_file(four));
  EXPECT_FALSE(generations_->find(two.hex()));
}

TEST_F(GenerationsTest, KeepsThoseAContainerThatStartsMayBeUnder) {
  const Digest one = publish(policy_of("one", "192.0.2.1"))->digest();
  // However long it has been the current one.
  std::filesystem::last_write_time(
      file_of(one),
      std::filesystem::file_time_type::clock::now() - std::chrono::hours(2));
  publish(policy_of("two", "192.0.2.1"));
  publish(policy_of("three", "192.0.2.1"));
  EXPECT_EQ(generations_->keep_only({}, std::chrono::seconds(3600)), 0);
  EXPECT_TRUE(generations_->find(one.hex()));
}

TEST_F(GenerationsTest, RefusesADigestThatIsAPath) {
  Result<GenerationPtr> found = generations_->find("../policy");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Code::kInvalidArgument);
}

TEST_F(GenerationsTest, RefusesAFileUnderAnothersName) {
  const Digest one = publish(policy_of("one", "192.0.2.1"))->digest();
  const std::string other(32, '0');
  std::filesystem::copy(folder_.path() + "/policies/" + one.hex() + ".bin",
                        folder_.path() + "/policies/" + other + ".bin");
  EXPECT_FALSE(generations_->find(other));
}

TEST_F(GenerationsTest, ACurrentOneThatWasCutCountsAsNone) {
  publish(policy_of("one", "192.0.2.1"));
  std::filesystem::resize_file(folder_ / "policy.bin", 30);
  auto again = Generations::open(folder_.path());
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ((*again)->current(), nullptr);
}

}  // namespace
}  // namespace bailiff::sidecar
