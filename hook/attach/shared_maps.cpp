// SPDX-License-Identifier: Apache-2.0
#include "hook/attach/shared_maps.h"

#include <chrono>
#include <utility>

#include "hook/attach/attach.h"
#include "hook/attach/judged.h"
#include "hook/attach/kept_facts.h"
#include "hook/attach/maps.h"
#include "hook/attach/observer.h"
#include "hook/attach/pins.h"

namespace bailiff::hook {
namespace {

// Makes the folder and those above it that are missing.
Status make_folders(const std::string& path, Kernel& kernel) {
  Result<bool> made = kernel.make_folder(path);
  if (!made && made.error().code == Code::kNotFound) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos || slash == 0) {
      return std::move(made).error();
    }
    RETURN_IF_ERROR(make_folders(path.substr(0, slash), kernel));
    made = kernel.make_folder(path);
  }
  if (!made) return std::move(made).error();
  return Ok{};
}

}  // namespace

Status ensure_shared_maps(const std::string& bpf_dir, Kernel& kernel) {
  const Pins pins(bpf_dir);
  RETURN_IF_ERROR(kernel.check_bpffs(bpf_dir));
  RETURN_IF_ERROR(make_folders(bpf_dir, kernel));
  ASSIGN_OR_RETURN(
      const UniqueFd lock,
      kernel.lock(bpf_dir, std::chrono::steady_clock::now() + kLockWait));
  for (const emit::MapKind kind : {emit::MapKind::kEvents, emit::MapKind::kLost,
                                   emit::MapKind::kSenders}) {
    const std::string pin = pins.map(kind);
    Result<Map> map = kernel.open_map(pin);
    if (map) continue;
    if (map.error().code != Code::kNotFound) return std::move(map).error();
    ASSIGN_OR_RETURN(const Map made, create_map(kind, kernel));
    RETURN_IF_ERROR(kernel.pin(made.fd(), pin));
  }
  Undo undo;
  ASSIGN_OR_RETURN(const Map judged, judged_map(pins, kernel, undo));
  RETURN_IF_ERROR(kept_facts(pins, kernel, undo));
  RETURN_IF_ERROR(ensure_observer_maps(pins, kernel, undo));
  undo.keep();
  // A kernel that cannot load the programs is good for all other rules: who
  // needs them is told why.
  Undo programs;
  if (ensure_observer_programs(pins, kernel, programs)) programs.keep();
  return Ok{};
}

}  // namespace bailiff::hook
