// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/host.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <functional>
#include <stdexcept>

#include "hook/attach/attach.h"
#include "hook/attach/lists.h"
#include "hook/kernel/network_namespace.h"

namespace bailiff::test {
namespace {

// What a test cannot do without: it ends with the reason.
void require(bool condition, const std::string& what) {
  if (!condition) throw std::runtime_error(what + ": " + std::strerror(errno));
}

void enter_own_mount_namespace() {
  static const bool entered = [] {
    require(::unshare(CLONE_NEWNS) == 0, "unshare");
    require(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0,
            "make mounts private");
    return true;
  }();
  (void)entered;
}

struct Socket {
  sockaddr_storage address{};
  socklen_t size = 0;
  int family = AF_INET;
};

Socket socket_to(const Connect& connect) {
  Socket to;
  if (!connect.ipv6) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&to.address);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(connect.port);
    require(::inet_pton(AF_INET, connect.address.c_str(), &v4->sin_addr) == 1,
            connect.address);
    to.size = sizeof(sockaddr_in);
    return to;
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&to.address);
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(connect.port);
  const std::string text = connect.address.find(':') == std::string::npos
                               ? "::ffff:" + connect.address
                               : connect.address;
  require(::inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) == 1, text);
  to.size = sizeof(sockaddr_in6);
  to.family = AF_INET6;
  return to;
}

Check string_check(FieldId field, const std::string& value) {
  Check check;
  check.field = field;
  check.op = Op::kEq;
  check.values = {value};
  return check;
}

Check list_check(FieldId field, std::uint32_t list) {
  Check check;
  check.field = field;
  check.op = Op::kIn;
  check.lists = {list};
  return check;
}

}  // namespace

ScratchFolder::ScratchFolder() : path_("/tmp/bailiff-test-XXXXXX") {
  require(::mkdtemp(path_.data()) != nullptr, "mkdtemp");
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

ScratchBpffs::ScratchBpffs() {
  enter_own_mount_namespace();
  require(::mount("bpf", path().c_str(), "bpf", 0, nullptr) == 0,
          "mount bpffs");
}

ScratchBpffs::~ScratchBpffs() { ::umount2(path().c_str(), MNT_DETACH); }

std::vector<std::string> ScratchBpffs::entries() const {
  std::vector<std::string> entries;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(path())) {
    std::string name = entry.path().string().substr(path().size() + 1);
    // What the kernel itself puts there: maps.debug and progs.debug.
    if (name.find('.') == std::string::npos) entries.push_back(name);
  }
  std::sort(entries.begin(), entries.end());
  return entries;
}

hook::ScratchCgroup make_cgroup() {
  auto cgroup = hook::ScratchCgroup::make("bailiff-test-");
  require(cgroup.has_value(), "scratch cgroup");
  return *std::move(cgroup);
}

pid_t fork_into(const Cgroup& cgroup) {
  const UniqueFd procs(
      ::openat(cgroup.fd(), "cgroup.procs", O_WRONLY | O_CLOEXEC));
  require(static_cast<bool>(procs), "open cgroup.procs");
  const pid_t pid = ::fork();
  require(pid >= 0, "fork");
  if (pid == 0 && ::write(procs.get(), "0", 1) != 1) ::_exit(255);
  return pid;
}

namespace {

bool bind_to(int fd, int family, std::uint16_t port) {
  sockaddr_in6 any{};
  const int on = 1;
  // Both families have the port at the same place.
  any.sin6_family = static_cast<sa_family_t>(family);
  any.sin6_port = htons(port);
  return ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
         ::bind(fd, reinterpret_cast<const sockaddr*>(&any),
                family == AF_INET6 ? sizeof any : sizeof(sockaddr_in)) == 0;
}

}  // namespace

Connected connect_in(const Cgroup& cgroup, const Connect& connect) {
  const Socket to = socket_to(connect);
  const pid_t pid = fork_into(cgroup);
  if (pid == 0) {
    ::prctl(PR_SET_NAME, "bailiff-prober");
    int error = 0;
    for (int i = 0; i < connect.times; ++i) {
      const int fd =
          ::socket(to.family, connect.tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
      if (fd < 0) ::_exit(254);
      if (connect.from != 0 && !bind_to(fd, to.family, connect.from)) {
        ::_exit(253);
      }
      const auto* name = reinterpret_cast<const sockaddr*>(&to.address);
      const bool done = connect.send
                            ? ::sendto(fd, "", 0, 0, name, to.size) == 0
                            : ::connect(fd, name, to.size) == 0;
      error = done ? 0 : errno;
      ::close(fd);
    }
    ::_exit(error);
  }
  int status = 0;
  require(::waitpid(pid, &status, 0) == pid, "waitpid");
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, pid};
}

