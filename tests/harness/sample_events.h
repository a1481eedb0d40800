// SPDX-License-Identifier: Apache-2.0
// tests/harness/sample_events.h
// Events of a shell in a container, with every field an agent that watches
// system calls would give.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/eval/evaluate.h"

namespace bailiff::test {

// An event that has the views of its values at hand.
class SampleEvent final : public FieldSource {
 public:
  std::string name;  // what happened

  SampleEvent() : entries_(all_fields().size()), single_(all_fields().size()) {}
  SampleEvent(SampleEvent&&) = default;
  SampleEvent& operator=(SampleEvent&&) = default;

  SampleEvent& with(FieldId field, const std::vector<Value>& values) {
    return with(field, "", values);
  }
  SampleEvent& with(FieldId field, const std::string& argument,
                    const std::vector<Value>& values) {
    std::vector<ValueView> views;
    for (const Value& value : values) {
      views.push_back(view_of(values_.emplace_back(value)));
    }
    const auto index = static_cast<std::size_t>(field);
    if (argument.empty()) {
      single_[index] = views.size() == 1 ? views.front() : Null{};
    }
    std::erase_if(entries_[index], [&](const Entry& entry) {
      return entry.argument == argument;
    });
    entries_[index].push_back({argument, std::move(views)});
    return *this;
  }
  // The process itself and its ancestors, for FIELD[0], FIELD[1], …; FIELD is
  // what its ancestors have.
  SampleEvent& with_line(FieldId field, const std::vector<std::string>& line) {
    std::vector<Value> ancestors;
    for (std::size_t i = 0; i < line.size(); ++i) {
      with(field, std::to_string(i), {line[i]});
      if (i > 0) ancestors.emplace_back(line[i]);
    }
    return with(field, ancestors);
  }

  std::vector<Value> extract(FieldId field,
                             std::string_view argument) const override {
    return owned(*this, field, argument);
  }
  void view(FieldId field, std::string_view argument,
            Views& views) const override {
    const ValueView& single = single_[static_cast<std::size_t>(field)];
    if (argument.empty() && !std::holds_alternative<Null>(single)) {
      views.add(single);
    } else {
      view_others(field, argument, views);
    }
  }

 private:
  struct Entry {
    std::string argument;
    std::vector<ValueView> views;
  };

  // Not where it is called: most fields have one value.
  [[gnu::noinline]] void view_others(FieldId field, std::string_view argument,
                                     Views& views) const {
    for (const Entry& entry : entries_[static_cast<std::size_t>(field)]) {
      if (entry.argument != argument) continue;
      for (const ValueView& view : entry.views) views.add(view);
    }
  }

