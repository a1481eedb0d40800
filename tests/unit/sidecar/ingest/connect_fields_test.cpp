// SPDX-License-Identifier: Apache-2.0
#include "sidecar/ingest/connect_fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bailiff::sidecar {
namespace {

using testing::ElementsAre;
using Use = ConnectFields::Use;

class ConnectFieldsTest : public testing::Test {
 protected:
  ConnectFieldsTest() {
    event_.comm = "java";
    event_.tgid = 42;
    event_.tid = 43;
    event_.uid = 0;
    event_.gid = 7;
    event_.address = *parse_address("203.0.113.66");
    event_.port = 1389;
    event_.l4proto = 6;
    process_.args = {"/usr/bin/java", "-jar", "shop.jar"};
    process_.exe_path = "/usr/lib/jvm/bin/java";
    process_.cwd = "/srv";
    process_.tty = 34816;
    process_.login_uid = -1;
    process_.ppid = 1;
    process_.parent_comm = "init";
    container_.complete = true;
    container_.values["container.id"] = {std::string("0123456789ab")};
    container_.values["container.privileged"] = {true};
  }

  std::vector<Value> values(FieldId field, Use use) const {
    // 1970-01-01 01:00:00.000000005
    const ConnectFields fields(event_, process_, container_, 3'600'000'000'005,
                               9, use);
    return fields.extract(field, "");
  }
  std::string text(FieldId field, Use use = Use::kOutput) const {
    const std::vector<Value> values = this->values(field, use);
    if (values.empty()) return "null";
    EXPECT_EQ(values.size(), 1U);
    return to_string(values.front());
  }

