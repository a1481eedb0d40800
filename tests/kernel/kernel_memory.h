// SPDX-License-Identifier: Apache-2.0
// tests/kernel/kernel_memory.h
// The kernel memory of BPF objects, as the kernel itself accounts for it.
#pragma once

#include <cstddef>
#include <string>

namespace bailiff::test {

// Of a map or a program, bytes ("memlock" in its fdinfo).  Throws.
std::size_t memlock_of(int fd);

struct KernelMemory {
  std::size_t programs = 0;    // bytes, with those for the processor
  std::size_t maps = 0;        // with what is in them, but for the next
  std::size_t of_cgroups = 0;  // what maps keep for each cgroup
  std::size_t pins = 0;        // how many, with folders

  // The kernel accounts for no link: it is taken to need this much, with its
  // pin and its place at the hook point; measured are some 300 bytes.
  static constexpr std::size_t kOfPin = 1024;
  std::size_t bytes() const {
    return programs + maps + of_cgroups + pins * kOfPin;
  }
};

// Of all that is pinned below the folder on a bpffs, and what that refers to:
// the programs of links, the maps of programs, the maps in maps; each once.
// Throws.
KernelMemory memory_below(const std::string& bpf_dir);

}  // namespace bailiff::test