  std::deque<Value> values_;                 // their places do not change
  std::vector<std::vector<Entry>> entries_;  // by field
  // By field, what it has without an argument, when that is one value.
  std::vector<ValueView> single_;
};

namespace sample {

inline std::string without_first_word(const std::string& line) {
  return line.substr(std::min(line.find(' '), line.size() - 1) + 1);
}

// What every event of the process `line[0]` has; the others are its ancestors.
inline SampleEvent of_process(const std::string& type,
                              const std::vector<std::string>& names,
                              const std::vector<std::string>& paths,
                              const std::vector<std::string>& command_lines) {
  using enum FieldId;
  SampleEvent event;
  event.with(kEvtNum, {std::int64_t{48211}})
      .with(kEvtTime, {"16:00:00.020000000"})
      .with(kEvtType, {type})
      .with(kSyscallType, {type})
      .with(kEvtDir, {"<"})
      .with(kEvtRes, {"SUCCESS"})
      .with(kEvtRawres, {std::int64_t{0}})
      .with(kEvtFailed, {false})
      .with(kEvtIsOpenRead, {false})
      .with(kEvtIsOpenWrite, {false})
      .with(kEvtIsOpenExec, {false});
  event.with_line(kProcAname, names)
      .with_line(kProcAexepath, paths)
      .with_line(kProcAexe, paths)
      .with_line(kProcAcmdline, command_lines);
  event.with(kProcName, {names[0]})
      .with(kProcPname, {names[1]})
      .with(kProcExe, {paths[0]})
      .with(kProcExepath, {paths[0]})
      .with(kProcPexe, {paths[1]})
      .with(kProcPexepath, {paths[1]})
      .with(kProcCmdline, {command_lines[0]})
      .with(kProcPcmdline, {command_lines[1]})
      .with(kProcArgs, {without_first_word(command_lines[0])})
      .with(kProcEnv,
            {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:"
             "/bin HOSTNAME=3ad7b26ded6d TERM=xterm HOME=/root SHLVL=1"})
      .with(kProcCwd, {"/root/"})
      .with(kProcPid, {std::int64_t{20113}})
      .with(kProcPpid, {std::int64_t{20090}})
      .with(kProcVpid, {std::int64_t{14}})
      .with(kProcTty, {std::int64_t{34816}})
      .with(kProcDuration, {std::int64_t{1250000}})
      .with(kProcSname, {"bash"})
      .with(kProcIsExeUpperLayer, {false})
      .with(kProcIsExeFromMemfd, {false})
      .with(kProcIsVpgidLeader, {true})
      .with(kThreadTid, {std::int64_t{20113}})
      .with(kThreadCapEffective,
            {"CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_FSETID CAP_KILL "
             "CAP_SETGID CAP_SETUID CAP_SETPCAP CAP_NET_BIND_SERVICE "
             "CAP_NET_RAW CAP_SYS_CHROOT CAP_MKNOD CAP_AUDIT_WRITE "
             "CAP_SETFCAP"})
      .with(kThreadCapPermitted,
            {"CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_FSETID CAP_KILL "
             "CAP_SETGID CAP_SETUID CAP_SETPCAP CAP_NET_BIND_SERVICE "
             "CAP_NET_RAW CAP_SYS_CHROOT CAP_MKNOD CAP_AUDIT_WRITE "
             "CAP_SETFCAP"})
      .with(kUserName, {"root"})
      .with(kUserUid, {std::int64_t{0}})
      .with(kUserLoginuid, {std::int64_t{-1}})
      .with(kUserLoginname, {"<NA>"})
      .with(kGroupName, {"root"})
      .with(kGroupGid, {std::int64_t{0}});
  event.with(kContainerId, {"3ad7b26ded6d"})
      .with(kContainerName, {"shop"})
      .with(kContainerImage, {"docker.io/library/nginx:1.25"})
      .with(kContainerImageRepository, {"docker.io/library/nginx"})
      .with(kContainerImageTag, {"1.25"})
      .with(kContainerPrivileged, {false})
      .with(kK8sNsName, {"web"})
      .with(kK8sPodName, {"shop-6d4cf56db6-x2x7r"});
  return event;
}

inline SampleEvent of_shell(const std::string& type) {
  return of_process(
      type, {"bash", "containerd-shim", "systemd"},
      {"/usr/bin/bash", "/usr/bin/containerd-shim-runc-v2",
       "/usr/lib/systemd/systemd"},
      {"bash", "containerd-shim -namespace k8s.io -id 3ad7b26ded6d",
       "systemd --system"});
}

inline SampleEvent execve() {
  using enum FieldId;
  SampleEvent event = of_process(
      "execve", {"ls", "bash", "containerd-shim", "systemd"},
      {"/usr/bin/ls", "/usr/bin/bash", "/usr/bin/containerd-shim-runc-v2",
       "/usr/lib/systemd/systemd"},
      {"ls -la /tmp", "bash",
       "containerd-shim -namespace k8s.io -id 3ad7b26ded6d",
       "systemd --system"});
  event.name = "execve of ls -la /tmp";
  event.with(kEvtArg, "exe", {"ls"})
      .with(kEvtArg, "filename", {"/usr/bin/ls"})
      .with(kEvtArg, "flags", {"EXE_LOWER_LAYER"})
      .with(kEvtArg, "uid", {"0"})
      .with(kEvtArgs, {"res=0 exe=ls args=-la./tmp. tid=20113(ls)"});
  return event;
}

inline SampleEvent openat(const std::string& path, bool write) {
  using enum FieldId;
  SampleEvent event = of_shell("openat");
  event.name = "openat of " + path + (write ? ", write" : ", read");
  const std::size_t slash = path.rfind('/');
  const std::string flags = write ? "O_TRUNC|O_CREAT|O_WRONLY|FD_UPPER_LAYER"
                                  : "O_RDONLY|FD_LOWER_LAYER";
  event.with(write ? kEvtIsOpenWrite : kEvtIsOpenRead, {true})
      .with(kEvtRawres, {std::int64_t{3}})
      .with(kEvtArg, "name", {path})
      .with(kEvtArg, "flags", {flags})
      .with(kEvtArg, "mode", {write ? "0666" : "0"})
      .with(kFdNum, {std::int64_t{3}})
      .with(kFdType, {"file"})
      .with(kFdTypechar, {"f"})
      .with(kFdName, {path})
      .with(kFdNameraw, {path})
      .with(kFdDirectory, {slash == 0 ? "/" : path.substr(0, slash)})
      .with(kFdFilename, {path.substr(slash + 1)})
      .with(kFdL4proto, {"<NA>"});
  return event;
}

// IPv4, this process being the client.
inline SampleEvent of_socket(const std::string& type,
                             const std::string& l4proto,
                             const std::string& local, std::int64_t local_port,
                             const std::string& remote,
                             std::int64_t remote_port) {
  using enum FieldId;
  SampleEvent event = of_process(
      type, {"curl", "bash", "containerd-shim", "systemd"},
      {"/usr/bin/curl", "/usr/bin/bash", "/usr/bin/containerd-shim-runc-v2",
       "/usr/lib/systemd/systemd"},
      {"curl -s https://example.com/", "bash",
       "containerd-shim -namespace k8s.io -id 3ad7b26ded6d",
       "systemd --system"});
  const Value from = *parse_address(local);
  const Value to = *parse_address(remote);
  const std::string tuple = local + ":" + std::to_string(local_port) + "->" +
                            remote + ":" + std::to_string(remote_port);
  event.name = type + ", " + l4proto + " " + tuple;
  event.with(kFdNum, {std::int64_t{5}})
      .with(kFdType, {"ipv4"})
      .with(kFdTypechar, {"4"})
      .with(kFdName, {tuple})
      .with(kFdNameChanged, {true})
      .with(kFdConnected, {type == "connect"})
      .with(kFdIsServer, {false})
      .with(kFdL4proto, {l4proto})
      .with(kFdSockfamily, {"ip"})
      .with(kFdIp, {from, to})
      .with(kFdNet, {from, to})
      .with(kFdPort, {local_port, remote_port})
      .with(kFdCip, {from})
      .with(kFdCnet, {from})
      .with(kFdLip, {from})
      .with(kFdLnet, {from})
      .with(kFdCport, {local_port})
      .with(kFdLport, {local_port})
      .with(kFdSip, {to})
      .with(kFdSnet, {to})
      .with(kFdRip, {to})
      .with(kFdRnet, {to})
      .with(kFdSport, {remote_port})
      .with(kFdRport, {remote_port});
  return event;
}

// The five kinds of events there are most rules for.
inline std::vector<SampleEvent> all() {
  std::vector<SampleEvent> events;
  events.push_back(execve());
  events.push_back(openat("/etc/passwd", false));
  events.push_back(openat("/tmp/x", true));
  events.push_back(
      of_socket("connect", "tcp", "10.0.0.2", 1234, "93.184.216.34", 443));
  events.push_back(
      of_socket("sendto", "udp", "10.0.0.2", 40112, "8.8.8.8", 53));
  return events;
}

}  // namespace sample
}  // namespace bailiff::test