namespace {

// What a ConnectedSender is asked for.
constexpr char kSend = 's';
constexpr char kFill = 'f';

}  // namespace

ConnectedSender::ConnectedSender(const Cgroup& cgroup, const Connect& connect)
    : pid_(-1) {
  const Socket to = socket_to(connect);
  int ends[2];
  require(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0,
          "socketpair");
  pid_ = fork_into(cgroup);
  if (pid_ == 0) {
    ::close(ends[0]);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int fd =
        ::socket(to.family, connect.tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
    int error = ::connect(fd, reinterpret_cast<const sockaddr*>(&to.address),
                          to.size) == 0
                    ? 0
                    : errno;
    for (;;) {
      if (::write(ends[1], &error, sizeof error) != sizeof error) ::_exit(1);
      char what = 0;
      if (::read(ends[1], &what, 1) != 1) ::_exit(0);
      static constexpr char kData[64 << 10] = {};
      const std::size_t size = what == kFill ? sizeof kData : 1;
      const int flags = MSG_NOSIGNAL | (what == kFill ? MSG_DONTWAIT : 0);
      do {
        error = ::send(fd, kData, size, flags) > 0 ? 0 : errno;
      } while (what == kFill && error == 0);
    }
  }
  ::close(ends[1]);
  channel_ = ends[0];
  int error = -1;
  require(::read(channel_, &error, sizeof error) == sizeof error && error == 0,
          "connect");
}

ConnectedSender::~ConnectedSender() {
  ::close(channel_);
  ::waitpid(pid_, nullptr, 0);
}

int ConnectedSender::send() { return ask(kSend); }

int ConnectedSender::fill() { return ask(kFill); }

int ConnectedSender::ask(char what) {
  int error = -1;
  require(::write(channel_, &what, 1) == 1, "tell the sender");
  require(::read(channel_, &error, sizeof error) == sizeof error,
          "ask the sender");
  return error;
}

namespace {

// A device whose other end is the descriptor, up.
Status make_device(UniqueFd& fd, const char* name, short kind, int index = 0) {
  fd = UniqueFd(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  require(static_cast<bool>(fd), "open /dev/net/tun");
  require(index == 0 || ::ioctl(fd.get(), TUNSETIFINDEX, &index) == 0,
          "choose an index");
  ifreq request{};
  ::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  request.ifr_flags = static_cast<short>(kind | IFF_NO_PI);
  require(::ioctl(fd.get(), TUNSETIFF, &request) == 0, "make a device");
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  request.ifr_flags = IFF_UP;
  require(::ioctl(socket.get(), SIOCSIFFLAGS, &request) == 0, "set it up");
  return Ok{};
}

// In a process of its own, in the namespace and, if there is one, the cgroup.
int errno_of(int netns, const Cgroup* cgroup,
             const std::function<int()>& work) {
  const pid_t pid = cgroup != nullptr ? fork_into(*cgroup) : ::fork();
  require(pid >= 0, "fork");
  if (pid == 0) {
    ::_exit(::setns(netns, CLONE_NEWNET) == 0 ? work() : 255);
  }
  int status = 0;
  require(::waitpid(pid, &status, 0) == pid, "waitpid");
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// Over a unix socket; its errno.
int give(int to, int fd) {
  char byte = 0;
  iovec data{.iov_base = &byte, .iov_len = 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof fd)] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  return ::sendmsg(to, &message, 0) < 0 ? errno : 0;
}

UniqueFd taken(int from) {
  char byte = 0;
  iovec data{.iov_base = &byte, .iov_len = 1};
  int fd = -1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof fd)] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  if (::recvmsg(from, &message, MSG_CMSG_CLOEXEC) != 1) return UniqueFd();
  const cmsghdr* const header = CMSG_FIRSTHDR(&message);
  if (header != nullptr) std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return UniqueFd(fd);
}

}  // namespace

