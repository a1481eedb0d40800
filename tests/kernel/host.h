// SPDX-License-Identifier: Apache-2.0
// tests/kernel/host.h
// The part of the host a kernel test may change: a bpffs of its own, folders
// that vanish, processes in cgroups that connect over loopback.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "hook/attach/scratch_cgroup.h"
#include "hook/kernel/kernel.h"
#include "oci/sys/cgroup.h"
#include "oci/sys/unique_fd.h"
#include "rules/lower/lower.h"
#include "rules/policy/compiled_policy.h"

namespace bailiff::test {

// A folder that is removed, with what is in it, at the end.
class ScratchFolder {
 public:
  ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// A bpffs in a mount namespace this process makes for itself, so that it ends
// with the process whatever happens.
class ScratchBpffs {
 public:
  ScratchBpffs();
  ScratchBpffs(const ScratchBpffs&) = delete;
  ScratchBpffs& operator=(const ScratchBpffs&) = delete;
  ~ScratchBpffs();
  const std::string& path() const { return folder_.path(); }
  // Everything made below it, folders included, relative, sorted.
  std::vector<std::string> entries() const;

 private:
  ScratchFolder folder_;
};

// A cgroup "bailiff-test-…" with the folders of its own made below it.
hook::ScratchCgroup make_cgroup();

// fork(2) whose child is in the cgroup.
pid_t fork_into(const Cgroup& cgroup);

struct Connect {
  std::string address = "127.66.0.1";
  std::uint16_t port = 9;
  bool tcp = false;
  // Instead of connecting, send a datagram to the address.
  bool send = false;
  // Connect an IPv6 socket, IPv4 addresses as ::ffff:a.b.c.d.
  bool ipv6 = false;
  int times = 1;
  std::uint16_t from = 0;  // bound to this port before; 0: to none
};

struct Connected {
  int error = -1;  // errno of the last; 0: connected
  pid_t pid = 0;   // of the process that did it; gone by now
};

// Connects from a new process "bailiff-prober" in the cgroup.
Connected connect_in(const Cgroup& cgroup, const Connect& connect);

// A process in the cgroup with a socket that it has connected, of UDP but with
// `tcp`, and which sends over it when told.
class ConnectedSender {
 public:
  ConnectedSender(const Cgroup& cgroup, const Connect& connect);
  ConnectedSender(const ConnectedSender&) = delete;
  ConnectedSender& operator=(const ConnectedSender&) = delete;
  ~ConnectedSender();
  int send();  // errno; 0: sent
  // Sends until the kernel takes no more, as the peer reads nothing; the errno.
  int fill();

 private:
  int ask(char what);

  pid_t pid_;
  int channel_ = -1;
};

// A network namespace with an Ethernet device "tap0" and "tun0", whose frames
// begin with the IP header.  What they send, the test reads.
class ScratchNetwork {
 public:
  // Without: it has a loopback interface alone.
  enum class Devices { kTapAndTun, kNone };
  explicit ScratchNetwork(Devices devices = Devices::kTapAndTun);
  int netns() const { return netns_.get(); }

  // One more Ethernet device, which is there as long as the descriptor, or a
  // copy of it, is; `index`: 0: of the kernel's choice.
  UniqueFd add_device(const std::string& name, int index = 0) const;
  // Of a device.
  int index(const std::string& device) const;
  // Takes the device into another network.
  void move(const std::string& device, const ScratchNetwork& to) const;

