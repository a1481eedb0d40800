// SPDX-License-Identifier: Apache-2.0
#include "hook/attach/self_test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <optional>
#include <vector>

#include "hook/attach/maps.h"
#include "hook/attach/scratch_cgroup.h"
#include "hook/kernel/ring_buffer.h"
#include "oci/sys/errno_error.h"
#include "oci/sys/pidfd.h"
#include "rules/abi/event.h"
#include "rules/emit/program.h"
#include "rules/lower/lower.h"
#include "rules/types/value.h"

namespace bailiff::hook {
namespace {

constexpr const char* kListed = "127.66.0.1";
constexpr const char* kUnlisted = "127.66.0.2";
// Any: a UDP connect sends nothing.
constexpr std::uint16_t kPort = 1389;
// The child does three system calls that never wait.
constexpr std::chrono::seconds kChildLimit{5};
// The kernel wants whole pages; the test makes two records.
constexpr std::uint32_t kRingBytes = 64 << 10;

// errno of each connect, 0 for success.
struct Outcome {
  int listed = -1;
  int listed_mapped = -1;  // as ::ffff:a.b.c.d; EAFNOSUPPORT without IPv6
  int unlisted = -1;
};

CompiledPolicy self_test_policy() {
  CompiledPolicy policy;
  policy.lists.push_back(
      {.name = "self_test", .items = {kListed}, .includes = {}});
  Check connect;
  connect.field = FieldId::kEvtType;
  connect.op = Op::kEq;
  connect.values = {std::string("connect")};
  Check listed;
  listed.field = FieldId::kFdSip;
  listed.op = Op::kIn;
  listed.lists = {0};
  Rule rule;
  rule.name = "Self-test";
  rule.source = "syscall";
  rule.condition = Expr{And{{Expr{connect}, Expr{listed}}}};
  policy.rules.push_back(std::move(rule));
  Policy enforce;
  enforce.name = "Self-test";
  enforce.rules = {0};
  enforce.block = true;
  policy.policies.push_back(std::move(enforce));
  return policy;
}

// From here to `child` everything runs in a fork of a process that may have
// threads, and so calls only what is async-signal-safe.
int connect_errno(const sockaddr* address, socklen_t size) {
  const int fd =
      ::socket(address->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP);
  if (fd < 0) return errno;
  const int err = ::connect(fd, address, size) == 0 ? 0 : errno;
  ::close(fd);
  return err;
}

int connect_errno(in_addr host) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(kPort);
  address.sin_addr = host;
  return connect_errno(reinterpret_cast<const sockaddr*>(&address),
                       sizeof(address));
}

int connect_mapped_errno(in_addr host) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(kPort);
  address.sin6_addr.s6_addr[10] = 0xff;
  address.sin6_addr.s6_addr[11] = 0xff;
  std::memcpy(&address.sin6_addr.s6_addr[12], &host, sizeof(host));
  return connect_errno(reinterpret_cast<const sockaddr*>(&address),
                       sizeof(address));
}

[[noreturn]] void child(int procs, int report, in_addr listed,
                        in_addr unlisted) {
  if (::write(procs, "0", 1) != 1) ::_exit(1);
  Outcome outcome;
  outcome.listed = connect_errno(listed);
  outcome.listed_mapped = connect_mapped_errno(listed);
  outcome.unlisted = connect_errno(unlisted);
  const bool told =
      ::write(report, &outcome, sizeof(outcome)) == sizeof(outcome);
  ::_exit(told ? 0 : 1);
}

Result<Outcome> connect_in(const Cgroup& cgroup) {
  in_addr listed{};
  in_addr unlisted{};
  ::inet_pton(AF_INET, kListed, &listed);
  ::inet_pton(AF_INET, kUnlisted, &unlisted);
  const UniqueFd procs(
      ::openat(cgroup.fd(), "cgroup.procs", O_WRONLY | O_CLOEXEC));
  if (!procs) return errno_error("open 'cgroup.procs' of the self-test");
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return errno_error("pipe");
  const UniqueFd read_end(ends[0]);
  const UniqueFd write_end(ends[1]);

  const pid_t pid = ::fork();
  if (pid < 0) return errno_error("fork");
  if (pid == 0) child(procs.get(), write_end.get(), listed, unlisted);
  // The number stays the child's until waitpid() below.
  auto process = Pidfd::open(pid);
  if (process) {
    const auto ended =
        process->wait_exit(std::chrono::steady_clock::now() + kChildLimit);
    if (!ended || !*ended) (void)process->send_signal(SIGKILL);
  }
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  Outcome outcome;
  if (::read(read_end.get(), &outcome, sizeof(outcome)) != sizeof(outcome)) {
    return Error{Code::kIo,
                 "the self-test's process could not join its cgroup or "
                 "did not end"};
  }
  return outcome;
}

bool tells_of_refusal(std::span<const std::byte> bytes, std::uint64_t cgroup) {
  bailiff_connect_event event{};
  if (bytes.size() < sizeof(event)) return false;
  std::memcpy(&event, bytes.data(), sizeof(event));
  const std::optional<IpAddress> listed = parse_address(kListed);
  return event.header.kind == BAILIFF_EVENT_CONNECT &&
         event.header.verdict == BAILIFF_VERDICT_DENIED &&
         event.header.cgroup_id == cgroup && event.family == 4 &&
         event.port == kPort &&
         std::memcmp(event.addr_be, listed->bytes.data(),
                     sizeof(event.addr_be)) == 0;
}