ScratchNetwork::ScratchNetwork(Devices devices) {
  auto netns = hook::make_network_namespace();
  require(netns.has_value(), "network namespace");
  netns_ = *std::move(netns);
  if (devices == Devices::kNone) return;
  const Status made = hook::in_network_namespace(netns_.get(), [&]() -> Status {
    RETURN_IF_ERROR(make_device(tap_, "tap0", IFF_TAP));
    return make_device(tun_, "tun0", IFF_TUN);
  });
  require(made.has_value(), "devices");
}

UniqueFd ScratchNetwork::add_device(const std::string& name, int index) const {
  UniqueFd fd;
  const Status made = hook::in_network_namespace(netns_.get(), [&] {
    return make_device(fd, name.c_str(), IFF_TAP, index);
  });
  require(made.has_value(), name);
  return fd;
}

int ScratchNetwork::index(const std::string& device) const {
  int index = 0;
  const Status asked =
      hook::in_network_namespace(netns_.get(), [&]() -> Status {
        index = static_cast<int>(::if_nametoindex(device.c_str()));
        return Ok{};
      });
  require(asked.has_value() && index != 0, device);
  return index;
}

void ScratchNetwork::move(const std::string& device,
                          const ScratchNetwork& to) const {
  const auto run = [](int netns, const std::string& command) {
    const Status done = hook::in_network_namespace(netns, [&]() -> Status {
      require(::system(command.c_str()) == 0, command);
      return Ok{};
    });
    require(done.has_value(), command);
  };
  const std::string set = "ip link set dev " + device;
  run(netns(), set + " netns /proc/" + std::to_string(::getpid()) + "/fd/" +
                   std::to_string(to.netns()));
  // That has set it down.
  run(to.netns(), set + " up");
}

int ScratchNetwork::send(const std::string& device,
                         const std::vector<std::uint8_t>& bytes,
                         const Cgroup* cgroup, std::uint16_t protocol) const {
  return errno_of(netns_.get(), cgroup, [&] {
    const int fd = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_protocol = htons(protocol);
    to.sll_ifindex = static_cast<int>(::if_nametoindex(device.c_str()));
    return ::sendto(fd, bytes.data(), bytes.size(), 0,
                    reinterpret_cast<const sockaddr*>(&to), sizeof to) < 0
               ? errno
               : 0;
  });
}

int ScratchNetwork::send_datagram(const Cgroup& cgroup,
                                  const std::string& host) const {
  return errno_of(netns_.get(), &cgroup, [&] {
    const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof on);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(4444);
    ::inet_pton(AF_INET, host.c_str(), &to.sin_addr);
    return ::sendto(fd, "", 0, 0, reinterpret_cast<const sockaddr*>(&to),
                    sizeof to) < 0
               ? errno
               : 0;
  });
}

UniqueFd ScratchNetwork::socket(const Cgroup& maker, int type, int protocol,
                                int family) const {
  int ends[2];
  require(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) == 0,
          "socket pair");
  const UniqueFd from(ends[0]);
  const UniqueFd to(ends[1]);
  const int error = run_in(maker, [&] {
    const int fd = ::socket(family, type, protocol);
    return fd < 0 ? errno : give(from.get(), fd);
  });
  require(error == 0, "make a socket");
  UniqueFd made = taken(to.get());
  require(static_cast<bool>(made), "take a socket");
  return made;
}

int ScratchNetwork::run_in(const Cgroup& cgroup,
                           const std::function<int()>& work) const {
  return errno_of(netns_.get(), &cgroup, work);
}

int ScratchNetwork::sent_to(const std::string& host) {
  constexpr std::size_t kDestination = 14 + 16;
  in_addr to{};
  ::inet_pton(AF_INET, host.c_str(), &to);
  int found = 0;
  std::vector<std::uint8_t> frame(4096);
  for (;;) {
    const ssize_t size = ::read(tap_.get(), frame.data(), frame.size());
    if (size < 0) return found;
    if (static_cast<std::size_t>(size) >= kDestination + sizeof to &&
        frame[12] == 8 && frame[13] == 0 &&
        std::memcmp(&frame[kDestination], &to, sizeof to) == 0) {
      ++found;
    }
  }
}

