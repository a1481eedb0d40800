// SPDX-License-Identifier: Apache-2.0
#include "sidecar/ingest/event_record.h"

#include <gtest/gtest.h>
#include <string.h>

#include <vector>

#include "rules/abi/event.h"

namespace bailiff::sidecar {
namespace {

bailiff_connect_event good() {
  bailiff_connect_event event{};
  event.header.size = sizeof event;
  event.header.kind = BAILIFF_EVENT_CONNECT;
  event.header.verdict = BAILIFF_VERDICT_DENIED;
  event.header.flags = BAILIFF_EVENT_CANDIDATE;
  event.header.time_ns = 11;
  event.header.cgroup_id = 12;
  event.header.policy_id = 13;
  event.header.rule = 14;
  event.header.tgid = 15;
  event.header.tid = 16;
  event.header.uid = 17;
  event.header.gid = 18;
  ::memcpy(event.header.comm, "java", 5);
  event.addr_be[0] = 203;
  event.addr_be[3] = 66;
  event.port = 1389;
  event.family = 4;
  event.l4proto = 6;
  return event;
}

std::vector<std::byte> bytes_of(const bailiff_connect_event& event) {
  std::vector<std::byte> bytes(sizeof event);
  ::memcpy(bytes.data(), &event, sizeof event);
  return bytes;
}

TEST(EventRecord, ReadsEveryFieldOfAConnect) {
  Result<ConnectEvent> event = parse_event(bytes_of(good()));
  ASSERT_TRUE(event) << event.error().message;
  EXPECT_EQ(event->monotonic_ns, 11U);
  EXPECT_EQ(event->cgroup_id, 12U);
  EXPECT_EQ(event->policy_id, 13U);
  EXPECT_EQ(event->rule, 14U);
  EXPECT_EQ(event->tgid, 15U);
  EXPECT_EQ(event->tid, 16U);
  EXPECT_EQ(event->uid, 17U);
  EXPECT_EQ(event->gid, 18U);
  EXPECT_EQ(event->comm, "java");
  EXPECT_EQ(to_string(event->address), "203.0.0.66");
  EXPECT_EQ(event->port, 1389);
  EXPECT_EQ(event->l4proto, 6);
  EXPECT_TRUE(event->denied);
  EXPECT_TRUE(event->candidate);
}

TEST(EventRecord, TellsWhereItWasJudged) {
  bailiff_connect_event event = good();
  EXPECT_EQ(parse_event(bytes_of(event))->judged_at, JudgedAt::kConnect);
  event.hook = BAILIFF_HOOK_SENDMSG;
  EXPECT_EQ(parse_event(bytes_of(event))->judged_at, JudgedAt::kSendmsg);
  event.hook = BAILIFF_HOOK_EGRESS;
  EXPECT_EQ(parse_event(bytes_of(event))->judged_at, JudgedAt::kEgress);
  event.hook = BAILIFF_HOOK_FRAME;
  EXPECT_EQ(parse_event(bytes_of(event))->judged_at, JudgedAt::kFrame);
  event.hook = BAILIFF_HOOK_QUERY;
  EXPECT_EQ(parse_event(bytes_of(event))->judged_at, JudgedAt::kQuery);
  event.hook = BAILIFF_HOOK_BIND;
  EXPECT_EQ(parse_event(bytes_of(event))->judged_at, JudgedAt::kBind);
  event.hook = 99;
  EXPECT_EQ(parse_event(bytes_of(event)).error().message,
            "event record: hook '99'");
}

TEST(EventRecord, OfWhatIsToBeConnectedOrSentThereIsTheSocketsPort) {
  bailiff_connect_event event = good();
  event.header.local_port = 53;
  for (const auto hook : {BAILIFF_HOOK_CONNECT, BAILIFF_HOOK_SENDMSG}) {
    event.hook = hook;
    EXPECT_EQ(parse_event(bytes_of(event))->local_port, 53);
  }
  event.hook = BAILIFF_HOOK_EGRESS;
  EXPECT_EQ(parse_event(bytes_of(event))->local_port, 0);
}

TEST(EventRecord, OfWhatComesInThereIsAnEndAndNoProcess) {
  bailiff_connect_event event = good();
  event.hook = BAILIFF_HOOK_INGRESS;
  event.header.local_port = 8080;
  event.header.local_family = 6;
  ::memset(event.header.local_be, 0, sizeof event.header.local_be);
  event.header.local_be[15] = 1;
  const auto parsed = parse_event(bytes_of(event));
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->judged_at, JudgedAt::kIngress);
  EXPECT_EQ(to_string(parsed->address), "203.0.0.66");
  EXPECT_EQ(to_string(parsed->local), "::1");
  EXPECT_EQ(parsed->local_port, 8080);
  EXPECT_EQ(parsed->comm, "");
  event.header.local_family = 0;
  EXPECT_FALSE(parse_event(bytes_of(event)));
}

TEST(EventRecord, HasTheNumberOfAName) {
  bailiff_connect_event event = good();
  event.name = 7;
  EXPECT_EQ(parse_event(bytes_of(event))->name_hash, 7U);
  EXPECT_EQ(parse_event(bytes_of(event))->name_hashes,
            std::vector<std::uint64_t>{7});
}

TEST(EventRecord, HasTheNumbersOfAllNamesThatOfTheRuleFirst) {
  bailiff_named_event named{.event = good(), .names = {5, 7, 0}};
  named.event.header.size = sizeof named;
  named.event.name = 7;
  std::vector<std::byte> bytes(sizeof named);
  ::memcpy(bytes.data(), &named, sizeof named);
  const auto parsed = parse_event(bytes);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->name_hash, 7U);
  EXPECT_EQ(parsed->name_hashes, (std::vector<std::uint64_t>{7, 5}));
}

