// SPDX-License-Identifier: Apache-2.0
#include "hook/kernel/kernel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <memory>

#include "hook/kernel/btf.h"
#include "hook/kernel/network_namespace.h"
#include "oci/sys/errno_error.h"
#include "rules/emit/function_types.h"

namespace bailiff::hook {
namespace {

// ENOTSUPP: what several bpf(2) commands answer for a map or program type that
// does not have them.  Kernel internal, so no libc header names it.
constexpr int kNotSupported = 524;

// How much of a verifier's log is kept; its end, which says why, comes last,
// and a log that is cut loses the verifier's own error code, not the reason.
constexpr std::size_t kVerifierLogBytes = 1U << 20;
constexpr std::size_t kVerifierLines = 3;

// BPF_TCX_EGRESS and BPF_F_BEFORE of Linux 6.6, newer than the headers we are
// built with.
constexpr auto kTcxEgress = static_cast<bpf_attach_type>(47);
constexpr std::uint32_t kLinkTypeTcx = 11;  // BPF_LINK_TYPE_TCX
constexpr std::uint32_t kBefore = 1U << 3;
// BPF_MPROG_MAX (linux/bpf_mprog.h): of what is attached to one interface.
constexpr std::size_t kMostAtInterface = 64;

// What BPF_PROG_QUERY takes and gives of an interface, since Linux 6.6 too.
struct InterfaceQuery {
  std::uint32_t interface = 0;
  std::uint32_t attach_type = kTcxEgress;
  std::uint32_t query_flags = 0;
  std::uint32_t attach_flags = 0;
  std::uint64_t programs = 0;  // where to put their ids
  std::uint32_t count = 0;     // how many fit, and are there
  std::uint32_t unused = 0;
  std::uint64_t program_flags = 0;
  std::uint64_t links = 0;  // where to put their ids, 0 of what has none
  std::uint64_t link_flags = 0;
  std::uint64_t revision = 0;
};

// Between two tries for a lock somebody else holds: attaching one container
// takes about this long, and so does what the kernel leaves for later.
constexpr long kPollNs = 500'000;

// The feature is missing, as bpf(2) has several ways to say.
bool unsupported(int err) {
  return err == EINVAL || err == ENOSYS || err == EOPNOTSUPP ||
         err == kNotSupported;
}

std::string quoted(std::string_view text) {
  return "'" + std::string(text) + "'";
}

std::string errno_name(int err) {
  return err == kNotSupported ? "not supported by this kernel"
                              : std::strerror(err);
}

Error failed(std::string what, int err) {
  if (err != kNotSupported) return errno_error(std::move(what), err);
  return {Code::kUnsupported, what + ": " + errno_name(err), err};
}

struct TypeTraits {
  bpf_map_type type;
  std::uint32_t flags;
  std::string_view name;
};

TypeTraits traits(MapType type) {
  switch (type) {
    case MapType::kRingBuffer:
      return {BPF_MAP_TYPE_RINGBUF, 0, "ring buffer (Linux 5.8)"};
    case MapType::kPerCpuArray:
      return {BPF_MAP_TYPE_PERCPU_ARRAY, 0, "per-CPU array"};
    case MapType::kCgroupStorage:
      return {BPF_MAP_TYPE_CGROUP_STORAGE, 0,
              "cgroup storage shared by attach points (Linux 5.9)"};
    case MapType::kSocketStorage:
      return {BPF_MAP_TYPE_SK_STORAGE, BPF_F_NO_PREALLOC,
              "socket storage (Linux 5.2)"};
    case MapType::kArray:
      return {BPF_MAP_TYPE_ARRAY, 0, "array"};
    case MapType::kArrayOfMaps:
      return {BPF_MAP_TYPE_ARRAY_OF_MAPS, 0, "array of maps"};
    case MapType::kPages:
      // Only what user space may map begins at a page; nobody maps it.
      return {BPF_MAP_TYPE_ARRAY, BPF_F_INNER_MAP | BPF_F_MMAPABLE,
              "array for lists (Linux 5.10)"};
    case MapType::kHash:
      return {BPF_MAP_TYPE_HASH, 0, "hash"};
    case MapType::kSparseHash:
      return {BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC, "hash"};
    case MapType::kLruHash:
      return {BPF_MAP_TYPE_LRU_HASH, 0, "LRU hash"};
    case MapType::kLongestPrefix:
      return {BPF_MAP_TYPE_LPM_TRIE, BPF_F_NO_PREALLOC, "trie of prefixes"};
  }
  return {BPF_MAP_TYPE_UNSPEC, 0, ""};
}

struct Hook {
  bpf_prog_type type;
  bpf_attach_type attach;
};

Hook hook_of(emit::Flavour flavour) {
  switch (flavour) {
    case emit::Flavour::kConnect4:
      return {BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT};
    case emit::Flavour::kConnect6:
      return {BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET6_CONNECT};
    case emit::Flavour::kSendmsg4:
      return {BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_UDP4_SENDMSG};
    case emit::Flavour::kSendmsg6:
      return {BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_UDP6_SENDMSG};
    case emit::Flavour::kEgress:
    case emit::Flavour::kQuery:
      return {BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS};
    case emit::Flavour::kAnswer:
    case emit::Flavour::kIngress:
      return {BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_INGRESS};
    case emit::Flavour::kPostBind4:
      return {BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET4_POST_BIND};
    case emit::Flavour::kPostBind6:
      return {BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET6_POST_BIND};
    case emit::Flavour::kSockCreate:
      return {BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET_SOCK_CREATE};
    case emit::Flavour::kFrame:
    case emit::Flavour::kBareFrame:
    case emit::Flavour::kFrameQuery:
    case emit::Flavour::kBareFrameQuery:
      return {BPF_PROG_TYPE_SCHED_CLS, kTcxEgress};
    case emit::Flavour::kSetsockopt:
      return {BPF_PROG_TYPE_CGROUP_SOCKOPT, BPF_CGROUP_SETSOCKOPT};
    case emit::Flavour::kTest:
      return {BPF_PROG_TYPE_SYSCALL, bpf_attach_type{}};
  }
  return {BPF_PROG_TYPE_UNSPEC, bpf_attach_type{}};
}

void pause_briefly() {
  const timespec pause{.tv_sec = 0, .tv_nsec = kPollNs};
  ::nanosleep(&pause, nullptr);
}

// What is attached to an interface of the caller's network namespace.
struct AttachedHere {
  std::uint32_t program = 0;  // ids
  std::uint32_t link = 0;     // 0: by none
};
Result<std::vector<AttachedHere>> attached_here(const Interface& interface) {
  std::uint32_t programs[kMostAtInterface] = {};
  std::uint32_t links[kMostAtInterface] = {};
  InterfaceQuery query{.interface = interface.index,
                       .programs = reinterpret_cast<std::uintptr_t>(programs),
                       .count = kMostAtInterface,
                       .links = reinterpret_cast<std::uintptr_t>(links)};
  if (::syscall(SYS_bpf, BPF_PROG_QUERY, &query, sizeof query) != 0) {
    // Nothing is attached there, or it is gone.
    if (errno == ENOENT || errno == ENODEV) return std::vector<AttachedHere>();
    return failed("ask for the programs of '" + interface.name + "'", errno);
  }
  std::vector<AttachedHere> found;
  for (std::size_t i = 0;
       i < std::min<std::size_t>(query.count, kMostAtInterface); ++i) {
    found.push_back({.program = programs[i], .link = links[i]});
  }
  return found;
}

// The id of the link by which the program is attached there; 0: of none.
Result<std::uint32_t> link_here(std::uint32_t program,
                                const Interface& interface) {
  ASSIGN_OR_RETURN(const std::vector<AttachedHere> attached,
                   attached_here(interface));
  for (const AttachedHere& each : attached) {
    if (each.program == program) return each.link;
  }
  return 0U;
}

// What the kernel lets an object be called.
std::string object_name(std::string_view name) {
  std::string legal(name.substr(0, BPF_OBJ_NAME_LEN - 1));
  for (char& c : legal) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '.') c = '_';
  }
  return legal;
}

