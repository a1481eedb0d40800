// SPDX-License-Identifier: Apache-2.0
#include "sidecar/ingest/observed_fields.h"

#include <errno.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <string>

#include "rules/fields/event_type.h"
#include "rules/lower/observed.h"
#include "sidecar/ingest/call_parameters.h"
#include "tests/harness/observed_records.h"

namespace bailiff::sidecar {
namespace {

using testing::ElementsAre;

constexpr std::uint32_t kPid = 4'100'001;

class ObservedFieldsTest : public testing::Test {
 protected:
  ObservedFieldsTest() {
    container_.values["container.id"] = {std::string("0123456789ab")};
    container_.complete = true;
    container_.values["container.mount.source"] = {std::string("/etc"),
                                                   std::string("/proc/x")};
    container_.values["container.mount.dest"] = {std::string("/host/etc"),
                                                 std::string("/x")};
    auto init = test::exec_record(4'100'000, {"/sbin/httpd", "-f", "x.conf"});
    init.fixed().program = {.inode = 5, .changed_ns = 1, .modified_ns = 2};
    init.part(BAILIFF_PART_EXECUTABLE, test::texts({"httpd", "sbin"}));
    table_.take(*parse_observed(init.build()));
    auto exec = test::exec_record(kPid, {"/bin/ls", "-l", "/"});
    exec.fixed().program = {
        .inode = 9,
        .changed_ns = 1000,
        .modified_ns = 2000,
        .flags = BAILIFF_PROGRAM_UPPER | BAILIFF_PROGRAM_WRITABLE};
    exec.fixed().common.process.effective = 0x3;
    exec.part(BAILIFF_PART_EXECUTABLE, test::texts({"busybox", "bin"}))
        .part(BAILIFF_PART_DIRECTORY, test::texts({"srv"}))
        .part(BAILIFF_PART_ENVIRONMENT, test::texts({"HOME=/root", "A=b"}))
        .part(BAILIFF_PART_PATH, test::texts({"/bin/ls"}))
        .ancestors({{4'100'000, "httpd"}, {4'100'005, "runc"}});
    exec.common_part().process.sid = 4'100'000;
    observe(exec.build());
  }

  void observe(const test::Record& record) {
    Result<ObservedEvent> event = parse_observed(record);
    ASSERT_TRUE(event) << event.error().message;
    observed_.event = *std::move(event);
    observed_.lineage = table_.take(observed_.event);
    observed_.descriptor = describe_descriptor(observed_.event);
    observed_.clocks = {.realtime_ns = 3'600'000'000'000, .boottime_ns = 5};
    observed_.number = 9;
    observed_.container_start_ns = 77;
    observed_.client_names = {"good.example"};
  }

  void observe_open() {
    auto record = test::call_record(kPid, BAILIFF_CALL_OPENAT);
    record.fixed().result = 4;
    record.comm("ls");
    record.fixed().arguments[0] = static_cast<std::uint64_t>(AT_FDCWD);
    record.fixed().arguments[2] = O_RDWR | O_CREAT | O_TRUNC;
    record.fixed().arguments[3] = 0755;
    record.fixed().descriptor = {
        .number = 4, .mode = S_IFREG | 0755, .inode = 3, .created = 1};
    record.part(BAILIFF_PART_PATH, test::texts({"../etc/./shadow"}))
        .part(BAILIFF_PART_BASE, test::texts({"tmp"}));
    observe(record.build());
  }

  void observe_datagram() {
    auto record = test::call_record(kPid, BAILIFF_CALL_SENDTO);
    record.fixed().result = 4;
    record.fixed().descriptor = {.number = 3,
                                 .mode = S_IFSOCK,
                                 .family = AF_INET,
                                 .protocol = IPPROTO_UDP,
                                 .state = 7,
                                 .local_port = 40000,
                                 .address_family = AF_INET,
                                 .address_be = {192, 0, 2, 9},
                                 .address_port = 53};
    record.part(BAILIFF_PART_DATA, "abcd");
    observe(record.build());
  }

