// SPDX-License-Identifier: Apache-2.0
// hook/kernel/kernel.h
// The seam to bpf(2) and bpffs: one method per kind of call, nothing decided
// here, so that tests can stand in for the kernel or fail its k-th call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "oci/sys/pidfd.h"
#include "oci/sys/unique_fd.h"
#include "rules/base/result.h"
#include "rules/emit/program.h"
#include "rules/types/value.h"

namespace bailiff::hook {

// A descriptor of a kernel object.  The object lives as long as a descriptor,
// a pin, or another object that uses it: dropping this one need not end it.
template <typename Kind>
class Object {
 public:
  explicit Object(UniqueFd fd) : fd_(std::move(fd)) {}
  // Borrowed.
  int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
};
using Map = Object<struct MapKind>;
using Program = Object<struct ProgramKind>;
// An attachment.  Without a pin, it ends with its last descriptor.
using Link = Object<struct LinkKind>;

enum class MapType : std::uint8_t {
  kRingBuffer,
  kPerCpuArray,
  kCgroupStorage,  // keyed by cgroup id, one value for all attach points
  kSocketStorage,  // keyed by socket
  kArray,
  kArrayOfMaps,
  kPages,  // array whose first value begins at a page, of a length of its own
           // also inside a kArrayOfMaps
  kHash,
  kSparseHash,  // takes memory for an entry when that is made
  kLruHash,     // a new key may push out the one that was not used for longest
  kLongestPrefix,  // a trie: the key begins with how many of its bits count
};

struct MapSpec {
  MapType type = MapType::kPages;
  // Shown by `bpftool map`; the first 15 bytes of [A-Za-z0-9_.] count.
  std::string name;
  std::uint32_t key_size = 0;
  std::uint32_t value_size = 0;
  std::uint32_t max_entries = 0;
};

struct LinkState {
  std::uint32_t id = 0;       // the kernel's
  std::uint32_t program = 0;  // the same
  // Of the cgroup it is attached to; 0 when that is gone, or when it is
  // attached to something else.
  std::uint64_t cgroup = 0;
  // The same of an interface: its index.
  std::uint32_t interface = 0;
};

using Bytes = std::span<const std::byte>;

// What an array of maps is to hold.
struct InnerMap {
  std::uint32_t index = 0;
  int fd = -1;  // borrowed
};

struct MapEntry {
  std::vector<std::byte> key;
  std::vector<std::byte> value;
};

// The maps the observer shares with others, borrowed.
struct ObserverMaps {
  const Map& observed;
  const Map& config;
  const Map& records;
  const Map& lost;
  const Map& task_pages;
  const Map& tasks;
};
// A name for the programs that load_observer() would load: other programs,
// another name.
std::string observer_version();
// Names, shown by `bpftool prog`, in the order of hook/bpf/observe.bpf.c.
inline constexpr std::string_view kObserverPrograms[] = {"on_fork", "on_exit",
                                                         "on_exec", "on_call"};
struct ObserverProgram {
  std::string name;
  Program program;
};

// Where a container is held off the network (hook/bpf/isolate.bpf.c), packets
// first: what is attached before the others lets nothing pass that they would
// have told.
enum class IsolationHook : std::uint8_t {
  kEgress,
  kIngress,
  kConnect4,
  kConnect6,
  kSendmsg4,
  kSendmsg6,
};
inline constexpr IsolationHook kIsolationHooks[] = {
    IsolationHook::kEgress,   IsolationHook::kIngress,
    IsolationHook::kConnect4, IsolationHook::kConnect6,
    IsolationHook::kSendmsg4, IsolationHook::kSendmsg6};
std::string_view to_string(IsolationHook hook);  // "egress"
struct IsolationProgram {
  IsolationHook hook = IsolationHook::kEgress;
  Program program;
};

// An interface of a network namespace.
struct Interface {
  std::uint32_t index = 0;
  std::string name;
  std::uint16_t type = 0;  // ARPHRD_*: what its frames begin with
  // One end of a veth pair, without an IPv4 address: a host's to a container.
  bool leads_inside = false;
};

// Of links at interfaces, by id: the index of the interface.
using FrameLinks = std::map<std::uint32_t, std::uint32_t>;

// The bytes of a plain value, for keys and values.
template <typename T>
Bytes bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

// The instructions with `fds[i]` for the program's i-th map wherever a
// relocation says so, and for a list with where its number is in that map.
// Fails when a relocation points past either.
Result<std::vector<bpf_insn>> patch_maps(const emit::Program& program,
                                         std::span<const int> fds);

// What a person needs of a verifier log: the last lines that say something,
// without the register dumps and the statistics at its end.
std::string verifier_reason(std::string_view log);

// Errors name the call and its object; kUnsupported when the kernel has no
// such feature, kNotFound for a path or key that is not there.  Nothing blocks
// except lock(), frames_link() and set_inners().  One thread at a time.
class Kernel {
 public:
  virtual ~Kernel() = default;

