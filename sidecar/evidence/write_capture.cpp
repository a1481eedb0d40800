// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "oci/sys/errno_error.h"
#include "sidecar/alert/timestamp.h"
#include "sidecar/evidence/archive_writer.h"
#include "sidecar/evidence/checkpoint.h"
#include "sidecar/evidence/collected.h"
#include "sidecar/evidence/sha256.h"
#include "sidecar/evidence/spelling.h"

namespace bailiff::sidecar {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

// Of one program: the largest static binaries have some 100 MiB, and malware a
// hundredth of that.
constexpr std::uint64_t kMaxProgramBytes = 128ULL << 20;
// A program is hashed whole or not at all.
constexpr std::uint64_t kMaxHashedBytes = 1ULL << 30;
// Of one changed file: its beginning tells what it is.
constexpr std::uint64_t kMaxFileBytes = 16ULL << 20;
// All copied content of a capture.
constexpr std::uint64_t kMaxContentBytes = 512ULL << 20;
constexpr std::chrono::seconds kMaxReading{60};

std::string dump(const Json& json, int indent = 2) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace) + "\n";
}

// The value of a line of /proc/PID/status; names in it cannot hold a line end.
std::string_view status_value(std::string_view status, std::string_view key) {
  std::size_t at = 0;
  while (at < status.size()) {
    const std::string_view line = status.substr(at, status.find('\n', at) - at);
    at += line.size() + 1;
    if (!line.starts_with(key) || line.substr(key.size(), 1) != ":") continue;
    const std::size_t value = line.find_first_not_of(" \t", key.size() + 1);
    return value == std::string_view::npos ? "" : line.substr(value);
  }
  return "";
}

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return value;
}

Json number_json(std::string_view text) {
  const std::optional<std::int64_t> value = number(text);
  return value ? Json(*value) : Json(nullptr);
}

// Clock ticks since boot: field 22, counted from behind the name, which may
// hold anything.
Json start_ticks(std::string_view stat) {
  const std::size_t close = stat.rfind(')');
  if (close == std::string_view::npos) return nullptr;
  std::string_view rest = stat.substr(close + 1);
  for (int field = 3; field <= 22; ++field) {
    const std::size_t begin = rest.find_first_not_of(' ');
    if (begin == std::string_view::npos) return nullptr;
    rest.remove_prefix(begin);
    const std::string_view word = rest.substr(0, rest.find(' '));
    if (field == 22) return number_json(word);
    rest.remove_prefix(word.size());
  }
  return nullptr;
}

std::vector<std::string> split_nul(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find('\0'));
    parts.emplace_back(part);
    text.remove_prefix(std::min(text.size(), part.size() + 1));
  }
  return parts;
}

Json spelled(const std::vector<std::string>& texts) {
  Json list = Json::array();
  for (const std::string& text : texts) list.push_back(spell(text));
  return list;
}

std::string_view to_string(UpperEntry::Kind kind) {
  switch (kind) {
    case UpperEntry::Kind::kFile:
      return "file";
    case UpperEntry::Kind::kFolder:
      return "folder";
    case UpperEntry::Kind::kLink:
      return "link";
    case UpperEntry::Kind::kDeleted:
      return "deleted";
    case UpperEntry::Kind::kOther:
      return "other";
  }
  return "";
}

Json container_json(const oci::ContainerRecord& record) {
  const auto or_null = [](const std::string& text) {
    return text.empty() ? Json(nullptr) : Json(text);
  };
  return {{"id", record.id},
          {"name", or_null(record.facts.name)},
          {"image", or_null(record.facts.image)},
          {"namespace", or_null(record.facts.namespace_name)},
          {"pod", or_null(record.facts.pod)}};
}

class CaptureWriter {
 public:
  CaptureWriter(Collected& collected, const WriteOptions& options,
                EvidenceFolder& folder, ArchiveWriter& archive)
      : collected_(collected),
        secrets_(options.secrets),
        give_up_(*options.give_up),
        folder_(folder),
        archive_(archive),
        missing_(collected.missing),
        end_(Clock::now() + kMaxReading) {}