template <typename Kind>
Result<Object<Kind>> open_pin(const char* kind, const std::string& path) {
  UniqueFd fd(::bpf_obj_get(path.c_str()));
  if (!fd) {
    return failed(std::string("open ") + kind + " " + quoted(path), errno);
  }
  return Object<Kind>(std::move(fd));
}

// Of the number of the list's table, in the array that is made for the program.
std::int32_t number_offset(const emit::Program& program, std::uint32_t map) {
  const auto end = program.maps.begin() + map;
  const auto lists = std::count_if(
      program.maps.begin(), end,
      [](const emit::MapRef& ref) { return ref.kind == emit::MapKind::kList; });
  return static_cast<std::int32_t>(lists + 1) * 4;
}

// Register states ("5: R1=ctx() R10=fp0"), statistics, and what only repeats
// the instructions.
bool is_noise(std::string_view line) {
  if (line.empty()) return true;
  for (std::string_view start : {"processed ", "verification time",
                                 "stack depth", "mark_precise", "from "}) {
    if (line.substr(0, start.size()) == start) return true;
  }
  std::size_t at = 0;
  while (at < line.size() && std::isdigit(static_cast<unsigned char>(line[at])))
    ++at;
  return at > 0 && line.substr(at, 2) == ": " && line.find(": R") == at;
}