  void observe_connection() {
    auto record = test::call_record(kPid, BAILIFF_CALL_CONNECT);
    bailiff_descriptor& fd = record.fixed().descriptor;
    fd = {.number = 3,
          .mode = S_IFSOCK,
          .inode = 8,
          .family = AF_INET,
          .protocol = IPPROTO_TCP,
          .state = 1,
          .local_port = 40000,
          .remote_port = 443,
          .local_be = {10, 0, 0, 2},
          .remote_be = {192, 0, 2, 9}};
    observe(record.build());
  }

  std::vector<Value> values(FieldId field,
                            std::string_view argument = "") const {
    return ObservedFields(observed_, container_).extract(field, argument);
  }
  std::string text(FieldId field, std::string_view argument = "") const {
    const std::vector<Value> all = values(field, argument);
    if (all.empty()) return "null";
    EXPECT_EQ(all.size(), 1U);
    return to_string(all.front());
  }

  ProcessTable table_;
  Observed observed_;
  Facts container_;
};

TEST_F(ObservedFieldsTest, TellsOfANewProgram) {
  EXPECT_EQ(text(FieldId::kEvtType), "execve");
  EXPECT_EQ(text(FieldId::kEvtRes), "SUCCESS");
  EXPECT_EQ(text(FieldId::kEvtRawres), "0");
  EXPECT_EQ(text(FieldId::kEvtFailed), "false");
  EXPECT_EQ(text(FieldId::kEvtTime), "01:00:05.000000000");
  EXPECT_EQ(text(FieldId::kProcName), "ls");
  EXPECT_EQ(text(FieldId::kProcExe), "/bin/ls");
  EXPECT_EQ(text(FieldId::kProcExepath), "/bin/busybox");
  EXPECT_EQ(text(FieldId::kProcArgs), "-l /");
  EXPECT_EQ(text(FieldId::kProcArgs, "1"), "/");
  EXPECT_EQ(text(FieldId::kProcArgs, "2"), "null");
  EXPECT_EQ(text(FieldId::kProcCmdline), "ls -l /");
  EXPECT_EQ(text(FieldId::kProcCwd), "/srv/");
  EXPECT_EQ(text(FieldId::kProcIsExeWritable), "true");
  EXPECT_EQ(text(FieldId::kProcIsExeUpperLayer), "true");
  EXPECT_EQ(text(FieldId::kEvtArg, "flags"), "EXE_WRITABLE|EXE_UPPER_LAYER");
  EXPECT_EQ(text(FieldId::kProcIsExeFromMemfd), "false");
  EXPECT_EQ(text(FieldId::kThreadCapEffective), "CAP_CHOWN CAP_DAC_OVERRIDE");
  EXPECT_EQ(text(FieldId::kProcEnv), "HOME=/root A=b");
  EXPECT_EQ(text(FieldId::kProcEnv, "HOME"), "/root");
  EXPECT_EQ(text(FieldId::kProcEnv, "HOM"), "null");
  EXPECT_EQ(text(FieldId::kUserLoginuid), "-1");
  EXPECT_EQ(text(FieldId::kEvtArg, "filename"), "/bin/ls");
  EXPECT_EQ(text(FieldId::kEvtArg, "res"), "0");
  EXPECT_EQ(text(FieldId::kFdName), "null");
}

TEST_F(ObservedFieldsTest, TellsOfThoseAboveTheProcess) {
  EXPECT_EQ(text(FieldId::kProcPname), "httpd");
  EXPECT_EQ(text(FieldId::kProcPcmdline), "httpd -f x.conf");
  EXPECT_EQ(text(FieldId::kProcPexe), "/sbin/httpd");
  EXPECT_EQ(text(FieldId::kProcAname, "0"), "ls");
  EXPECT_EQ(text(FieldId::kProcAname, "1"), "httpd");
  EXPECT_EQ(text(FieldId::kProcAname, "2"), "runc");
  EXPECT_EQ(text(FieldId::kProcAname, "3"), "null");
  EXPECT_EQ(text(FieldId::kProcAexe, "1"), "/sbin/httpd");
  EXPECT_EQ(text(FieldId::kProcSname), "httpd");
  EXPECT_THAT(values(FieldId::kProcAname),
              ElementsAre(Value("httpd"), Value("runc")));
}

TEST_F(ObservedFieldsTest, TellsOfAnOpenedFile) {
  observe_open();
  EXPECT_EQ(text(FieldId::kFdName), "/etc/shadow");
  EXPECT_EQ(text(FieldId::kFdNameraw), "../etc/./shadow");
  EXPECT_EQ(text(FieldId::kFdDirectory), "/etc");
  EXPECT_EQ(text(FieldId::kFdFilename), "shadow");
  EXPECT_EQ(text(FieldId::kFdNum), "4");
  EXPECT_EQ(text(FieldId::kFdTypechar), "f");
  EXPECT_EQ(text(FieldId::kEvtIsOpenRead), "true");
  EXPECT_EQ(text(FieldId::kEvtIsOpenWrite), "true");
  EXPECT_EQ(text(FieldId::kEvtIsOpenExec), "true");
  EXPECT_EQ(text(FieldId::kEvtIsOpenCreate), "true");
  EXPECT_EQ(text(FieldId::kEvtArg, "flags"),
            "O_TRUNC|O_CREAT|O_RDWR|O_F_CREATED");
  EXPECT_EQ(text(FieldId::kEvtArg, "name"), "/etc/shadow");
  EXPECT_EQ(text(FieldId::kEvtArg, "2"), "/etc/shadow");
  EXPECT_EQ(text(FieldId::kEvtArg, "dirfd"), "AT_FDCWD");
  // The process is the one that was told of before.
  EXPECT_EQ(text(FieldId::kProcCmdline), "ls -l /");
}

TEST_F(ObservedFieldsTest, AFailedOpenHasItsPathAndNoDescriptor) {
  auto record = test::call_record(kPid, BAILIFF_CALL_OPEN);
  record.fixed().result = -EACCES;
  record.part(BAILIFF_PART_PATH, test::texts({"/etc/shadow"}));
  observe(record.build());
  EXPECT_EQ(text(FieldId::kFdName), "/etc/shadow");
  EXPECT_EQ(text(FieldId::kFdNum), "-1");
  EXPECT_EQ(text(FieldId::kEvtRes), "EACCES");
  EXPECT_EQ(text(FieldId::kEvtRawres), "-13");
  EXPECT_EQ(text(FieldId::kEvtArg, "fd"), "EACCES");
}

TEST_F(ObservedFieldsTest, TellsBothEndsOfAConnection) {
  observe_connection();
  EXPECT_EQ(text(FieldId::kFdName), "10.0.0.2:40000->192.0.2.9:443");
  EXPECT_EQ(text(FieldId::kFdSip), "192.0.2.9");
  EXPECT_EQ(text(FieldId::kFdCip), "10.0.0.2");
  EXPECT_EQ(text(FieldId::kFdLport), "40000");
  EXPECT_EQ(text(FieldId::kFdRport), "443");
  EXPECT_EQ(text(FieldId::kFdTypechar), "4");
  EXPECT_EQ(text(FieldId::kFdL4proto), "tcp");
  EXPECT_EQ(text(FieldId::kFdConnected), "true");
  EXPECT_EQ(text(FieldId::kFdSockfamily), "ip");
  EXPECT_THAT(values(FieldId::kFdPort), ElementsAre(Value(std::int64_t{40000}),
                                                    Value(std::int64_t{443})));
}

TEST_F(ObservedFieldsTest, WhoAcceptsIsTheServer) {
  auto record = test::call_record(kPid, BAILIFF_CALL_ACCEPT4);
  record.fixed().result = 5;
  record.fixed().descriptor = {
      .number = 5,
      .mode = S_IFSOCK,
      .family = AF_INET6,
      .protocol = IPPROTO_TCP,
      .state = 1,
      .local_port = 80,
      .remote_port = 50000,
      .local_be = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 2},
      .remote_be = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 9}};
  observe(record.build());
  EXPECT_EQ(text(FieldId::kFdName), "192.0.2.9:50000->10.0.0.2:80");
  EXPECT_EQ(text(FieldId::kFdIsServer), "true");
  EXPECT_EQ(text(FieldId::kFdSip), "10.0.0.2");
  EXPECT_EQ(text(FieldId::kFdTypechar), "4");
}