  // What may be gone soon comes first.
  Status write() {
    RETURN_IF_ERROR(programs());
    RETURN_IF_ERROR(upper());
    // Gives back what was held, so that nothing keeps the engine from removing
    // the container.
    collected_.processes.programs.clear();
    collected_.files.upper.reset();
    RETURN_IF_ERROR(processes());
    RETURN_IF_ERROR(tables());
    RETURN_IF_ERROR(files());
    RETURN_IF_ERROR(events());
    return checkpoint();
  }

  Json manifest(const std::string& node) const {
    Json members = Json::array();
    for (const Member& member : archive_.members()) {
      members.push_back({{"name", member.name},
                         {"bytes", member.bytes},
                         {"sha256", member.sha256}});
    }
    Json missing = Json::array();
    for (const Missing& each : missing_.list()) {
      missing.push_back(
          {{"member", spell(each.member)}, {"reason", spell(each.reason)}});
    }
    if (missing_.more() > 0) {
      missing.push_back(
          {{"member", "*"},
           {"reason", std::to_string(missing_.more()) + " more"}});
    }
    Json manifest = head(node);
    manifest["members"] = std::move(members);
    manifest["missing"] = std::move(missing);
    return manifest;
  }

  Json summary(const std::string& node, const ArchiveDigest& digest) const {
    Json summary = head(node);
    summary["state"] = "complete";
    summary["members"] = archive_.members().size();
    summary["missing"] = missing_.list().size() + missing_.more();
    summary["archive"] = {{"bytes", digest.bytes}, {"sha256", digest.sha256}};
    return summary;
  }

 private:
  Json head(const std::string& node) const {
    const Trigger& trigger = collected_.request.trigger;
    Json steps = Json::array();
    for (const Collected::Step& step : collected_.steps) {
      steps.push_back({{"step", step.name}, {"us", step.microseconds}});
    }
    const auto or_null = [](const std::string& text) {
      return text.empty() ? Json(nullptr) : Json(text);
    };
    return {{"version", 1},
            {"bailiff", BAILIFF_VERSION},
            {"id", collected_.id},
            {"node", node},
            {"time", format_timestamp(collected_.begun_ns)},
            {"container", container_json(collected_.request.record)},
            {"trigger",
             {{"kind", trigger.kind},
              {"rules", trigger.rules},
              {"policies", trigger.policies},
              {"response", trigger.response},
              {"actor", or_null(trigger.actor)},
              {"reason", or_null(trigger.reason)}}},
            {"frozen", collected_.frozen},
            {"not_frozen", or_null(collected_.not_frozen)},
            {"limit_ms", collected_.limit_ms},
            {"steps", std::move(steps)},
            {"secrets", secrets_ == Secrets::kMask ? "masked" : "kept"}};
  }

  bool in_time(const std::string& member) {
    if (give_up_) {
      missing_.add(member, "the service was stopped");
      return false;
    }
    if (Clock::now() < end_) return true;
    missing_.add(member, "the capture took longer than " +
                             std::to_string(kMaxReading.count()) + " s");
    return false;
  }

  // How much of a file of `bytes` is copied as `member`; what is not is told.
  std::uint64_t room(const std::string& member, std::uint64_t bytes,
                     std::uint64_t most) {
    std::uint64_t room = std::min(most, kMaxContentBytes - content_);
    std::string why = "only its first ";
    if (folder_.room() < std::min(bytes, room)) {
      missing_.add(member, "the disk is nearly full");
      return 0;
    }
    if (bytes <= room) return bytes;
    missing_.add(member, why + std::to_string(room) + " of " +
                             std::to_string(bytes) + " bytes");
    return room;
  }

  Status copy(const std::string& member, const UniqueFd& file,
              std::uint64_t bytes) {
    content_ += bytes;
    ASSIGN_OR_RETURN(const ArchiveWriter::Copied copied,
                     archive_.add_file(member, file.get(), bytes));
    if (copied.ended_early) {
      missing_.add(member, copied.read_error
                               ? copied.read_error->message +
                                     ": what could not be read is zeros"
                               : "it became shorter: the rest is zeros");
    }
    return Ok{};
  }