// Storage of a socket is of types that the kernel has been told; the result
// has them.
Result<UniqueFd> describe_storage(const MapSpec& spec,
                                  bpf_map_create_opts& options) {
  const Btf types(::btf__new_empty());
  if (!types) return failed("make the types of a map", errno);
  const int key =
      ::btf__add_int(types.get(), "key", spec.key_size, BTF_INT_SIGNED);
  const int value = ::btf__add_struct(types.get(), "value", spec.value_size);
  if (key < 0 || value < 0) return failed("make the types of a map", EINVAL);
  std::uint32_t size = 0;
  const void* data = ::btf__raw_data(types.get(), &size);
  if (data == nullptr) return failed("make the types of a map", ENOMEM);
  UniqueFd fd(::bpf_btf_load(data, size, nullptr));
  if (!fd) return failed("load the types of a map", errno);
  options.btf_fd = static_cast<std::uint32_t>(fd.get());
  options.btf_key_type_id = static_cast<std::uint32_t>(key);
  options.btf_value_type_id = static_cast<std::uint32_t>(value);
  return fd;
}

}  // namespace

Result<std::vector<bpf_insn>> patch_maps(const emit::Program& program,
                                         std::span<const int> fds) {
  std::vector<bpf_insn> insns = program.insns;
  for (const emit::Relocation& relocation : program.relocations) {
    if (relocation.map >= fds.size() || relocation.map >= program.maps.size() ||
        std::size_t{relocation.insn} + 1 >= insns.size()) {
      return invalid_argument(
          "program relocates past its maps or instructions");
    }
    bpf_insn& load = insns[relocation.insn];
    if (load.code != (BPF_LD | BPF_DW | BPF_IMM)) {
      return invalid_argument("program relocates instruction " +
                              std::to_string(relocation.insn) +
                              ", which loads no map");
    }
    load.imm = fds[relocation.map];
    if (program.maps[relocation.map].kind == emit::MapKind::kList) {
      load.src_reg = BPF_PSEUDO_MAP_VALUE;
      insns[relocation.insn + 1].imm = number_offset(program, relocation.map);
    } else {
      load.src_reg = BPF_PSEUDO_MAP_FD;
      insns[relocation.insn + 1].imm = 0;
    }
  }
  return insns;
}

std::string verifier_reason(std::string_view log) {
  log = log.substr(0, log.find('\0'));
  std::vector<std::string_view> kept;
  while (!log.empty()) {
    const std::size_t end = std::min(log.find('\n'), log.size());
    std::string_view line = log.substr(0, end);
    while (!line.empty() && line.back() == ' ') line.remove_suffix(1);
    if (!is_noise(line)) kept.push_back(line);
    log.remove_prefix(std::min(end + 1, log.size()));
  }
  std::string reason;
  const std::size_t first =
      kept.size() > kVerifierLines ? kept.size() - kVerifierLines : 0;
  for (std::size_t i = first; i < kept.size(); ++i) {
    if (!reason.empty()) reason += " | ";
    reason += kept[i];
  }
  return reason;
}