  // Whether `path`, or when it does not exist the nearest folder above it that
  // does, is on a bpffs; if not, kUnsupported with the remedy.
  virtual Status check_bpffs(const std::string& path) = 0;
  // Holds the folder locked (flock) against other processes until the result
  // is dropped.  kNotFound when the folder is, or while waiting was, removed.
  virtual Result<UniqueFd> lock(const std::string& folder,
                                Deadline deadline) = 0;
  // False when there is something of that name already.
  virtual Result<bool> make_folder(const std::string& path) = 0;
  virtual Status remove_folder(const std::string& path) = 0;
  virtual Status unlink(const std::string& path) = 0;
  // A symbolic link at `path`, which must not be there.
  virtual Status make_link(const std::string& text,
                           const std::string& path) = 0;
  virtual Result<std::string> read_link(const std::string& path) = 0;
  // Names, sorted, without "." and "..".
  virtual Result<std::vector<std::string>> list(const std::string& folder) = 0;

  // `inner`, for kArrayOfMaps only, shows the kind of map it will hold.
  virtual Result<Map> create_map(const MapSpec& spec, const Map* inner) = 0;
  // Into `value`, which has the size of the map's values.
  virtual Status look_up(const Map& map, Bytes key,
                         std::span<std::byte> value) = 0;
  virtual Status update(const Map& map, Bytes key, Bytes value) = 0;
  // The same value for every processor; its size is a multiple of 8.
  virtual Status update_of_each_processor(const Map& map, Bytes key,
                                          Bytes value) = 0;
  // Keys and values lie one after the other; `count` of each.  Some may have
  // been written when it fails.
  virtual Status update_all(const Map& map, Bytes keys, Bytes values,
                            std::size_t count) = 0;
  // kNotFound when the key is not there.
  virtual Status erase(const Map& map, Bytes key) = 0;
  // Of a map whose keys and values are that long.  What others add or remove
  // meanwhile may be missing.
  virtual Result<std::vector<MapEntry>> entries(const Map& map,
                                                std::size_t key_size,
                                                std::size_t value_size) = 0;
  // Puts each map in place of what the array holds at its index, at once for
  // everybody who looks it up.  When it fails, some may be there.
  // Waits for the programs that run meanwhile: about 10 ms, whatever the maps;
  // before Linux 6.8 for each of them.
  virtual Status set_inners(const Map& array,
                            std::span<const InnerMap> inners) = 0;
  // The name of the map that lies at `index`.
  virtual Result<std::string> inner_name(const Map& array,
                                         std::uint32_t index) = 0;

  // What it asks of the kernel is taken not to be known, unless with_facts()
  // has filled it in.  A rejection by the verifier ends in verifier_reason() of
  // its log.
  virtual Result<Program> load(const emit::Program& program,
                               std::span<const int> map_fds) = 0;
  // `cgroup` is a borrowed descriptor of a cgroup2 folder.  Programs of
  // others, attached to it or above it, keep running.
  virtual Result<Link> attach(const Program& program, int cgroup,
                              emit::Flavour flavour) = 0;
  // The programs of the observer (hook/bpf/observe.bpf.c) over these maps.
  virtual Result<std::vector<ObserverProgram>> load_observer(
      const ObserverMaps& maps) = 0;
  // Attaches a program of the observer to the tracepoint it was made for.  The
  // attachment ends with its last descriptor and pin.
  virtual Result<Link> attach_tracing(const Program& program) = 0;
  // Those of the namespace `netns`, a borrowed descriptor, but for loopbacks.
  virtual Result<std::vector<Interface>> interfaces(int netns) = 0;
  // To what leaves the interface (tcx, Linux 6.6), before the programs that are
  // there.  kNotFound when it is gone by now; with EEXIST when this very
  // program is attached to it.
  virtual Result<Link> attach_frames(const Program& program, int netns,
                                     const Interface& interface) = 0;
  // The link by which this very program is attached there, whoever has made it.
  // One without a pin or descriptor is about to end: until it has, waits.
  // kNotFound when there is none.
  virtual Result<Link> frames_link(const Program& program, int netns,
                                   const Interface& interface,
                                   Deadline deadline) = 0;
  // Of all programs there.
  virtual Result<FrameLinks> frame_links(
      int netns, std::span<const Interface> interfaces) = 0;
  // Puts `program` in the place of the link's, at once: what is judged
  // meanwhile is judged by one of them.  kNotFound when the cgroup or the
  // interface it was attached to is gone; of frames, with EEXIST when this very
  // program is attached to the interface by another link.
  virtual Status replace(const Link& link, const Program& program) = 0;
  // One for each of kIsolationHooks, in that order; `allowed` is a
  // kLongestPrefix of the peers that are.
  virtual Result<std::vector<IsolationProgram>> load_isolation(
      const Map& allowed) = 0;
  virtual Result<Link> attach_isolation(const IsolationProgram& program,
                                        int cgroup) = 0;
  // Ends every TCP connection and every connected UDP socket of the namespace
  // whose socket belongs to one of the cgroups (by id), but for those with a
  // peer in `spared`; see Connections::end().  `netns` is a borrowed
  // descriptor, -1 for the caller's own namespace.
  virtual Status cut_connections(int netns,
                                 const std::set<std::uint64_t>& cgroups,
                                 std::span<const IpNetwork> spared) = 0;
  // Ends the attachment now; descriptors and pins of it become inert.
  virtual Status detach(const Link& link) = 0;

