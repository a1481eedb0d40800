// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/kernel_memory.h"

#include <bpf/bpf.h>

#include <bit>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "oci/sys/unique_fd.h"

namespace bailiff::test {
namespace {

// Of what a map of this kind keeps for a cgroup, before the value.
constexpr std::size_t kStorageHead = 64;

template <typename Info>
Info info_of(const UniqueFd& object, Info info = {}) {
  std::uint32_t size = sizeof info;
  if (!object || ::bpf_obj_get_info_by_fd(object.get(), &info, &size) != 0) {
    throw std::runtime_error("ask for a BPF object");
  }
  return info;
}

// What is found, each once.
class Reached {
 public:
  void add_pin(const std::string& path) {
    const UniqueFd object(::bpf_obj_get(path.c_str()));
    if (!object) throw std::runtime_error("open '" + path + "'");
    ++memory_.pins;
    // "anon_inode:bpf-map", "anon_inode:bpf-prog", "anon_inode:bpf_link"
    const std::string kind =
        std::filesystem::read_symlink("/proc/self/fd/" +
                                      std::to_string(object.get()))
            .string();
    if (kind.find("map") != std::string::npos) return add_map(object);
    if (kind.find("prog") != std::string::npos) return add_program(object);
    add_program(UniqueFd(
        ::bpf_prog_get_fd_by_id(info_of<bpf_link_info>(object).prog_id)));
  }
  void add_folder() { ++memory_.pins; }
  const KernelMemory& memory() const { return memory_; }

 private:
  void add_program(const UniqueFd& program) {
    const auto info = info_of<bpf_prog_info>(program);
    if (!programs_.insert(info.id).second) return;
    memory_.programs += memlock_of(program.get()) + info.jited_prog_len;
    std::vector<std::uint32_t> ids(info.nr_map_ids);
    bpf_prog_info asked{};
    asked.nr_map_ids = info.nr_map_ids;
    asked.map_ids = reinterpret_cast<std::uintptr_t>(ids.data());
    (void)info_of(program, asked);
    for (const std::uint32_t id : ids) {
      add_map(UniqueFd(::bpf_map_get_fd_by_id(id)));
    }
  }

  void add_map(const UniqueFd& map) {
    const auto info = info_of<bpf_map_info>(map);
    if (!maps_.insert(info.id).second) return;
    memory_.maps += memlock_of(map.get());
    if (info.type == BPF_MAP_TYPE_CGROUP_STORAGE) {
      // The allocator's sizes are powers of two.
      memory_.of_cgroups +=
          entries_of(map, info) * std::bit_ceil(kStorageHead + info.value_size);
    }
    if (info.type != BPF_MAP_TYPE_ARRAY_OF_MAPS) return;
    for (std::uint32_t i = 0; i < info.max_entries; ++i) {
      std::uint32_t id = 0;
      if (::bpf_map_lookup_elem(map.get(), &i, &id) != 0) continue;
      add_map(UniqueFd(::bpf_map_get_fd_by_id(id)));
    }
  }

  static std::size_t entries_of(const UniqueFd& map, const bpf_map_info& info) {
    std::vector<char> key(info.key_size);
    std::size_t count = 0;
    while (::bpf_map_get_next_key(map.get(), count == 0 ? nullptr : key.data(),
                                  key.data()) == 0) {
      ++count;
    }
    return count;
  }

  std::set<std::uint32_t> programs_;
  std::set<std::uint32_t> maps_;
  KernelMemory memory_;
};

}  // namespace

std::size_t memlock_of(int fd) {
  std::ifstream about("/proc/self/fdinfo/" + std::to_string(fd));
  for (std::string line; std::getline(about, line);) {
    if (line.starts_with("memlock:")) return std::stoul(line.substr(8));
  }
  throw std::runtime_error("ask for an object's memory");
}

KernelMemory memory_below(const std::string& bpf_dir) {
  Reached reached;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(bpf_dir)) {
    if (entry.is_symlink()) continue;  // names, of lists' places and of users
    if (entry.is_directory()) {
      reached.add_folder();
    } else {
      reached.add_pin(entry.path().string());
    }
  }
  return reached.memory();
}

}  // namespace bailiff::test