LinuxKernel::LinuxKernel() {
  // libbpf prints warnings by itself otherwise; every failure is returned.
  ::libbpf_set_print(nullptr);
}

Status LinuxKernel::check_bpffs(const std::string& path) {
  std::string existing = path;
  struct statfs fs {};
  while (::statfs(existing.c_str(), &fs) != 0) {
    if (errno != ENOENT) return failed("statfs " + quoted(existing), errno);
    const std::size_t slash = existing.rfind('/');
    if (slash == std::string::npos) return failed("statfs " + quoted(path), 2);
    existing.resize(std::max<std::size_t>(slash, 1));
  }
  if (fs.f_type == BPF_FS_MAGIC) return Ok{};
  const std::size_t slash = path.rfind('/');
  const std::string mount_point =
      existing == path || slash == 0 ? path : path.substr(0, slash);
  return Error{
      Code::kUnsupported,
      quoted(path) + " is not on a bpffs: mount -t bpf bpf " + mount_point};
}

Result<UniqueFd> LinuxKernel::lock(const std::string& folder,
                                   Deadline deadline) {
  UniqueFd fd(
      ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return failed("open " + quoted(folder), errno);
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) {
      return failed("lock " + quoted(folder), errno);
    }
    if (std::chrono::steady_clock::now() >= deadline) {
      return Error{
          Code::kExhausted,
          "lock " + quoted(folder) + ": another process holds it for too long",
          EWOULDBLOCK};
    }
    pause_briefly();
  }
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) {
    return failed("stat " + quoted(folder), errno);
  }
  if (status.st_nlink == 0) return failed("lock " + quoted(folder), ENOENT);
  return fd;
}

Result<bool> LinuxKernel::make_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0) return true;
  if (errno == EEXIST) return false;
  return failed("mkdir " + quoted(path), errno);
}

Status LinuxKernel::remove_folder(const std::string& path) {
  if (::rmdir(path.c_str()) == 0) return Ok{};
  return failed("rmdir " + quoted(path), errno);
}

Status LinuxKernel::unlink(const std::string& path) {
  if (::unlink(path.c_str()) == 0) return Ok{};
  return failed("unlink " + quoted(path), errno);
}

Status LinuxKernel::make_link(const std::string& text,
                              const std::string& path) {
  if (::symlink(text.c_str(), path.c_str()) == 0) return Ok{};
  return failed("make link " + quoted(path), errno);
}

Result<std::string> LinuxKernel::read_link(const std::string& path) {
  std::string text(PATH_MAX, '\0');
  const ssize_t size = ::readlink(path.c_str(), text.data(), text.size());
  if (size < 0) return failed("read link " + quoted(path), errno);
  text.resize(static_cast<std::size_t>(size));
  return text;
}

Result<std::vector<std::string>> LinuxKernel::list(const std::string& folder) {
  std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(folder.c_str()),
                                          ::closedir);
  if (!dir) return failed("open " + quoted(folder), errno);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(dir.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return failed("read " + quoted(folder), errno);
  std::sort(names.begin(), names.end());
  return names;
}

Result<Map> LinuxKernel::create_map(const MapSpec& spec, const Map* inner) {
  const TypeTraits type = traits(spec.type);
  LIBBPF_OPTS(bpf_map_create_opts, options);
  options.map_flags = type.flags;
  options.inner_map_fd = inner == nullptr ? 0 : inner->fd();
  UniqueFd types;
  if (spec.type == MapType::kSocketStorage) {
    ASSIGN_OR_RETURN(types, describe_storage(spec, options));
  }
  UniqueFd fd(::bpf_map_create(type.type, object_name(spec.name).c_str(),
                               spec.key_size, spec.value_size, spec.max_entries,
                               &options));
  if (fd) return Map(std::move(fd));
  const int err = errno;
  Error error = failed(
      "create map " + quoted(spec.name) + ", type: " + std::string(type.name),
      err);
  if (unsupported(err)) error.code = Code::kUnsupported;
  if (err == ENOMEM || err == E2BIG) error.code = Code::kExhausted;
  return error;
}

