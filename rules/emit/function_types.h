// SPDX-License-Identifier: Apache-2.0
// rules/emit/function_types.h
// What the kernel has to be told of a program with functions of its own: BTF,
// the type of each, without which it takes them for parts of what calls them.
#pragma once

#include <linux/bpf.h>

#include <cstddef>
#include <vector>

#include "rules/emit/program.h"

namespace bailiff::emit {

struct FunctionTypes {
  std::vector<std::byte> btf;            // for BPF_BTF_LOAD
  std::vector<bpf_func_info> functions;  // for BPF_PROG_LOAD, with that BTF
};

// Of every function, the main program and plain subprograms included; none when
// the program has no `functions`, as nothing has to be told then.
FunctionTypes function_types(const Program& program);

}  // namespace bailiff::emit
