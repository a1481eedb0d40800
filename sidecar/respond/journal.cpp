// SPDX-License-Identifier: Apache-2.0
#include "sidecar/respond/journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include "oci/sys/errno_error.h"
#include "oci/sys/files.h"
#include "rules/base/field_line.h"

namespace bailiff::sidecar {
namespace {

// A long journal, and what came on top before it was written anew.
constexpr std::size_t kMaxJournalBytes = 4 * kJournalBytes;
constexpr std::size_t kBootIdBytes = 64;
// The fields of a "begin" after that word.
constexpr std::size_t kBeginFields = 21;

std::string begin_line(const Begun& begun) {
  const oci::ContainerRecord& record = begun.record;
  const oci::ContainerFacts& facts = record.facts;
  return field_line({"begin",
                     begun.id,
                     to_string(begun.response),
                     record.id,
                     record.cgroup_path,
                     std::to_string(record.cgroup_id),
                     std::to_string(record.pid),
                     std::to_string(record.time_ns),
                     record.bundle,
                     facts.name,
                     facts.image,
                     facts.pod,
                     facts.namespace_name,
                     std::to_string(begun.begun_ns),
                     std::to_string(begun.until_ns),
                     to_string(begun.then),
                     begun.policy,
                     begun.rule,
                     begun.actor,
                     begun.reason,
                     begun.workload,
                     std::to_string(begun.process.pid) + ":" +
                         std::to_string(begun.process.seen_ns)});
}

std::optional<Response> parse_response(std::string_view text) {
  for (const Response response :
       {Response::kKillProcess, Response::kIsolate, Response::kPause,
        Response::kStop, Response::kKill}) {
    if (text == to_string(response)) return response;
  }
  return std::nullopt;
}

PauseThen pause_then_of(std::string_view word) {
  return word == to_string(PauseThen::kResume) ? PauseThen::kResume
                                               : PauseThen::kKill;
}

std::optional<Begun> parse_begin(const std::vector<std::string_view>& fields) {
  if (fields.size() != kBeginFields + 1) return std::nullopt;
  std::size_t at = 1;
  const auto next = [&] { return unescaped(fields[at++]); };
  Begun begun;
  begun.id = next();
  const std::optional<Response> response = parse_response(next());
  if (!response || begun.id.empty()) return std::nullopt;
  begun.response = *response;
  oci::ContainerRecord& record = begun.record;
  record.id = next();
  record.cgroup_path = next();
  record.cgroup_id = number_of<std::uint64_t>(next());
  record.pid = number_of<std::int64_t>(next());
  record.time_ns = number_of<std::uint64_t>(next());
  record.bundle = next();
  record.facts.id = record.id;
  record.facts.name = next();
  record.facts.image = next();
  record.facts.pod = next();
  record.facts.namespace_name = next();
  begun.begun_ns = number_of<std::uint64_t>(next());
  begun.until_ns = number_of<std::uint64_t>(next());
  begun.then = pause_then_of(next());
  begun.policy = next();
  begun.rule = next();
  begun.actor = next();
  begun.reason = next();
  begun.workload = next();
  const std::string process = next();
  const std::size_t colon = process.find(':');
  begun.process.pid = number_of<pid_t>(process);
  if (colon != std::string::npos) {
    begun.process.seen_ns =
        number_of<std::uint64_t>(std::string_view(process).substr(colon + 1));
  }
  return begun;
}

std::string over_line(const OverBudget& budget) {
  return field_line(
      {"over", budget.scope, budget.name, std::to_string(budget.since_ns)});
}

std::string rearm_line(std::uint64_t now_ns) {
  return field_line({"rearm", std::to_string(now_ns)});
}

// What the lines so far come to.
class Steps {
 public:
  void take(std::string_view line) {
    const std::vector<std::string_view> fields = split(line, '\t');
    const std::string_view step = fields.front();
    if (step == "begin") {
      std::optional<Begun> begun = parse_begin(fields);
      if (!begun) return;
      by_id_[begun->id] = content_.responses.size();
      content_.responses.push_back({.begun = *std::move(begun)});
      return;
    }
    if (step == "rearm") content_.over.clear();
    if (fields.size() < 2) return;
    if (step == "rearm") {
      content_.rearmed_ns = number_of<std::uint64_t>(fields[1]);
      return;
    }
    if (step == "over" && fields.size() == 4) {
      OverBudget over{.scope = unescaped(fields[1]),
                      .name = unescaped(fields[2]),
                      .since_ns = number_of<std::uint64_t>(fields[3])};
      // One that was over before: a journal would else be as long as its time.
      std::erase_if(content_.over, [&over](const OverBudget& before) {
        return before.scope == over.scope && before.name == over.name;
      });
      content_.over.push_back(std::move(over));
      return;
    }
    const auto known = by_id_.find(unescaped(fields[1]));
    if (known == by_id_.end()) return;
    Journaled& response = content_.responses[known->second];
    if (step == "done" && fields.size() == 3) {
      response.outcome = unescaped(fields[2]);
    }
    if (step == "limit" && fields.size() == 4) {
      response.begun.until_ns = number_of<std::uint64_t>(fields[2]);
      response.begun.then = pause_then_of(fields[3]);
    }
    response.undone = response.undone || step == "undo";
    response.ended = response.ended || step == "end";
    response.told = response.told || step == "told";
  }