void ScratchNetwork::forward_to(const std::string& host) {
  const std::string commands =
      "ip addr replace 198.51.100.1/24 dev tun0 && "
      "ip route add " +
      host +
      "/32 dev tap0 && "
      "ip neigh add " +
      host +
      " lladdr 02:00:00:00:00:02 dev tap0 && "
      "echo 1 >/proc/sys/net/ipv4/ip_forward";
  const Status done = hook::in_network_namespace(netns_.get(), [&]() -> Status {
    require(::system(commands.c_str()) == 0, "forward");
    return Ok{};
  });
  require(done.has_value(), "forward");
}

void ScratchNetwork::feed(const std::vector<std::uint8_t>& packet) const {
  require(::write(tun_.get(), packet.data(), packet.size()) ==
              static_cast<ssize_t>(packet.size()),
          "write to tun0");
}

bool ScratchNetwork::sent(const std::string& device,
                          const std::vector<std::uint8_t>& bytes) {
  bool found = false;
  std::vector<std::uint8_t> frame(4096);
  const int fd = (device == "tap0" ? tap_ : tun_).get();
  for (;;) {
    const ssize_t size = ::read(fd, frame.data(), frame.size());
    if (size < 0) return found;
    found = found || (static_cast<std::size_t>(size) == bytes.size() &&
                      std::equal(bytes.begin(), bytes.end(), frame.begin()));
  }
}

int ScratchNetwork::set_option(const Cgroup& cgroup, int family, int level,
                               int option) const {
  return errno_of(netns_.get(), &cgroup, [&] {
    const int fd = ::socket(family, SOCK_RAW | SOCK_CLOEXEC, 0);
    const int on = 1;
    return ::setsockopt(fd, level, option, &on, sizeof on) < 0 ? errno : 0;
  });
}

std::vector<std::uint8_t> ScratchNetwork::address(
    const std::string& device) const {
  std::vector<std::uint8_t> bytes(6);
  const Status asked =
      hook::in_network_namespace(netns_.get(), [&]() -> Status {
        const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        ifreq request{};
        ::strncpy(request.ifr_name, device.c_str(), IFNAMSIZ - 1);
        require(::ioctl(socket.get(), SIOCGIFHWADDR, &request) == 0, device);
        std::copy_n(request.ifr_hwaddr.sa_data, bytes.size(), bytes.begin());
        return Ok{};
      });
  require(asked.has_value(), device);
  return bytes;
}

int ScratchNetwork::frame_programs(const std::string& device) const {
  constexpr auto kTcxEgress = static_cast<bpf_attach_type>(47);
  __u32 ids[16];
  __u32 found = 16;
  const Status asked =
      hook::in_network_namespace(netns_.get(), [&]() -> Status {
        require(
            ::bpf_prog_query(static_cast<int>(::if_nametoindex(device.c_str())),
                             kTcxEgress, 0, nullptr, ids, &found) == 0 ||
                errno == ENOENT,
            "query programs");
        return Ok{};
      });
  require(asked.has_value(), "query programs");
  return static_cast<int>(found);
}

bool ScratchNetwork::comes_to(int programs, const std::string& device) const {
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (frame_programs(device) != programs) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    ::sched_yield();
  }
  return true;
}

Sleeper::Sleeper(const Cgroup& cgroup) : pid_(-1) {
  int ready[2];
  require(::pipe2(ready, O_CLOEXEC) == 0, "pipe");
  pid_ = fork_into(cgroup);
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    [[maybe_unused]] const ssize_t told = ::write(ready[1], "", 1);
    for (;;) ::pause();
  }
  ::close(ready[1]);
  char byte = 0;
  require(::read(ready[0], &byte, 1) == 1, "wait for the sleeper");
  ::close(ready[0]);
}

Sleeper::~Sleeper() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

Networked::Networked(const Cgroup& cgroup, int netns) {
  int ends[2];
  require(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0,
          "socketpair");
  channel_ = UniqueFd(ends[0]);
  pid_ = fork_into(cgroup);
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::setns(netns, CLONE_NEWNET) != 0) ::_exit(255);
    char byte = 0;
    (void)!::write(ends[1], &byte, 1);
    (void)!::read(ends[1], &byte, 1);
    if (::unshare(CLONE_NEWNET) != 0) ::_exit(255);
    (void)!::write(ends[1], &byte, 1);
    for (;;) ::pause();
  }
  ::close(ends[1]);
  answer();
}

Networked::~Networked() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Networked::leave_network() {
  require(::write(channel_.get(), "x", 1) == 1, "tell a process to leave");
  answer();
}