Status LinuxKernel::look_up(const Map& map, Bytes key,
                            std::span<std::byte> value) {
  if (::bpf_map_lookup_elem(map.fd(), key.data(), value.data()) == 0) {
    return Ok{};
  }
  return failed("look up in a map", errno);
}

Status LinuxKernel::update(const Map& map, Bytes key, Bytes value) {
  if (::bpf_map_update_elem(map.fd(), key.data(), value.data(), BPF_ANY) == 0) {
    return Ok{};
  }
  return failed("update map", errno);
}

Status LinuxKernel::update_of_each_processor(const Map& map, Bytes key,
                                             Bytes value) {
  std::vector<std::byte> values;
  for (int i = 0; i < ::libbpf_num_possible_cpus(); ++i) {
    values.insert(values.end(), value.begin(), value.end());
  }
  return update(map, key, values);
}

Status LinuxKernel::update_all(const Map& map, Bytes keys, Bytes values,
                               std::size_t count) {
  if (count == 0) return Ok{};
  LIBBPF_OPTS(bpf_map_batch_opts, options);
  options.elem_flags = BPF_ANY;
  auto done = static_cast<__u32>(count);
  if (::bpf_map_update_batch(map.fd(), keys.data(), values.data(), &done,
                             &options) == 0) {
    return Ok{};
  }
  return failed("update map by batch", errno);
}

Status LinuxKernel::erase(const Map& map, Bytes key) {
  if (::bpf_map_delete_elem(map.fd(), key.data()) == 0) return Ok{};
  return failed("remove from map", errno);
}

Result<std::vector<MapEntry>> LinuxKernel::entries(const Map& map,
                                                   std::size_t key_size,
                                                   std::size_t value_size) {
  std::vector<MapEntry> entries;
  std::vector<std::byte> key(key_size);
  const void* before = nullptr;
  while (::bpf_map_get_next_key(map.fd(), before, key.data()) == 0) {
    MapEntry entry{.key = key, .value = std::vector<std::byte>(value_size)};
    if (::bpf_map_lookup_elem(map.fd(), key.data(), entry.value.data()) == 0) {
      entries.push_back(std::move(entry));
    } else if (errno != ENOENT) {
      return failed("read map", errno);
    }
    before = key.data();
  }
  if (errno != ENOENT) return failed("walk map", errno);
  return entries;
}

Status LinuxKernel::set_inners(const Map& array,
                               std::span<const InnerMap> inners) {
  if (inners.empty()) return Ok{};
  std::vector<std::uint32_t> indices;
  std::vector<int> fds;
  for (const InnerMap& inner : inners) {
    indices.push_back(inner.index);
    fds.push_back(inner.fd);
  }
  LIBBPF_OPTS(bpf_map_batch_opts, options);
  auto done = static_cast<__u32>(inners.size());
  if (::bpf_map_update_batch(array.fd(), indices.data(), fds.data(), &done,
                             &options) == 0) {
    return Ok{};
  }
  // Arrays of maps take a batch since Linux 5.19.
  for (const InnerMap& inner : inners) {
    if (::bpf_map_update_elem(array.fd(), &inner.index, &inner.fd, BPF_ANY) !=
        0) {
      return failed("put a list into its place", errno);
    }
  }
  return Ok{};
}

Result<std::string> LinuxKernel::inner_name(const Map& array,
                                            std::uint32_t index) {
  __u32 id = 0;
  if (::bpf_map_lookup_elem(array.fd(), &index, &id) != 0) {
    return failed("look a list up in its map", errno);
  }
  const UniqueFd inner(::bpf_map_get_fd_by_id(id));
  if (!inner) return failed("open a list", errno);
  bpf_map_info info{};
  __u32 size = sizeof(info);
  if (::bpf_obj_get_info_by_fd(inner.get(), &info, &size) != 0) {
    return failed("ask for a list's name", errno);
  }
  return std::string(info.name, ::strnlen(info.name, sizeof(info.name)));
}