  const JournalContent& content() const { return content_; }

 private:
  JournalContent content_;
  std::map<std::string, std::size_t> by_id_;
};

std::string lines_of(const Journaled& each) {
  const std::string& id = each.begun.id;
  std::string text = begin_line(each.begun);
  if (!each.outcome.empty()) text += field_line({"done", id, each.outcome});
  if (each.undone) text += field_line({"undo", id});
  if (each.ended) text += field_line({"end", id});
  if (each.told) text += field_line({"told", id});
  return text;
}

// Without what is over and was begun before; and where more than half a journal
// would stay, without the oldest that are over, so that it is not soon to be
// written anew.
std::string lines_to_keep(JournalContent content, std::uint64_t before_ns) {
  const auto may_go = [](const Journaled& response) {
    return is_over(response) && response.told;
  };
  std::erase_if(content.responses, [&](const Journaled& response) {
    return may_go(response) && response.begun.begun_ns < before_ns;
  });
  std::size_t bytes = journal_lines(content).size();
  std::erase_if(content.responses, [&](const Journaled& response) {
    if (bytes <= kJournalBytes / 2 || !may_go(response)) return false;
    bytes -= lines_of(response).size();
    return true;
  });
  return journal_lines(content);
}

class FileJournal final : public Journal {
 public:
  FileJournal(std::string path, std::string boot, UniqueFd fd,
              std::size_t bytes)
      : path_(std::move(path)),
        boot_(std::move(boot)),
        fd_(std::move(fd)),
        bytes_(bytes) {}

  Status begin(const Begun& begun) override {
    return append(begin_line(begun));
  }
  Status done(const std::string& id, const std::string& outcome) override {
    return append(field_line({"done", id, outcome}));
  }
  Status limit(const std::string& id, std::uint64_t until_ns,
               PauseThen then) override {
    return append(field_line(
        {"limit", id, std::to_string(until_ns), std::string(to_string(then))}));
  }
  Status undo(const std::string& id) override {
    return append(field_line({"undo", id}));
  }
  Status end(const std::string& id) override {
    return append(field_line({"end", id}));
  }
  Status told(const std::string& id) override {
    return append(field_line({"told", id}));
  }
  Status over(const OverBudget& budget) override {
    return append(over_line(budget));
  }
  Status rearm(std::uint64_t now_ns) override {
    return append(rearm_line(now_ns));
  }