void Networked::answer() {
  char byte = 0;
  require(::read(channel_.get(), &byte, 1) == 1, "wait for a process");
}

int attached_programs(const Cgroup& cgroup) {
  int count = 0;
  for (const bpf_attach_type type :
       {BPF_CGROUP_INET4_CONNECT, BPF_CGROUP_INET6_CONNECT,
        BPF_CGROUP_UDP4_SENDMSG, BPF_CGROUP_UDP6_SENDMSG,
        BPF_CGROUP_INET_EGRESS}) {
    __u32 ids[16];
    __u32 found = 16;
    require(::bpf_prog_query(cgroup.fd(), type, 0, nullptr, ids, &found) == 0,
            "query programs");
    count += static_cast<int>(found);
  }
  return count;
}

int open_descriptors() {
  const std::filesystem::directory_iterator fds("/proc/self/fd");
  return static_cast<int>(std::distance(begin(fds), end(fds)));
}

std::map<std::string, std::uint32_t> interface_links(const std::string& bpf_dir,
                                                     const std::string& id) {
  std::map<std::string, std::uint32_t> ids;
  for (const auto& entry :
       std::filesystem::directory_iterator(bpf_dir + "/links/" + id)) {
    const std::string name = entry.path().filename().string();
    const std::size_t end = name.rfind('-');
    if (!name.starts_with("frame-") && !name.starts_with("query-")) continue;
    const UniqueFd link(::bpf_obj_get(entry.path().c_str()));
    bpf_link_info info{};
    __u32 size = sizeof info;
    require(link && ::bpf_obj_get_info_by_fd(link.get(), &info, &size) == 0,
            "ask for link " + name);
    require(ids.emplace(name.substr(0, end), info.id).second,
            "more than one link " + name);
  }
  return ids;
}

std::uint32_t PolicyBuilder::list(const std::string& name,
                                  std::vector<std::string> items) {
  policy_.lists.push_back(
      {.name = name, .items = std::move(items), .includes = {}});
  return static_cast<std::uint32_t>(policy_.lists.size() - 1);
}

std::uint32_t PolicyBuilder::rule(const std::string& name, Check check,
                                  bool block) {
  const auto index = static_cast<std::uint32_t>(policy_.rules.size());
  Rule rule;
  rule.name = name;
  rule.source = "syscall";
  rule.condition = Expr{And{{Expr{string_check(FieldId::kEvtType, "connect")},
                             Expr{std::move(check)}}}};
  policy_.rules.push_back(std::move(rule));
  Policy policy;
  policy.name = "Policy of " + name;
  policy.rules = {index};
  policy.block = block;
  policy_.policies.push_back(std::move(policy));
  return index;
}

Check sip_in(std::uint32_t list) { return list_check(FieldId::kFdSip, list); }
Check snet_in(std::uint32_t list) { return list_check(FieldId::kFdSnet, list); }
Check sport_is(std::int64_t port) {
  Check check;
  check.field = FieldId::kFdSport;
  check.op = Op::kEq;
  check.values = {port};
  return check;
}
Check proc_name_is(const std::string& name) {
  return string_check(FieldId::kProcName, name);
}

Result<std::vector<Digest>> protect(const CompiledPolicy& policy,
                                    const Cgroup& cgroup,
                                    const std::string& bpf_dir,
                                    const std::string& id, hook::Kernel& kernel,
                                    int netns, bool host) {
  const Plan plan = lower(policy, Facts{.values = {}, .complete = true});
  ASSIGN_OR_RETURN(
      hook::Attachment attachment,
      hook::attach({.bpf_dir = bpf_dir,
                    .container_id = id,
                    .policy = policy,
                    .whole_policy = [&]() -> Result<const CompiledPolicy*> {
                      return &policy;
                    },
                    .policy_digest = policy_digest(encode(policy)),
                    .policy_id = conditions_digest(encode(policy)).short_id(),
                    .plan = plan,
                    .network = {.netns = netns, .host = host}},
                   cgroup, kernel));
  return std::move(attachment.programs);
}

Status publish(const std::string& bpf_dir, const CompiledPolicy& policy,
               hook::Kernel& kernel) {
  return hook::publish_lists(bpf_dir, policy, policy_digest(encode(policy)),
                             kernel);
}

}  // namespace bailiff::test