Result<Program> LinuxKernel::load(const emit::Program& program,
                                  std::span<const int> map_fds) {
  ASSIGN_OR_RETURN(const std::vector<bpf_insn> insns,
                   patch_maps(program, map_fds));
  const Hook hook = hook_of(program.flavour);
  const std::string name =
      "bailiff_" + std::string(emit::to_string(program.flavour));
  // SYSCALL programs run in a context that may sleep, and must say so.
  const std::uint32_t flags =
      program.flavour == emit::Flavour::kTest ? BPF_F_SLEEPABLE : 0;
  LIBBPF_OPTS(bpf_prog_load_opts, options);
  options.expected_attach_type = hook.attach;
  options.prog_flags = flags;
  const emit::FunctionTypes types = emit::function_types(program);
  UniqueFd btf;
  if (!types.btf.empty()) {
    btf = UniqueFd(::bpf_btf_load(types.btf.data(), types.btf.size(), nullptr));
    if (!btf) return failed("load the types of program " + quoted(name), errno);
    options.prog_btf_fd = static_cast<__u32>(btf.get());
    options.func_info = types.functions.data();
    options.func_info_cnt = static_cast<__u32>(types.functions.size());
    options.func_info_rec_size = sizeof(types.functions.front());
  }
  const auto load = [&] {
    return UniqueFd(::bpf_prog_load(hook.type, object_name(name).c_str(),
                                    "Dual BSD/GPL", insns.data(), insns.size(),
                                    &options));
  };
  // Without a log first: producing one costs more than verifying.
  UniqueFd fd = load();
  if (fd) return Program(std::move(fd));
  const int err = errno;
  std::vector<char> log(kVerifierLogBytes);
  options.log_buf = log.data();
  options.log_size = static_cast<__u32>(log.size());
  options.log_level = 1;
  fd = load();
  if (fd) return Program(std::move(fd));
  Error error = failed("load program " + quoted(name), err);
  const std::string reason = verifier_reason({log.data(), log.size()});
  if (!reason.empty()) {
    error.message += ": the verifier says: " + reason;
    // Helpers and map kinds that an old kernel does not know are refused by
    // its verifier too.
    if (err == EINVAL) error.code = Code::kUnsupported;
  } else if (unsupported(err)) {
    error.code = Code::kUnsupported;
  }
  return error;
}

Result<Link> LinuxKernel::attach(const Program& program, int cgroup,
                                 emit::Flavour flavour) {
  UniqueFd fd(::bpf_link_create(program.fd(), cgroup, hook_of(flavour).attach,
                                nullptr));
  if (fd) return Link(std::move(fd));
  const int err = errno;
  Error error =
      failed("attach program to '" + std::string(emit::to_string(flavour)) +
                 "' of the cgroup (cgroup links need Linux 5.7)",
             err);
  if (err == EINVAL) error.code = Code::kUnsupported;
  return error;
}

Result<std::vector<Interface>> LinuxKernel::interfaces(int netns) {
  std::vector<Interface> found;
  RETURN_IF_ERROR(in_network_namespace(netns, [&]() -> Status {
    ASSIGN_OR_RETURN(found, interfaces_here());
    return Ok{};
  }));
  return found;
}

Result<Link> LinuxKernel::attach_frames(const Program& program, int netns,
                                        const Interface& interface) {
  UniqueFd fd;
  RETURN_IF_ERROR(in_network_namespace(netns, [&]() -> Status {
    // By hand: libbpf as we link it refuses flags of what it does not know.
    union bpf_attr attr {};
    attr.link_create.prog_fd = static_cast<__u32>(program.fd());
    attr.link_create.target_ifindex = interface.index;
    attr.link_create.attach_type = kTcxEgress;
    attr.link_create.flags = kBefore;
    fd = UniqueFd(static_cast<int>(
        ::syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr.link_create))));
    if (fd) return Ok{};
    const int err = errno;
    const std::string frames = "attach program to frames of '" + interface.name;
    if (err == ERANGE) {
      // One less than BPF_MPROG_MAX (linux/bpf_mprog.h).
      return Error{Code::kExhausted,
                   frames +
                       "': the kernel takes 63 programs there, one or two of "
                       "each set of rules in one network",
                   err};
    }
    Error error = failed(frames + "' (tcx needs Linux 6.6)", err);
    if (err == EINVAL) error.code = Code::kUnsupported;
    if (err == ENODEV) error.code = Code::kNotFound;
    return error;
  }));
  return Link(std::move(fd));
}