  Status shorten(std::uint64_t before_ns) override {
    {
      const std::lock_guard lock(mutex_);
      if (bytes_ <= shorten_at_) return Ok{};
    }
    // Without the lock, since responses wait for it.
    ASSIGN_OR_RETURN(const std::string old,
                     read_bounded(path_, kMaxJournalBytes));
    const std::size_t read = old.rfind('\n') + 1;  // a line may be under way
    const std::string_view lines(old.data(), read);
    std::string text = boot_ + lines_to_keep(parse_journal(lines), before_ns);

    const std::lock_guard lock(mutex_);
    ASSIGN_OR_RETURN(const std::string now,
                     read_bounded(path_, kMaxJournalBytes));
    text.append(now, read);
    RETURN_IF_ERROR(write_atomically(path_, text, 0600, Durability::kProcess));
    ASSIGN_OR_RETURN(fd_, open_to_append(path_));
    bytes_ = text.size();
    // What must stay may be as long as before.
    shorten_at_ = std::max(kJournalBytes, bytes_ + kJournalBytes / 2);
    return Ok{};
  }

  static Result<UniqueFd> open_to_append(const std::string& path) {
    UniqueFd fd(::open(path.c_str(),
                       O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
                       0600));
    if (!fd) return errno_error("open '" + path + "'");
    return fd;
  }

 private:
  Status append(const std::string& text) {
    const std::lock_guard lock(mutex_);
    bytes_ += text.size();
    // One call, so that a line is there or is not; what a full disk cut is no
    // line, and the next one begins after it.
    const ssize_t size = ::write(fd_.get(), text.data(), text.size());
    if (size == static_cast<ssize_t>(text.size())) return Ok{};
    const int err = size < 0 ? errno : ENOSPC;
    if (size > 0) static_cast<void>(::write(fd_.get(), "\n", 1) == 1);
    return errno_error("write '" + path_ + "'", err);
  }

  const std::string path_;
  const std::string boot_;  // the first line
  std::mutex mutex_;
  UniqueFd fd_;
  std::size_t bytes_;
  std::size_t shorten_at_ = kJournalBytes;
};

}  // namespace

std::string journal_lines(const JournalContent& content) {
  std::string text;
  for (const Journaled& each : content.responses) text += lines_of(each);
  if (content.rearmed_ns != 0) text += rearm_line(content.rearmed_ns);
  for (const OverBudget& budget : content.over) text += over_line(budget);
  return text;
}

bool is_over(const Journaled& response) {
  if (response.ended || response.outcome.starts_with("error:") ||
      response.outcome == "already gone") {
    return true;
  }
  switch (response.begun.response) {
    case Response::kNone:
    case Response::kKillProcess:
    case Response::kKill:
      return !response.outcome.empty();
    case Response::kIsolate:
    case Response::kPause:
    case Response::kStop:
      break;
  }
  return false;
}

JournalContent parse_journal(std::string_view text) {
  Steps steps;
  for (const std::string_view each : split(text, '\n')) steps.take(each);
  return steps.content();
}

Result<std::unique_ptr<Journal>> Journal::open(const std::string& path,
                                               JournalContent& content) {
  ASSIGN_OR_RETURN(
      std::string boot,
      read_bounded("/proc/sys/kernel/random/boot_id", kBootIdBytes));
  if (boot.empty() || boot.back() != '\n') boot += '\n';
  Result<std::string> text = read_bounded(path, kMaxJournalBytes);
  if (!text && text.error().code == Code::kIo) return std::move(text).error();
  content = {};
  if (text && text->starts_with(boot)) {
    content = parse_journal(std::string_view(*text).substr(boot.size()));
  } else {
    RETURN_IF_ERROR(write_atomically(path, boot, 0600, Durability::kProcess));
    text = boot;
  }
  ASSIGN_OR_RETURN(UniqueFd fd, FileJournal::open_to_append(path));
  // A line that was cut ends here.
  if (text->back() != '\n' && ::write(fd.get(), "\n", 1) != 1) {
    return errno_error("write '" + path + "'");
  }
  return std::unique_ptr<Journal>(std::make_unique<FileJournal>(
      path, std::move(boot), std::move(fd), text->size()));
}

}  // namespace bailiff::sidecar