  // `fd` is borrowed, of a map, program or link.
  virtual Status pin(int fd, const std::string& path) = 0;
  virtual Result<Map> open_map(const std::string& path) = 0;
  virtual Result<Program> open_program(const std::string& path) = 0;
  virtual Result<Link> open_link(const std::string& path) = 0;

  virtual Result<std::uint32_t> program_id(const Program& program) = 0;
  virtual Result<LinkState> state(const Link& link) = 0;
  // The program that is attached by the link.
  virtual Result<Program> program_of(const Link& link) = 0;
};

// The kernel this process runs on.  Owns nothing; any number may exist.
class LinuxKernel : public Kernel {
 public:
  LinuxKernel();

  Status check_bpffs(const std::string& path) override;
  Result<UniqueFd> lock(const std::string& folder, Deadline deadline) override;
  Result<bool> make_folder(const std::string& path) override;
  Status remove_folder(const std::string& path) override;
  Status unlink(const std::string& path) override;
  Status make_link(const std::string& text, const std::string& path) override;
  Result<std::string> read_link(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& folder) override;
  Result<Map> create_map(const MapSpec& spec, const Map* inner) override;
  Status look_up(const Map& map, Bytes key,
                 std::span<std::byte> value) override;
  Status update(const Map& map, Bytes key, Bytes value) override;
  Status update_of_each_processor(const Map& map, Bytes key,
                                  Bytes value) override;
  Status update_all(const Map& map, Bytes keys, Bytes values,
                    std::size_t count) override;
  Status erase(const Map& map, Bytes key) override;
  Result<std::vector<MapEntry>> entries(const Map& map, std::size_t key_size,
                                        std::size_t value_size) override;
  Status set_inners(const Map& array,
                    std::span<const InnerMap> inners) override;
  Result<std::string> inner_name(const Map& array,
                                 std::uint32_t index) override;
  Result<Program> load(const emit::Program& program,
                       std::span<const int> map_fds) override;
  Result<Link> attach(const Program& program, int cgroup,
                      emit::Flavour flavour) override;
  Result<std::vector<ObserverProgram>> load_observer(
      const ObserverMaps& maps) override;
  Result<Link> attach_tracing(const Program& program) override;
  Result<std::vector<Interface>> interfaces(int netns) override;
  Result<Link> attach_frames(const Program& program, int netns,
                             const Interface& interface) override;
  Result<Link> frames_link(const Program& program, int netns,
                           const Interface& interface,
                           Deadline deadline) override;
  Result<FrameLinks> frame_links(
      int netns, std::span<const Interface> interfaces) override;
  Status replace(const Link& link, const Program& program) override;
  Result<std::vector<IsolationProgram>> load_isolation(
      const Map& allowed) override;
  Result<Link> attach_isolation(const IsolationProgram& program,
                                int cgroup) override;
  Status cut_connections(int netns, const std::set<std::uint64_t>& cgroups,
                         std::span<const IpNetwork> spared) override;
  Status detach(const Link& link) override;
  Status pin(int fd, const std::string& path) override;
  Result<Map> open_map(const std::string& path) override;
  Result<Program> open_program(const std::string& path) override;
  Result<Link> open_link(const std::string& path) override;
  Result<std::uint32_t> program_id(const Program& program) override;
  Result<LinkState> state(const Link& link) override;
  Result<Program> program_of(const Link& link) override;
};

}  // namespace bailiff::hook