TEST_F(ObservedFieldsTest, ADatagramGoesToTheAddressThatIsWithIt) {
  observe_datagram();
  EXPECT_EQ(text(FieldId::kFdSip), "192.0.2.9");
  EXPECT_EQ(text(FieldId::kFdSport), "53");
  // 0.0.0.0 is nobody's address.
  EXPECT_EQ(text(FieldId::kFdIp), "192.0.2.9");
  EXPECT_EQ(text(FieldId::kFdConnected), "false");
  EXPECT_EQ(text(FieldId::kFdL4proto), "udp");
  EXPECT_EQ(text(FieldId::kEvtBuffer), "abcd");
}

TEST_F(ObservedFieldsTest, AConnectThatWasRefusedHasNoOtherEnd) {
  auto record = test::call_record(kPid, BAILIFF_CALL_CONNECT);
  record.fixed().result = -ECONNREFUSED;
  record.fixed().descriptor = {.number = 3,
                               .mode = S_IFSOCK,
                               .family = AF_INET,
                               .protocol = IPPROTO_TCP,
                               .address_family = AF_INET,
                               .address_be = {192, 0, 2, 9},
                               .address_port = 443};
  observe(record.build());
  EXPECT_EQ(text(FieldId::kFdSip), "null");
  EXPECT_EQ(text(FieldId::kEvtRes), "ECONNREFUSED");
}