Result<Link> LinuxKernel::frames_link(const Program& program, int netns,
                                      const Interface& interface,
                                      Deadline deadline) {
  ASSIGN_OR_RETURN(const std::uint32_t id, program_id(program));
  UniqueFd fd;
  RETURN_IF_ERROR(in_network_namespace(netns, [&]() -> Status {
    const std::string what = "open the link of a program at '" + interface.name;
    for (;; pause_briefly()) {
      ASSIGN_OR_RETURN(const std::uint32_t link, link_here(id, interface));
      if (link == 0) return failed(what + "'", ENOENT);
      fd = UniqueFd(::bpf_link_get_fd_by_id(link));
      if (fd) return Ok{};
      // Nobody has it any more, and a worker of the kernel takes it off.
      if (errno != ENOENT) return failed(what + "'", errno);
      if (std::chrono::steady_clock::now() >= deadline) {
        return Error{Code::kExhausted, what + "': it does not end", ENOENT};
      }
    }
  }));
  return Link(std::move(fd));
}

Result<FrameLinks> LinuxKernel::frame_links(
    int netns, std::span<const Interface> interfaces) {
  FrameLinks found;
  RETURN_IF_ERROR(in_network_namespace(netns, [&]() -> Status {
    for (const Interface& each : interfaces) {
      const auto attached = attached_here(each);
      // Before Linux 6.6 there is none.
      if (!attached && attached.error().sys_errno == EINVAL) return Ok{};
      if (!attached) return attached.error();
      for (const AttachedHere& one : *attached) {
        if (one.link != 0) found.emplace(one.link, each.index);
      }
    }
    return Ok{};
  }));
  return found;
}

Status LinuxKernel::replace(const Link& link, const Program& program) {
  if (::bpf_link_update(link.fd(), program.fd(), nullptr) == 0) return Ok{};
  const int err = errno;
  Error error = failed("replace a link's program", err);
  if (err == ENOLINK) error.code = Code::kNotFound;
  return error;
}

Status LinuxKernel::detach(const Link& link) {
  if (::bpf_link_detach(link.fd()) == 0) return Ok{};
  return failed("detach link", errno);
}

Status LinuxKernel::pin(int fd, const std::string& path) {
  if (::bpf_obj_pin(fd, path.c_str()) == 0) return Ok{};
  return failed("pin " + quoted(path), errno);
}

Result<Map> LinuxKernel::open_map(const std::string& path) {
  return open_pin<MapKind>("map", path);
}

Result<Program> LinuxKernel::open_program(const std::string& path) {
  return open_pin<ProgramKind>("program", path);
}

Result<Link> LinuxKernel::open_link(const std::string& path) {
  return open_pin<LinkKind>("link", path);
}

Result<std::uint32_t> LinuxKernel::program_id(const Program& program) {
  bpf_prog_info info{};
  __u32 size = sizeof(info);
  if (::bpf_obj_get_info_by_fd(program.fd(), &info, &size) != 0) {
    return failed("ask for a program's id", errno);
  }
  return info.id;
}

Result<LinkState> LinuxKernel::state(const Link& link) {
  bpf_link_info info{};
  __u32 size = sizeof(info);
  if (::bpf_obj_get_info_by_fd(link.fd(), &info, &size) != 0) {
    return failed("ask what a link is attached to", errno);
  }
  LinkState state{.id = info.id, .program = info.prog_id};
  if (info.type == BPF_LINK_TYPE_CGROUP) state.cgroup = info.cgroup.cgroup_id;
  if (info.type == kLinkTypeTcx) {
    // `tcx` of the union; it begins as `netns` does, with 32 bits.
    static_assert(sizeof info.netns.netns_ino == sizeof state.interface);
    state.interface = info.netns.netns_ino;
  }
  return state;
}

Result<Program> LinuxKernel::program_of(const Link& link) {
  ASSIGN_OR_RETURN(const LinkState state, this->state(link));
  UniqueFd fd(::bpf_prog_get_fd_by_id(state.program));
  if (fd) return Program(std::move(fd));
  return failed("open a link's program", errno);
}

}  // namespace bailiff::hook