  // Sends `bytes` as they are over AF_PACKET, from a process in the cgroup; or,
  // when there is none, from this one.  `protocol` is what the sender says they
  // are.  The errno; 0: sent.
  int send(const std::string& device, const std::vector<std::uint8_t>& bytes,
           const Cgroup* cgroup = nullptr,
           std::uint16_t protocol = 0x0800) const;
  // Whether `bytes` left the device since it was asked last.
  bool sent(const std::string& device, const std::vector<std::uint8_t>& bytes);
  // Sends a datagram to the host from a socket without a peer, made in the
  // cgroup.  The errno, of what is dropped on its way out too; 0: sent.
  int send_datagram(const Cgroup& cgroup, const std::string& host) const;
  // A socket in the namespace, made by a process in the cgroup.
  UniqueFd socket(const Cgroup& maker, int type, int protocol = 0,
                  int family = AF_INET) const;
  // Runs `work` in a process in the cgroup, and returns what that does.
  int run_in(const Cgroup& cgroup, const std::function<int()>& work) const;
  // How many IPv4 packets to the host left tap0 since it was asked last.
  int sent_to(const std::string& host);
  // Gives the devices addresses, forwards between them, and knows who has the
  // address `host` at tap0.
  void forward_to(const std::string& host);
  // Has the kernel receive the packet at tun0, as whoever holds its other end
  // can.
  void feed(const std::vector<std::uint8_t>& packet) const;
  // errno of setsockopt() on a socket made in the namespace and the cgroup.
  int set_option(const Cgroup& cgroup, int family, int level, int option) const;
  // The Ethernet address of a device.
  std::vector<std::uint8_t> address(const std::string& device) const;
  // Programs the kernel runs for what leaves the device.
  int frame_programs(const std::string& device) const;
  // Waits until it is that many, for a while: a link that is others' too ends
  // some time after its last pin.
  bool comes_to(int programs, const std::string& device = "tap0") const;

 private:
  UniqueFd netns_;
  UniqueFd tap_;
  UniqueFd tun_;
};

// A process that sleeps in a cgroup until it is let go.
class Sleeper {
 public:
  explicit Sleeper(const Cgroup& cgroup);
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;
  ~Sleeper();
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

// A process in the cgroup and the network namespace, until it is let go.
class Networked {
 public:
  Networked(const Cgroup& cgroup, int netns);
  Networked(const Networked&) = delete;
  Networked& operator=(const Networked&) = delete;
  ~Networked();
  pid_t pid() const { return pid_; }
  // Into a network namespace of its own.
  void leave_network();

 private:
  void answer();

  pid_t pid_ = -1;
  UniqueFd channel_;
};

// Programs the kernel runs at a cgroup's network hooks.
int attached_programs(const Cgroup& cgroup);
// How many a container has of which listed peers are refused: all but those
// for frames, which are not its cgroup's, for names, for what comes in, and for
// sockets.
inline constexpr int kHookCount = std::size(kHookPoints) - 7;
int open_descriptors();
// The kernel's ids of the container's links at interfaces, by the beginning of
// their names: "frame-2".
std::map<std::string, std::uint32_t> interface_links(const std::string& bpf_dir,
                                                     const std::string& id);

// A policy by its parts, with defaults.
class PolicyBuilder {
 public:
  // Returns the index.
  std::uint32_t list(const std::string& name, std::vector<std::string> items);
  // A rule "evt.type = connect and CHECK", in its own policy.
  std::uint32_t rule(const std::string& name, Check check, bool block = true);
  CompiledPolicy build() const { return policy_; }

 private:
  CompiledPolicy policy_;
};

// fd.sip in (LIST), fd.snet in (LIST), fd.sport = PORT, proc.name = NAME
Check sip_in(std::uint32_t list);
Check snet_in(std::uint32_t list);
Check sport_is(std::int64_t port);
Check proc_name_is(const std::string& name);

// One container protected by a policy: attach() with what it needs; `netns` is
// its network namespace, -1: the host's.
Result<std::vector<Digest>> protect(const CompiledPolicy& policy,
                                    const Cgroup& cgroup,
                                    const std::string& bpf_dir,
                                    const std::string& id, hook::Kernel& kernel,
                                    int netns = -1, bool host = false);

// publish_lists() of a policy whose digest nobody has yet.
Status publish(const std::string& bpf_dir, const CompiledPolicy& policy,
               hook::Kernel& kernel);

}  // namespace bailiff::test
