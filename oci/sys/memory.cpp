// SPDX-License-Identifier: Apache-2.0
#include "oci/sys/memory.h"

#include <malloc.h>
#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <string_view>
#include <system_error>

#include "oci/sys/files.h"

namespace bailiff {
namespace {

constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t kMaxFileBytes = 1 << 16;

std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t value = 0;
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  return value;
}

// The number in a file of one, such as memory.max; "max" is none.
std::optional<std::uint64_t> read_number(const std::string& path) {
  const auto text = read_bounded(path, kMaxFileBytes);
  return text ? number_in(*text) : std::nullopt;
}

// The number behind `key` at the begin of a line.
std::optional<std::uint64_t> read_line(const std::string& path,
                                       std::string_view key) {
  const auto text = read_bounded(path, kMaxFileBytes);
  if (!text) return std::nullopt;
  std::string_view rest = *text;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    if (line.starts_with(key)) return number_in(line.substr(key.size()));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
  }
  return std::nullopt;
}

struct Controller {
  std::string_view prefix;  // of its line in /proc/self/cgroup, behind a number
  const char* mount;
  const char* limit;
  const char* used;
  std::string_view cache;  // in memory.stat
};
// Where systemd and engines mount them.
constexpr Controller kControllers[] = {
    {"::", "/sys/fs/cgroup", "/memory.max", "/memory.current", "file "},
    {"::", "/sys/fs/cgroup/unified", "/memory.max", "/memory.current", "file "},
    {":memory:", "/sys/fs/cgroup/memory", "/memory.limit_in_bytes",
     "/memory.usage_in_bytes", "total_cache "}};

// The controller's cgroup of this process; "" is the root.
std::string own_cgroup(const std::string& root, std::string_view prefix) {
  const auto text = read_bounded(root + "/proc/self/cgroup", kMaxFileBytes);
  if (!text) return "";
  std::string_view rest = *text;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const std::size_t name = line.find(':');
    if (name == line.npos || !line.substr(name).starts_with(prefix)) continue;
    const std::string_view path = line.substr(name + prefix.size());
    return path == "/" ? "" : std::string(path);
  }
  return "";
}

std::uint64_t left_in(const std::string& cgroup, const Controller& controller) {
  const auto limit = read_number(cgroup + controller.limit);
  const auto used = read_number(cgroup + controller.used);
  if (!limit || !used) return kNoLimit;
  const std::uint64_t cache =
      read_line(cgroup + "/memory.stat", controller.cache).value_or(0);
  const std::uint64_t kept = *used - std::min(*used, cache);
  return *limit - std::min(*limit, kept);
}

// Of the cgroup and of all above it.  What is outside of our mount is not seen:
// then the mount is our cgroup.
std::uint64_t left_below(const std::string& root,
                         const Controller& controller) {
  std::uint64_t left = kNoLimit;
  std::string path = own_cgroup(root, controller.prefix);
  for (;;) {
    left = std::min(left, left_in(root + controller.mount + path, controller));
    if (path.empty()) return left;
    path.resize(path.rfind('/'));
  }
}

std::uint64_t left_of_data(const std::string& root) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_DATA, &limit) != 0 ||
      limit.rlim_cur == RLIM_INFINITY) {
    return kNoLimit;
  }
  const auto kib = read_line(root + "/proc/self/status", "VmData:");
  if (!kib) return kNoLimit;
  const std::uint64_t used = *kib * 1024;
  return limit.rlim_cur - std::min<std::uint64_t>(limit.rlim_cur, used);
}

}  // namespace

std::uint64_t memory_below_limits(const std::string& root) {
  std::uint64_t left = left_of_data(root);
  for (const Controller& controller : kControllers) {
    left = std::min(left, left_below(root, controller));
  }
  if (const auto kib = read_line(root + "/proc/meminfo", "MemAvailable:")) {
    left = std::min(left, *kib * 1024);
  }
  return left;
}

std::uint64_t memory_left() {
  const std::uint64_t limited = memory_below_limits();
  const std::uint64_t free = ::mallinfo2().fordblks;
  return limited > kNoLimit - free ? kNoLimit : limited + free;
}

}  // namespace bailiff
