// SPDX-License-Identifier: Apache-2.0
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>

#include <algorithm>
#include <memory>

#include "hook/bpf/observe.skel.h"
#include "hook/kernel/call_numbers.h"
#include "hook/kernel/kernel.h"
#include "oci/sys/errno_error.h"
#include "rules/base/digest.h"

namespace bailiff::hook {
namespace {

struct Destroy {
  void operator()(::observe* object) const { ::observe__destroy(object); }
};

Error observer_error(const char* what, int err) {
  Error error = errno_error(std::string(what) + " the observer", err);
  // A kernel without BTF, or without a helper: its verifier's EINVAL too.
  if (err == EINVAL || err == ENOENT || err == ESRCH || err == ENOTSUP) {
    error.code = Code::kUnsupported;
    error.message += " (needs Linux 6.1 with BTF)";
  }
  return error;
}

Result<Program> keep(const char* name, const ::bpf_program* program) {
  UniqueFd fd(::fcntl(::bpf_program__fd(program), F_DUPFD_CLOEXEC, 0));
  if (!fd) return errno_error(std::string("keep program '") + name + "'");
  return Program(std::move(fd));
}

}  // namespace

std::string observer_version() {
  constexpr std::size_t kCharacters = 16;
  std::size_t size = 0;
  const auto* bytes = static_cast<const char*>(::observe__elf_bytes(&size));
  return digest_of({bytes, size}).hex().substr(0, kCharacters);
}

Result<std::vector<ObserverProgram>> LinuxKernel::load_observer(
    const ObserverMaps& maps) {
  const std::unique_ptr<::observe, Destroy> object(::observe__open());
  if (!object) return observer_error("open", errno);
  std::copy(native_calls().begin(), native_calls().end(),
            const_cast<std::uint8_t*>(object->rodata->native_calls));
  std::copy(compat_calls().begin(), compat_calls().end(),
            const_cast<std::uint8_t*>(object->rodata->compat_calls));
  const std::pair<::bpf_map*, const Map&> shared[] = {
      {object->maps.observed, maps.observed},
      {object->maps.config, maps.config},
      {object->maps.records, maps.records},
      {object->maps.lost, maps.lost},
      {object->maps.task_pages, maps.task_pages},
      {object->maps.tasks, maps.tasks},
  };
  for (const auto& [map, ours] : shared) {
    if (const int err = ::bpf_map__reuse_fd(map, ours.fd()); err != 0) {
      return observer_error("give a map to", -err);
    }
  }
  if (const int err = ::observe__load(object.get()); err != 0) {
    return observer_error("load", -err);
  }
  std::vector<ObserverProgram> programs;
  for (const std::string_view name : kObserverPrograms) {
    const std::string text(name);
    const ::bpf_program* program =
        ::bpf_object__find_program_by_name(object->obj, text.c_str());
    if (program == nullptr) return observer_error("find a program of", ENOENT);
    ASSIGN_OR_RETURN(Program kept, keep(text.c_str(), program));
    programs.push_back({text, std::move(kept)});
  }
  return programs;
}

Result<Link> LinuxKernel::attach_tracing(const Program& program) {
  UniqueFd fd(::bpf_raw_tracepoint_open(nullptr, program.fd()));
  if (fd) return Link(std::move(fd));
  return observer_error("attach a program of", errno);
}

}  // namespace bailiff::hook