TEST(EventRecord, AcceptsARecordFromBeforeThereWereNames) {
  bailiff_connect_event event = good();
  event.header.size = offsetof(bailiff_connect_event, name);
  event.name = 7;
  const auto parsed = parse_event(bytes_of(event));
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->name_hash, 0U);
}

TEST(EventRecord, AcceptsALongerRecordOfALaterVersion) {
  bailiff_connect_event later = good();
  later.header.size = sizeof later + 16;
  std::vector<std::byte> bytes = bytes_of(later);
  bytes.resize(bytes.size() + 16);
  EXPECT_TRUE(parse_event(bytes));
}

TEST(EventRecord, AcceptsANameThatFillsItsField) {
  bailiff_connect_event event = good();
  ::memset(event.header.comm, 'x', sizeof event.header.comm);
  EXPECT_EQ(parse_event(bytes_of(event))->comm, std::string(16, 'x'));
}

TEST(EventRecord, RefusesEveryTruncation) {
  const std::vector<std::byte> whole = bytes_of(good());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(parse_event(std::span(whole).first(size))) << size;
  }
}

TEST(EventRecord, RefusesAConnectThatSaysItIsShorter) {
  bailiff_connect_event event = good();
  event.header.size = sizeof event.header;
  EXPECT_FALSE(parse_event(bytes_of(event)));
}

TEST(EventRecord, RefusesAnotherKindAsUnsupported) {
  bailiff_connect_event event = good();
  event.header.kind = 77;
  Result<ConnectEvent> parsed = parse_event(bytes_of(event));
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, Code::kUnsupported);
}

TEST(EventRecord, RefusesAnotherFamilyAndVerdict) {
  bailiff_connect_event event = good();
  event.family = 5;
  EXPECT_FALSE(parse_event(bytes_of(event)));
  event = good();
  event.header.verdict = 2;
  EXPECT_FALSE(parse_event(bytes_of(event)));
}

}  // namespace
}  // namespace bailiff::sidecar