  // nullopt when it cannot be read to its end.
  std::optional<std::string> hash(const std::string& member, int file,
                                  std::uint64_t bytes) {
    if (bytes > kMaxHashedBytes) {
      missing_.add(member, "it is too long to be hashed");
      return std::nullopt;
    }
    std::vector<char> chunk(std::size_t{256} * 1024);
    Sha256 hash;
    std::uint64_t at = 0;
    while (in_time(member)) {
      const ssize_t got =
          ::pread(file, chunk.data(), chunk.size(), static_cast<off_t>(at));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) {
        missing_.add(member, errno_error("read").message);
        return std::nullopt;
      }
      if (got == 0) return hash.hex();
      hash.add({chunk.data(), static_cast<std::size_t>(got)});
      at += static_cast<std::uint64_t>(got);
      // It grows as we read.
      if (at > kMaxHashedBytes) break;
    }
    return std::nullopt;
  }

  // Why its content is kept, as no image has it; "": an image has it.
  std::string origin(const Program& program, const struct stat& file) const {
    if (file.st_nlink == 0 || program.path.ends_with(" (deleted)")) {
      return "deleted";
    }
    if (program.file_system == "overlay") {
      if (!collected_.files.upper) return "";
      const Result<UniqueFd> changed =
          collected_.files.upper->open(program.path);
      struct stat found {};
      const bool same = changed && ::fstat(changed->get(), &found) == 0 &&
                        found.st_size == file.st_size;
      return same ? "upper layer" : "";
    }
    const bool in_memory = program.file_system == "tmpfs" ||
                           program.file_system == "ramfs" ||
                           program.file_system.empty();
    // Beside an overlay, another file system is a volume.
    return in_memory || collected_.files.upper ? "not of the image" : "";
  }

  Status programs() {
    std::size_t index = 0;
    for (const Program& program : collected_.processes.programs) {
      Json& told = programs_.emplace_back(
          Json{{"path", spell(program.path)},
               {"file_system", spell(program.file_system)}});
      const std::string name = "programs/" + std::to_string(index++);
      if (!in_time(name)) continue;
      const Result<UniqueFd> file = program.file.open();
      struct stat state {};
      if (!file || ::fstat(file->get(), &state) != 0 ||
          !S_ISREG(state.st_mode)) {
        missing_.add(name + " '" + program.path + "'",
                     file ? "it is no regular file" : file.error().message);
        continue;
      }
      const auto bytes = static_cast<std::uint64_t>(state.st_size);
      told["bytes"] = bytes;
      const std::optional<std::string> digest =
          hash(name + " '" + program.path + "'", file->get(), bytes);
      if (digest) told["sha256"] = *digest;
      const std::string kept = origin(program, state);
      if (kept.empty()) continue;
      const std::string member =
          "programs/" + (digest ? *digest : std::to_string(index));
      const std::uint64_t most = room(member, bytes, kMaxProgramBytes);
      if (most == 0 && bytes > 0) continue;
      told["kept"] = kept;
      told["member"] = member;
      const auto again = [&](const Member& each) {
        return each.name == member;
      };
      if (std::any_of(archive_.members().begin(), archive_.members().end(),
                      again)) {
        continue;
      }
      RETURN_IF_ERROR(copy(member, *file, most));
    }
    return Ok{};
  }

  Status upper() {
    if (!collected_.files.upper) return Ok{};
    const UpperLayer& layer = *collected_.files.upper;
    Json index = Json::array();
    // Those that are held are read first: the others may be gone either way.
    std::vector<const UpperEntry*> entries;
    for (const UpperEntry& entry : layer.entries()) entries.push_back(&entry);
    std::stable_partition(
        entries.begin(), entries.end(),
        [](const UpperEntry* entry) { return entry->file.has_value(); });
    for (const UpperEntry* entry : entries) {
      Json told = {{"path", "/" + spell(entry->path)},
                   {"kind", to_string(entry->kind)},
                   {"mode", entry->mode},
                   {"uid", entry->uid},
                   {"gid", entry->gid},
                   {"bytes", entry->bytes},
                   {"modified", entry->modified}};
      if (!entry->target.empty()) told["target"] = spell(entry->target);
      if (entry->opaque) told["opaque"] = true;
      if (entry->kind == UpperEntry::Kind::kFile) {
        const std::string member = "upper/files/" + member_path(entry->path);
        ASSIGN_OR_RETURN(const bool copied, upper_file(layer, *entry, member));
        if (copied) told["member"] = member;
      }
      index.push_back(std::move(told));
    }
    return archive_.add("upper/index.json", dump(index, 1));
  }

  Result<bool> upper_file(const UpperLayer& layer, const UpperEntry& entry,
                          const std::string& member) {
    if (!in_time(member)) return false;
    const Result<UniqueFd> file = layer.open(entry);
    struct stat state {};
    if (!file || ::fstat(file->get(), &state) != 0 || !S_ISREG(state.st_mode)) {
      missing_.add(member, file ? "it is no regular file any more"
                                : file.error().message);
      return false;
    }
    const auto bytes = static_cast<std::uint64_t>(state.st_size);
    const std::uint64_t most = room(member, bytes, kMaxFileBytes);
    if (most == 0 && bytes > 0) return false;
    RETURN_IF_ERROR(copy(member, *file, most));
    return true;
  }

  Json process_json(const ProcessState& process) {
    const std::string_view status = process.status;
    Json told = {{"pid", process.pid},
                 {"ppid", number_json(status_value(status, "PPid"))},
                 {"pids_inside", spell(status_value(status, "NSpid"))},
                 {"name", spell(status_value(status, "Name"))},
                 {"uid", number_json(status_value(status, "Uid"))},
                 {"gid", number_json(status_value(status, "Gid"))},
                 {"threads", number_json(status_value(status, "Threads"))},
                 {"started_ticks", start_ticks(process.stat)}};
    const auto masked = [&](const std::optional<std::string>& text,
                            bool environment) -> Json {
      if (!text) return nullptr;
      std::vector<std::string> parts = split_nul(*text);
      if (secrets_ == Secrets::kKeep) return spelled(parts);
      if (!environment) return spelled(mask_arguments(std::move(parts)));
      for (std::string& part : parts) part = mask_variable(part);
      return spelled(parts);
    };
    told["argv"] = masked(process.arguments, false);
    told["env"] = masked(process.environment, true);
    told["exe"] = process.program >= 0
                      ? programs_[static_cast<std::size_t>(process.program)]
                      : Json{{"path", spell(process.executable)}};
    told["cwd"] = spell(process.directory);
    told["root"] = spell(process.root);
    told["namespaces"] = process.namespaces;
    told["cgroup"] = spell(process.cgroup);
    Json files = Json::array();
    for (const OpenFile& file : process.files) {
      files.push_back({{"fd", file.number}, {"target", spell(file.target)}});
    }
    told["files"] = std::move(files);
    return told;
  }

  Status processes() {
    Json all = Json::array();
    for (const ProcessState& process : collected_.processes.processes) {
      all.push_back(process_json(process));
      const std::string folder = "proc/" + std::to_string(process.pid);
      if (!process.status.empty()) {
        RETURN_IF_ERROR(archive_.add(folder + "/status", process.status));
      }
      if (!process.maps.empty()) {
        RETURN_IF_ERROR(archive_.add(folder + "/maps", process.maps));
      }
    }
    return archive_.add("processes.json", dump(all, 1));
  }

  Status tables() {
    for (const auto& [number, text] : collected_.processes.mounts) {
      if (text.empty()) continue;
      RETURN_IF_ERROR(archive_.add("mounts/" + std::to_string(number), text));
    }
    for (const auto& [number, tables] : collected_.processes.sockets) {
      for (const auto& [name, text] : tables) {
        if (text.empty()) continue;
        RETURN_IF_ERROR(
            archive_.add("net/" + std::to_string(number) + "/" + name, text));
      }
    }
    return Ok{};
  }

  Status files() {
    const ContainerFiles& files = collected_.files;
    for (const auto& [name, text] : files.counters) {
      RETURN_IF_ERROR(archive_.add("cgroup/" + member_path(name), text));
    }
    if (!files.config.empty()) {
      const std::string config = masked_config(files.config, secrets_);
      if (config.empty()) {
        missing_.add("oci/config.json", "it is no JSON object");
      } else {
        RETURN_IF_ERROR(archive_.add("oci/config.json", config));
      }
    }
    const oci::ContainerRecord& record = collected_.request.record;
    RETURN_IF_ERROR(
        archive_.add("oci/state.json",
                     state_json(record, files.config, collected_.running)));
    return archive_.add("record.json", record_json(record));
  }

  // As large as it is: it had a bound of its own.
  Status checkpoint() {
    if (collected_.checkpoint.empty()) return Ok{};
    for (const std::string& name : checkpoint_files(collected_.checkpoint)) {
      const std::string member = "checkpoint/" + member_path(name);
      const std::string path = collected_.checkpoint + "/" + name;
      if (!in_time(member)) continue;
      const UniqueFd file(
          ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
      struct stat state {};
      if (!file || ::fstat(file.get(), &state) != 0) {
        missing_.add(member, errno_error("open").message);
        continue;
      }
      const auto bytes = static_cast<std::uint64_t>(state.st_size);
      if (folder_.room() < bytes) {
        missing_.add(member, "the disk is nearly full");
        continue;
      }
      RETURN_IF_ERROR(copy(member, file, bytes));
      // Gives the disk back what is there twice.
      ::unlink(path.c_str());
    }
    return Ok{};
  }

  std::string record_json(oci::ContainerRecord record) const {
    if (secrets_ == Secrets::kMask) {
      record.args = mask_arguments(std::move(record.args));
    }
    return oci::to_json(record) + "\n";
  }

  Status events() {
    std::string lines;
    for (const EventLine& line : collected_.request.events) {
      lines += line() + "\n";
    }
    RETURN_IF_ERROR(archive_.add("events.jsonl", lines));
    if (!collected_.request.alerts) return Ok{};
    return archive_.add("alerts.json", collected_.request.alerts() + "\n");
  }

  Collected& collected_;
  const Secrets secrets_;
  const std::atomic<bool>& give_up_;
  EvidenceFolder& folder_;
  ArchiveWriter& archive_;
  MissingList& missing_;
  const Clock::time_point end_;
  std::uint64_t content_ = 0;
  std::vector<Json> programs_;  // as told, by their index
};

}  // namespace

Result<std::string> write_capture(Collected collected,
                                  const WriteOptions& options,
                                  EvidenceFolder& folder) {
  ASSIGN_OR_RETURN(const UniqueFd file, folder.begin(collected.id));
  auto written = [&]() -> Result<std::string> {
    const auto seconds =
        static_cast<std::int64_t>(collected.begun_ns / 1'000'000'000);
    ASSIGN_OR_RETURN(const std::unique_ptr<ArchiveWriter> archive,
                     ArchiveWriter::create(file.get(), seconds));
    CaptureWriter writer(collected, options, folder, *archive);
    RETURN_IF_ERROR(writer.write());
    const std::string manifest = dump(writer.manifest(options.node), 1);
    RETURN_IF_ERROR(archive->add("manifest.json", manifest));
    ASSIGN_OR_RETURN(const ArchiveDigest digest, archive->finish());
    const std::string summary = dump(writer.summary(options.node, digest), -1);
    RETURN_IF_ERROR(folder.commit(collected.id, file.get(), manifest, summary));
    return summary;
  }();
  if (!written) folder.abandon(collected.id);
  return written;
}

}  // namespace bailiff::sidecar
