// SPDX-License-Identifier: Apache-2.0
// hook/kernel/btf.h
// Types, as the kernel has them and is told them.
#pragma once

#include <bpf/btf.h>

#include <memory>

namespace bailiff::hook {

struct FreeBtf {
  void operator()(::btf* types) const { ::btf__free(types); }
};
using Btf = std::unique_ptr<::btf, FreeBtf>;

}  // namespace bailiff::hook