TEST_F(ObservedFieldsTest, TellsWhatAMountBringsIn) {
  EXPECT_EQ(text(FieldId::kContainerMountDest, "/etc"), "/host/etc");
  EXPECT_EQ(text(FieldId::kContainerMountDest, "/proc*"), "/x");
  EXPECT_EQ(text(FieldId::kContainerMountDest, "1"), "/x");
  EXPECT_EQ(text(FieldId::kContainerMountDest, "/home"), "N/A");
  EXPECT_EQ(text(FieldId::kContainerStartTs), "77");
  const std::uint64_t now =
      observed_.event.monotonic_ns +
      static_cast<std::uint64_t>(observed_.clocks.realtime_ns);
  EXPECT_EQ(text(FieldId::kContainerDuration), std::to_string(now - 77));
}

// What the table of fields says is observed is told of some event, and what it
// says is not, of none.
TEST_F(ObservedFieldsTest, FollowsTheTableOfFields) {
  std::vector<bool> told(all_fields().size());
  const auto collect = [&] {
    for (const Field& field : all_fields()) {
      for (const char* argument : {"", "0", "1", "res"}) {
        if (!values(field.id, argument).empty()) {
          told[static_cast<std::size_t>(field.id)] = true;
        }
      }
    }
  };
  collect();
  observe_open();
  collect();
  observe_connection();
  collect();
  observe_datagram();
  collect();
  for (const Field& field : all_fields()) {
    if (field.cls == FieldClass::kContainer) continue;
    EXPECT_EQ(told[static_cast<std::size_t>(field.id)],
              (field.from & kFromObserved) != 0)
        << field.name;
  }
}

// Of each call: a parameter is told, or lowering knows that it is not.
TEST_F(ObservedFieldsTest, TellsEachParameterThatLoweringPromises) {
  for (int i = 0; i < BAILIFF_CALL_COUNT; ++i) {
    const auto call = static_cast<bailiff_call>(i);
    auto record = test::call_record(kPid, call);
    record.fixed().descriptor = {.number = 3,
                                 .mode = S_IFSOCK,
                                 .family = AF_INET,
                                 .remote_port = 80,
                                 .remote_be = {192, 0, 2, 9}};
    for (const std::uint16_t part : {BAILIFF_PART_PATH, BAILIFF_PART_PATH2,
                                     BAILIFF_PART_TEXT, BAILIFF_PART_DATA}) {
      record.part(part, test::texts({"x"}));
    }
    observe(record.build());
    const std::string type(event_type_of(call));
    const CallParameters parameters(observed_.event, *observed_.lineage.self,
                                    observed_.descriptor);
    for (const EventParameter& each :
         all_event_types()[*find_event_type(type)].parameters) {
      EXPECT_EQ(parameters.find(each.name).has_value(),
                is_told(call, each.name))
          << type << "." << each.name;
    }
  }
}

}  // namespace
}  // namespace bailiff::sidecar
