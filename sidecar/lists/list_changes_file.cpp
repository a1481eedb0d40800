// SPDX-License-Identifier: Apache-2.0
#include "sidecar/lists/list_changes_file.h"

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "oci/sys/files.h"
#include "rules/base/digest.h"
#include "rules/base/field_line.h"

namespace bailiff::sidecar {
namespace {

constexpr std::string_view kTitle = "bailiff-lists-1";
constexpr mode_t kFileMode = 0600;
// Fields of the lines, without the digest at the end.
constexpr std::size_t kTitleFields = 2;
constexpr std::size_t kChangeFields = 9;
constexpr std::size_t kNewsFields = 10;  // and the items

std::string path_in(const std::string& state_dir) {
  return state_dir + "/lists";
}

std::string sealed(const std::vector<std::string_view>& fields) {
  std::string line = field_line(fields);
  line.pop_back();
  return line + '\t' + digest_of(line).hex() + '\n';
}

// The fields without the digest; nullopt when it is another line's.
std::optional<std::vector<std::string>> unsealed(std::string_view line) {
  const std::size_t end = line.rfind('\t');
  if (end == line.npos) return std::nullopt;
  const std::string_view body = line.substr(0, end);
  if (line.substr(end + 1) != digest_of(body).hex()) return std::nullopt;
  std::vector<std::string> fields;
  for (const std::string_view field : split(body, '\t')) {
    fields.push_back(unescaped(field));
  }
  return fields;
}

std::string change_line(const ListChange& change) {
  return sealed({"change", change.added ? "add" : "remove", change.list,
                 change.item, std::to_string(change.since_ns),
                 std::to_string(change.until_ns), change.id, change.actor,
                 change.reason});
}

std::string news_line(const ListNews& news) {
  const std::string time = std::to_string(news.time_ns);
  const std::string until = std::to_string(news.until_ns);
  const std::string added = std::to_string(news.added.size());
  const std::string removed = std::to_string(news.removed.size());
  std::vector<std::string_view> fields = {
      "news", news.id,    news.list,   news.ended, time,
      until,  news.actor, news.reason, added,      removed};
  fields.insert(fields.end(), news.added.begin(), news.added.end());
  fields.insert(fields.end(), news.removed.begin(), news.removed.end());
  return sealed(fields);
}

bool take_change(const std::vector<std::string>& fields, ListChanges& into) {
  if (fields.size() != kChangeFields || fields[0] != "change") return false;
  into.changes.push_back({.list = fields[2],
                          .item = fields[3],
                          .added = fields[1] == "add",
                          .id = fields[6],
                          .actor = fields[7],
                          .reason = fields[8],
                          .since_ns = number_of<std::uint64_t>(fields[4]),
                          .until_ns = number_of<std::uint64_t>(fields[5])});
  return true;
}

bool take_news(const std::vector<std::string>& fields, ListChanges& into) {
  if (fields.size() < kNewsFields || fields[0] != "news") return false;
  const auto added = number_of<std::size_t>(fields[8]);
  const auto removed = number_of<std::size_t>(fields[9]);
  const std::size_t items = fields.size() - kNewsFields;
  if (added > items || removed != items - added) return false;
  const auto first = fields.begin() + kNewsFields;
  const auto middle = first + static_cast<std::ptrdiff_t>(added);
  into.untold.push_back({.id = fields[1],
                         .list = fields[2],
                         .added = {first, middle},
                         .removed = {middle, fields.end()},
                         .ended = fields[3],
                         .actor = fields[6],
                         .reason = fields[7],
                         .time_ns = number_of<std::uint64_t>(fields[4]),
                         .until_ns = number_of<std::uint64_t>(fields[5])});
  return true;
}

}  // namespace

std::string list_changes_text(const ListChanges& changes) {
  const std::size_t lines = changes.changes.size() + changes.untold.size();
  std::string text = sealed({kTitle, std::to_string(lines)});
  for (const ListChange& change : changes.changes) text += change_line(change);
  for (const ListNews& news : changes.untold) text += news_line(news);
  return text;
}

KeptListChanges parse_list_changes(std::string_view text) {
  KeptListChanges kept;
  std::size_t expected = 0;
  std::size_t lines = 0;
  bool titled = false;
  // What is behind the last line's end is no line, but for one that was cut.
  if (text.ends_with('\n')) text.remove_suffix(1);
  for (const std::string_view line : split(text, '\n')) {
    const auto fields = unsealed(line);
    if (fields && fields->size() == kTitleFields && fields->front() == kTitle) {
      titled = true;
      expected = number_of<std::size_t>(fields->back());
    } else if (fields && (take_change(*fields, kept.content) ||
                          take_news(*fields, kept.content))) {
      ++lines;
    } else {
      ++kept.damaged;
      ++lines;
    }
  }
  if (!titled) {
    ++kept.damaged;
  } else if (lines < expected) {
    kept.damaged += expected - lines;
  }
  return kept;
}

Result<KeptListChanges> read_list_changes(const std::string& state_dir) {
  const std::string path = path_in(state_dir);
  const Result<std::string> text = read_bounded(path, kMaxListFileBytes);
  if (!text) {
    if (text.error().code == Code::kNotFound) return KeptListChanges{};
    return text.error();
  }
  RETURN_IF_ERROR(check_trusted(path));
  KeptListChanges kept = parse_list_changes(*text);
  if (kept.damaged == 0) return kept;
  // First a copy: whoever is killed here has lost nothing.
  RETURN_IF_ERROR(write_atomically(path + ".damaged", *text, kFileMode));
  RETURN_IF_ERROR(write_list_changes(state_dir, kept.content));
  return kept;
}

Status write_list_changes(const std::string& state_dir,
                          const ListChanges& changes) {
  const std::string text = list_changes_text(changes);
  if (text.size() > kMaxListFileBytes) {
    return Error{Code::kUnsupported,
                 "the changes by hand of all lists take more than " +
                     std::to_string(kMaxListFileBytes) +
                     " bytes: put items into the rule files"};
  }
  return write_atomically(path_in(state_dir), text, kFileMode);
}

}  // namespace bailiff::sidecar