Error shown(const std::string& what) {
  return {Code::kIo, "self-test: " + what + ": nothing is enforced here"};
}

}  // namespace

Result<std::string> self_test(Kernel& kernel) {
  const CompiledPolicy policy = self_test_policy();
  const std::string encoded = encode(policy);
  const Digest digest = policy_digest(encoded);
  const std::uint64_t policy_id = conditions_digest(encoded).short_id();
  const Plan plan = lower(policy, Facts{.values = {}, .complete = true});
  if (plan.connect.empty() || plan.connect.front().candidate ||
      !plan.connect.front().deny) {
    return shown("its rule is not decided by the kernel");
  }
  ASSIGN_OR_RETURN(const ScratchCgroup scratch,
                   ScratchCgroup::make("bailiff-selftest-"));
  const Cgroup& cgroup = scratch.cgroup();

  struct KindOfMap {
    emit::MapKind kind;
    Map map;
  };
  std::vector<KindOfMap> maps;
  ASSIGN_OR_RETURN(const Map tables,
                   create_map(emit::MapKind::kTables, kernel));
  std::uint32_t places = 0;
  std::vector<Link> links;
  for (const emit::Flavour flavour :
       {emit::Flavour::kConnect4, emit::Flavour::kConnect6}) {
    ASSIGN_OR_RETURN(
        const emit::Program emitted,
        emit::emit_program(plan.connect, policy.lists, flavour, policy_id));
    std::vector<std::uint32_t> numbers;
    for (const emit::MapRef& ref : emitted.maps) {
      if (ref.kind == emit::MapKind::kList) {
        ASSIGN_OR_RETURN(const Map table,
                         create_table(ref, policy, digest, kernel));
        const InnerMap inner{.index = places++, .fd = table.fd()};
        RETURN_IF_ERROR(kernel.set_inners(tables, {&inner, 1}));
        numbers.push_back(inner.index);
      }
    }
    ASSIGN_OR_RETURN(const Map numbered, create_numbers(numbers, kernel));
    std::vector<int> fds;
    for (const emit::MapRef& ref : emitted.maps) {
      if (ref.kind == emit::MapKind::kList) {
        fds.push_back(numbered.fd());
        continue;
      }
      if (ref.kind == emit::MapKind::kTables) {
        fds.push_back(tables.fd());
        continue;
      }
      auto known = maps.begin();
      while (known != maps.end() && known->kind != ref.kind) ++known;
      if (known == maps.end()) {
        auto map = ref.kind == emit::MapKind::kEvents
                       ? kernel.create_map({.type = MapType::kRingBuffer,
                                            .name = "bailiff_test",
                                            .max_entries = kRingBytes},
                                           nullptr)
                       : create_map(ref.kind, kernel);
        if (!map) return map.error();
        maps.push_back({ref.kind, *std::move(map)});
        known = maps.end() - 1;
      }
      fds.push_back(known->map.fd());
    }
    ASSIGN_OR_RETURN(const Program program, kernel.load(emitted, fds));
    ASSIGN_OR_RETURN(Link link, kernel.attach(program, cgroup.fd(), flavour));
    links.push_back(std::move(link));
  }
  const bailiff_container_state state{.cgroup_id = cgroup.id()};
  bool told = false;
  std::optional<RingBuffer> events;
  for (KindOfMap& one : maps) {
    if (one.kind == emit::MapKind::kContainers) {
      RETURN_IF_ERROR(
          kernel.update(one.map, bytes_of(cgroup.id()), bytes_of(state)));
    }
    if (one.kind == emit::MapKind::kEvents) {
      ASSIGN_OR_RETURN(
          events, RingBuffer::over(std::move(one.map),
                                   [&](std::span<const std::byte> bytes) {
                                     told = told || tells_of_refusal(
                                                        bytes, cgroup.id());
                                   }));
    }
  }
  if (!events) return shown("its program makes no events");

  ASSIGN_OR_RETURN(const Outcome outcome, connect_in(cgroup));
  if (outcome.listed != EPERM) {
    return shown(std::string("a connect to a listed address was not refused "
                             "but got '") +
                 std::strerror(outcome.listed) + "'");
  }
  if (outcome.listed_mapped != EPERM && outcome.listed_mapped != EAFNOSUPPORT) {
    return shown(std::string("a connect to a listed address written as IPv6 "
                             "was not refused but got '") +
                 std::strerror(outcome.listed_mapped) + "'");
  }
  if (outcome.unlisted != 0) {
    return shown(std::string("a connect to an unlisted address failed with '") +
                 std::strerror(outcome.unlisted) + "'");
  }
  ASSIGN_OR_RETURN(const int records, events->consume());
  if (!told) {
    return shown("no event told of the refused connect, of " +
                 std::to_string(records) + " read");
  }
  return std::string(
      "a connect to a listed address was refused and reported, one to an "
      "unlisted address passed");
}

}  // namespace bailiff::hook
