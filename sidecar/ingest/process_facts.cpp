// SPDX-License-Identifier: Apache-2.0
#include "sidecar/ingest/process_facts.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "oci/sys/unique_fd.h"
#include "rules/abi/observe.h"

namespace bailiff::sidecar {
namespace {

constexpr std::size_t kMaxStat = 1024;
constexpr std::uint64_t kNanoseconds = 1'000'000'000;

// The first `limit` bytes of a file of /proc, at most kMaxCommandLine: those
// read here are made whole by the read that asks for them, so that one that
// comes back short has the end.
std::optional<std::string> read_start(int folder, const char* name,
                                      std::size_t limit) {
  const UniqueFd fd(::openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) return std::nullopt;
  // No page of the heap is touched for what is a few bytes, most times.
  std::array<char, kMaxCommandLine> text;
  const ssize_t got =
      ::read(fd.get(), text.data(), std::min(limit, text.size()));
  if (got < 0) return std::nullopt;
  return std::string(text.data(), static_cast<std::size_t>(got));
}

std::optional<std::string> read_link(int folder, const char* name) {
  std::array<char, PATH_MAX> target{};
  const ssize_t size = ::readlinkat(folder, name, target.data(), target.size());
  if (size <= 0) return std::nullopt;
  return std::string(target.data(), static_cast<std::size_t>(size));
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return value;
}

struct Stat {
  std::string comm;
  std::uint64_t ppid = 0;
  std::uint64_t tty = 0;
  std::uint64_t start_ticks = 0;
};

// "PID (COMM) STATE PPID …", where COMM may hold anything, ')' and blanks too:
// the fields are counted from behind the last ')'.
std::optional<Stat> parse_stat(std::string_view text) {
  constexpr int kPpid = 4;
  constexpr int kTty = 7;
  constexpr int kStartTime = 22;
  const std::size_t close = text.rfind(')');
  if (close == std::string_view::npos) return std::nullopt;
  std::string_view rest = text.substr(close + 1);
  Stat stat;
  const std::size_t open = text.find('(');
  if (open < close) stat.comm = text.substr(open + 1, close - open - 1);
  for (int field = 3; field <= kStartTime; ++field) {
    const std::size_t begin = rest.find_first_not_of(' ');
    if (begin == std::string_view::npos) return std::nullopt;
    rest.remove_prefix(begin);
    const std::string_view word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(word.size());
    const std::optional<std::uint64_t> value = number(word);
    if (field == kTty) stat.tty = value.value_or(0);
    if (field != kPpid && field != kStartTime) continue;
    if (!value) return std::nullopt;
    (field == kPpid ? stat.ppid : stat.start_ticks) = *value;
  }
  return stat;
}

std::vector<std::string> split_arguments(std::string_view text) {
  std::vector<std::string> args;
  while (!text.empty()) {
    const std::string_view arg = text.substr(0, text.find('\0'));
    args.emplace_back(arg);
    text.remove_prefix(std::min(text.size(), arg.size() + 1));
  }
  return args;
}

std::optional<std::string> comm_of(std::uint64_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/comm";
  std::optional<std::string> comm = read_start(AT_FDCWD, path.c_str(), 64);
  if (comm && !comm->empty() && comm->back() == '\n') comm->pop_back();
  return comm;
}

std::uint64_t ticks_per_second() {
  static const long kTicks = ::sysconf(_SC_CLK_TCK);
  return kTicks > 0 ? static_cast<std::uint64_t>(kTicks) : 100;
}

}  // namespace

ProcessFacts read_process(pid_t tgid, std::uint64_t boottime_ns) {
  ProcessFacts facts;
  const std::string path = "/proc/" + std::to_string(tgid);
  // An open folder of /proc stays that of the process it was opened for: once
  // that is gone, everything below is ESRCH, whoever has the number then.
  const UniqueFd folder(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return facts;
  const std::optional<std::string> text =
      read_start(folder.get(), "stat", kMaxStat);
  const std::optional<Stat> stat = text ? parse_stat(*text) : std::nullopt;
  if (!stat) return facts;
  // Rounded down by the kernel, so a process that is the event's own is never
  // taken for a later one.
  const std::uint64_t start_ns =
      stat->start_ticks * (kNanoseconds / ticks_per_second());
  if (start_ns > boottime_ns) return facts;

  facts.comm = stat->comm;
  facts.start_ns = start_ns;
  facts.ppid = static_cast<std::int64_t>(stat->ppid);
  facts.tty = static_cast<std::int64_t>(stat->tty);
  if (stat->ppid != 0) facts.parent_comm = comm_of(stat->ppid);
  if (const auto uid = read_start(folder.get(), "loginuid", 32)) {
    if (const std::optional<std::uint64_t> value = number(*uid)) {
      facts.login_uid =
          *value == UINT32_MAX ? -1 : static_cast<std::int64_t>(*value);
    }
  }
  if (const auto line = read_start(folder.get(), "cmdline", kMaxCommandLine)) {
    facts.args = split_arguments(*line);
  }
  facts.exe_path = read_link(folder.get(), "exe");
  facts.cwd = read_link(folder.get(), "cwd");
  return facts;
}

std::vector<std::string> read_names_from(std::int64_t pid) {
  std::vector<std::string> names;
  while (pid > 0 && names.size() < BAILIFF_MAX_ANCESTORS) {
    const std::string path = "/proc/" + std::to_string(pid) + "/stat";
    const std::optional<std::string> text =
        read_start(AT_FDCWD, path.c_str(), kMaxStat);
    const std::optional<Stat> stat = text ? parse_stat(*text) : std::nullopt;
    if (!stat) break;
    names.push_back(stat->comm);
    pid = static_cast<std::int64_t>(stat->ppid);
  }
  return names;
}

std::optional<std::vector<std::string>> read_environment(pid_t tgid) {
  const std::string path = "/proc/" + std::to_string(tgid) + "/environ";
  const std::optional<std::string> text =
      read_start(AT_FDCWD, path.c_str(), kMaxCommandLine);
  if (!text) return std::nullopt;
  return split_arguments(*text);
}

std::optional<std::uint32_t> read_own_pid(pid_t tgid) {
  constexpr std::size_t kMaxStatus = 4096;
  constexpr std::string_view kLine = "\nNSpid:";
  const std::string path = "/proc/" + std::to_string(tgid) + "/status";
  const std::optional<std::string> text =
      read_start(AT_FDCWD, path.c_str(), kMaxStatus);
  const std::size_t at = text ? text->find(kLine) : std::string::npos;
  if (at == std::string::npos) return std::nullopt;
  // One number for each namespace, the innermost last.
  std::string_view line = std::string_view(*text).substr(at + kLine.size());
  line = line.substr(0, line.find('\n'));
  const std::optional<std::uint64_t> last =
      number(line.substr(line.find_last_of(" \t") + 1));
  if (!last) return std::nullopt;
  return static_cast<std::uint32_t>(*last);
}

std::uint64_t to_clock_tick(std::uint64_t boottime_ns) {
  return boottime_ns - boottime_ns % (kNanoseconds / ticks_per_second());
}

}  // namespace bailiff::sidecar