  ConnectEvent event_;
  ProcessFacts process_;
  Facts container_;
};

TEST_F(ConnectFieldsTest, TellsOfTheEventAsIfItHadSucceeded) {
  EXPECT_EQ(text(FieldId::kEvtType), "connect");
  EXPECT_EQ(text(FieldId::kEvtDir), "<");
  EXPECT_EQ(text(FieldId::kEvtNum), "9");
  EXPECT_EQ(text(FieldId::kEvtTime), "01:00:00.000000005");
  EXPECT_EQ(text(FieldId::kEvtRes), "SUCCESS");
  EXPECT_EQ(text(FieldId::kEvtRawres), "0");
  EXPECT_EQ(text(FieldId::kEvtArgs), "res=0 addr=203.0.113.66:1389");
}

TEST_F(ConnectFieldsTest, AMessageIsOfItsOwnType) {
  event_.judged_at = JudgedAt::kSendmsg;
  event_.type = "sendto";
  EXPECT_EQ(text(FieldId::kEvtType), "sendto");
  EXPECT_EQ(text(FieldId::kEvtArgs), "tuple=0.0.0.0:0->203.0.113.66:1389");
}

TEST_F(ConnectFieldsTest, APacketIsOfNoProcess) {
  process_ = {};
  event_.comm.clear();
  event_.tgid = 0;
  for (const JudgedAt place : {JudgedAt::kEgress, JudgedAt::kFrame}) {
    event_.judged_at = place;
    for (const FieldId field :
         {FieldId::kProcName, FieldId::kProcPid, FieldId::kThreadTid,
          FieldId::kThreadIsmain, FieldId::kProcCmdline, FieldId::kUserUid,
          FieldId::kUserName, FieldId::kGroupGid}) {
      EXPECT_EQ(text(field), "null");
    }
  }
  EXPECT_EQ(text(FieldId::kFdSip), "203.0.113.66");
  EXPECT_EQ(text(FieldId::kContainerId), "0123456789ab");
}

TEST_F(ConnectFieldsTest, AFrameWhoseSenderIsKnownIsOfItsProcess) {
  const std::string name = text(FieldId::kProcName);
  EXPECT_NE(name, "null");
  for (const JudgedAt place : {JudgedAt::kFrame, JudgedAt::kQuery}) {
    event_.judged_at = place;
    EXPECT_EQ(text(FieldId::kProcName), name);
    EXPECT_NE(text(FieldId::kProcPid), "null");
    EXPECT_NE(text(FieldId::kUserUid), "null");
  }
}

TEST_F(ConnectFieldsTest, OfWhatComesInTheSenderIsTheClient) {
  event_.judged_at = JudgedAt::kIngress;
  event_.tgid = 0;
  event_.type = "accept4";
  event_.local = *parse_address("10.0.0.5");
  event_.local_port = 8080;
  event_.port = 40000;
  for (const FieldId field :
       {FieldId::kFdCip, FieldId::kFdCnet, FieldId::kFdRip, FieldId::kFdRnet}) {
    EXPECT_EQ(text(field), "203.0.113.66");
  }
  for (const FieldId field :
       {FieldId::kFdSip, FieldId::kFdSnet, FieldId::kFdLip, FieldId::kFdLnet}) {
    EXPECT_EQ(text(field), "10.0.0.5");
  }
  EXPECT_EQ(text(FieldId::kFdCport), "40000");
  EXPECT_EQ(text(FieldId::kFdRport), "40000");
  EXPECT_EQ(text(FieldId::kFdSport), "8080");
  EXPECT_EQ(text(FieldId::kFdLport), "8080");
  EXPECT_EQ(text(FieldId::kFdName), "203.0.113.66:40000->10.0.0.5:8080");
  EXPECT_EQ(text(FieldId::kFdIsServer), "true");
  EXPECT_EQ(text(FieldId::kFdConnected), "true");
  EXPECT_EQ(text(FieldId::kFdSockfamily), "ip");
  EXPECT_EQ(text(FieldId::kEvtType), "accept4");
  EXPECT_EQ(text(FieldId::kEvtRes), "SUCCESS");
  EXPECT_EQ(text(FieldId::kProcName), "null");
}

TEST_F(ConnectFieldsTest, ADatagramToAPortOfAClientsIsForAClient) {
  event_.judged_at = JudgedAt::kIngress;
  event_.type = "recvfrom";
  event_.l4proto = 17;
  event_.local = *parse_address("10.0.0.5");
  event_.local_port = 53;
  EXPECT_EQ(text(FieldId::kFdCip), "203.0.113.66");
  EXPECT_EQ(text(FieldId::kFdConnected), "false");
  event_.local_port = 40000;
  EXPECT_EQ(text(FieldId::kFdCip), "10.0.0.5");
  EXPECT_EQ(text(FieldId::kFdSip), "203.0.113.66");
}

TEST_F(ConnectFieldsTest, WhatIsBoundHasNoRemoteEnd) {
  event_.judged_at = JudgedAt::kBind;
  event_.type = "bind";
  event_.address = *parse_address("0.0.0.0");
  for (const FieldId field :
       {FieldId::kFdSip, FieldId::kFdLip, FieldId::kFdIp, FieldId::kFdNet}) {
    EXPECT_EQ(text(field), "0.0.0.0");
  }
  for (const FieldId field :
       {FieldId::kFdSport, FieldId::kFdLport, FieldId::kFdPort}) {
    EXPECT_EQ(text(field), "1389");
  }
  for (const FieldId field : {FieldId::kFdCip, FieldId::kFdRip,
                              FieldId::kFdCport, FieldId::kFdRport}) {
    EXPECT_EQ(text(field), "null");
  }
  EXPECT_EQ(text(FieldId::kFdName), "0.0.0.0:1389");
  EXPECT_EQ(text(FieldId::kEvtArgs), "res=0 addr=0.0.0.0:1389");
  EXPECT_EQ(text(FieldId::kProcName), "java");
}

TEST_F(ConnectFieldsTest, TheLocalPortIsTheSocketsOrOneThatLinuxGives) {
  for (const JudgedAt place : {JudgedAt::kConnect, JudgedAt::kSendmsg}) {
    event_.judged_at = place;
    event_.local_port = 0;
    for (const FieldId field : {FieldId::kFdLport, FieldId::kFdCport}) {
      EXPECT_EQ(text(field, Use::kCondition), "32768");
      EXPECT_EQ(text(field), "null");
    }
    EXPECT_THAT(
        values(FieldId::kFdPort, Use::kCondition),
        ElementsAre(Value(std::int64_t{32768}), Value(std::int64_t{1389})));
    EXPECT_EQ(text(FieldId::kFdPort), "1389");
    event_.local_port = 53;
    for (const Use use : {Use::kCondition, Use::kOutput}) {
      EXPECT_EQ(text(FieldId::kFdLport, use), "53");
      EXPECT_EQ(text(FieldId::kFdCport, use), "53");
      EXPECT_THAT(
          values(FieldId::kFdPort, use),
          ElementsAre(Value(std::int64_t{53}), Value(std::int64_t{1389})));
    }
    EXPECT_EQ(text(FieldId::kFdName), "0.0.0.0:53->203.0.113.66:1389");
    EXPECT_EQ(text(FieldId::kFdLip), "null");
  }
  // A packet does not say whose it is, and a record of it not where from.
  event_.judged_at = JudgedAt::kEgress;
  EXPECT_EQ(text(FieldId::kFdLport, Use::kCondition), "53");
  event_.local_port = 0;
  EXPECT_EQ(text(FieldId::kFdLport, Use::kCondition), "null");
}

TEST_F(ConnectFieldsTest, ASocketThatWasMadeOutsideHasBothEnds) {
  event_.judged_at = JudgedAt::kForeign;
  event_.local = *parse_address("203.0.113.10");
  event_.local_port = 40000;
  EXPECT_EQ(text(FieldId::kFdName), "203.0.113.10:40000->203.0.113.66:1389");
  EXPECT_EQ(text(FieldId::kFdSip), "203.0.113.66");
  EXPECT_EQ(text(FieldId::kFdCip), "203.0.113.10");
  EXPECT_EQ(text(FieldId::kFdLport), "40000");
  EXPECT_EQ(text(FieldId::kFdIsServer), "false");
  EXPECT_EQ(text(FieldId::kFdConnected), "true");
  EXPECT_EQ(text(FieldId::kProcName), "java");
  event_.accepted = true;
  event_.type = "accept4";
  EXPECT_EQ(text(FieldId::kFdCip), "203.0.113.66");
  EXPECT_EQ(text(FieldId::kFdSip), "203.0.113.10");
  EXPECT_EQ(text(FieldId::kFdIsServer), "true");
  // Of one that was not bound, nobody knows.
  event_.local_port = 0;
  EXPECT_EQ(text(FieldId::kFdLip), "null");
}

TEST_F(ConnectFieldsTest, TheNameOfTheHostIsTheListedOneThatWasAskedFor) {
  EXPECT_EQ(text(FieldId::kFdSipName), "null");
  event_.judged_at = JudgedAt::kQuery;
  event_.tgid = 0;
  event_.name = "evil.example";
  event_.names = {"evil.example"};
  EXPECT_EQ(text(FieldId::kFdSipName), "evil.example");
  EXPECT_EQ(text(FieldId::kFdRipName), "evil.example");
  EXPECT_EQ(text(FieldId::kProcName), "null");
}

TEST_F(ConnectFieldsTest, TellsADescriptorToConditionsOnly) {
  EXPECT_EQ(text(FieldId::kFdNum, Use::kCondition), "0");
  EXPECT_EQ(text(FieldId::kFdNum, Use::kOutput), "null");
}

TEST_F(ConnectFieldsTest, TellsOfBothFamilies) {
  EXPECT_EQ(text(FieldId::kFdType), "ipv4");
  EXPECT_EQ(text(FieldId::kFdTypechar), "4");
  EXPECT_EQ(text(FieldId::kFdName), "0.0.0.0:0->203.0.113.66:1389");
  event_.address = *parse_address("2001:db8::1");
  EXPECT_EQ(text(FieldId::kFdType), "ipv6");
  EXPECT_EQ(text(FieldId::kFdTypechar), "6");
  EXPECT_EQ(text(FieldId::kFdName), ":::0->2001:db8::1:1389");
}

TEST_F(ConnectFieldsTest, TheServerIsTheRemoteEnd) {
  for (const FieldId field :
       {FieldId::kFdSip, FieldId::kFdRip, FieldId::kFdSnet, FieldId::kFdRnet}) {
    EXPECT_EQ(text(field), "203.0.113.66");
  }
  EXPECT_EQ(text(FieldId::kFdSport), "1389");
  EXPECT_EQ(text(FieldId::kFdRport), "1389");
}

TEST_F(ConnectFieldsTest, NamesProtocols) {
  const struct {
    std::uint8_t number;
    const char* name;
  } rows[] = {{6, "tcp"}, {17, "udp"}, {1, "icmp"}, {58, "icmp"}, {255, "raw"}};
  for (const auto& row : rows) {
    event_.l4proto = row.number;
    EXPECT_EQ(text(FieldId::kFdL4proto), row.name);
  }
}

TEST_F(ConnectFieldsTest, TellsOfTheProcess) {
  EXPECT_EQ(text(FieldId::kProcName), "java");
  EXPECT_EQ(text(FieldId::kProcPid), "42");
  EXPECT_EQ(text(FieldId::kThreadTid), "43");
  EXPECT_EQ(text(FieldId::kThreadIsmain), "false");
  EXPECT_EQ(text(FieldId::kProcExe), "/usr/bin/java");
  EXPECT_EQ(text(FieldId::kProcArgs), "-jar shop.jar");
  EXPECT_EQ(text(FieldId::kProcCmdline), "java -jar shop.jar");
  EXPECT_EQ(text(FieldId::kProcExepath), "/usr/lib/jvm/bin/java");
  EXPECT_EQ(text(FieldId::kProcCwd), "/srv");
  EXPECT_EQ(text(FieldId::kProcTty), "34816");
  EXPECT_EQ(text(FieldId::kProcPname), "init");
  EXPECT_EQ(text(FieldId::kProcPpid), "1");
  EXPECT_EQ(text(FieldId::kUserUid), "0");
  EXPECT_EQ(text(FieldId::kUserName), "root");
  EXPECT_EQ(text(FieldId::kUserLoginuid), "-1");
  EXPECT_EQ(text(FieldId::kGroupGid), "7");
}

TEST_F(ConnectFieldsTest, KeepsWhatTheKernelToldOfAProcessThatIsGone) {
  process_ = {};
  EXPECT_EQ(text(FieldId::kProcName), "java");
  EXPECT_EQ(text(FieldId::kProcPid), "42");
  for (const FieldId field :
       {FieldId::kProcExe, FieldId::kProcArgs, FieldId::kProcCmdline,
        FieldId::kProcExepath, FieldId::kProcCwd, FieldId::kProcTty,
        FieldId::kProcPname, FieldId::kProcPpid, FieldId::kUserLoginuid}) {
    EXPECT_EQ(text(field), "null");
  }
}

TEST_F(ConnectFieldsTest, AUserTheHostDoesNotKnowIsNotNull) {
  event_.uid = 3'999'999'999;
  EXPECT_EQ(text(FieldId::kUserName), "<NA>");
}

TEST_F(ConnectFieldsTest, TellsOfTheContainerWhatItsRecordKnows) {
  EXPECT_EQ(text(FieldId::kContainerId), "0123456789ab");
  EXPECT_EQ(text(FieldId::kContainerPrivileged), "true");
  EXPECT_EQ(text(FieldId::kContainerInfo), "");
  EXPECT_EQ(text(FieldId::kContainerImageRepository), "null");
  EXPECT_EQ(text(FieldId::kK8sPodName), "null");
}

// Every field the table says the sidecar can tell is told here, one that it
// says it cannot is not: with everything known, all but the constants of the
// container that this record lacks, and fd.num in outputs.  A field of either
// end has the remote one, though nobody can tell all of it; and the local port
// is told as far as it is known.
TEST_F(ConnectFieldsTest, FollowsTheTableOfFields) {
  event_.name = "evil.example";
  event_.names = {"evil.example"};
  for (const Field& field : all_fields()) {
    const bool told = !values(field.id, Use::kCondition).empty();
    if ((field.from & kFromContainer) != 0) continue;
    const bool some =
        field.id == FieldId::kFdIp || field.id == FieldId::kFdNet ||
        field.id == FieldId::kFdPort || field.id == FieldId::kFdLport ||
        field.id == FieldId::kFdCport;
    EXPECT_EQ(told, some || (field.from & kFromSidecarConnect) != 0)
        << field.name;
  }
}

}  // namespace
}  // namespace bailiff::sidecar
