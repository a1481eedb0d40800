// SPDX-License-Identifier: Apache-2.0
#include "rules/base/diagnostic.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <utility>

namespace bailiff {
namespace {

constexpr std::size_t kLongestSuggested = 64;
constexpr std::string_view kCut = "...";

// The first offset from `at` on that is no continuation byte of UTF-8.
std::size_t next_character(std::string_view text, std::size_t at) {
  while (at < text.size() &&
         (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) {
    ++at;
  }
  return at;
}

// What a terminal would obey is '?', and so is a line end where there must be
// none.
std::string printable(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    const bool control = (c >= 0 && c < ' ' && c != '\t') || c == '\x7f';
    if (control) c = '?';
  }
  return result;
}

void shorten(std::string& text) {
  if (text.size() <= kMaxMessage) return;
  text.resize(next_character(text, kMaxMessage));
  text += kCut;
}

// Letters that are inserted, left out, mistaken or swapped with their
// neighbour, each counted once.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before;  // the row of a's last letter but one
  std::vector<std::size_t> last(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::vector<std::size_t> row(b.size() + 1, i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1,
                         last[j - 1] + (a[i - 1] != b[j - 1] ? 1 : 0)});
      const bool swapped =
          i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before = std::exchange(last, std::move(row));
  }
  return last.back();
}

std::string_view severity_name(Severity severity) {
  switch (severity) {
    case Severity::kError:
      return "error";
    case Severity::kWarning:
      return "warning";
  }
  return "error";
}

// The quoted line and the caret line.  Tabs stay tabs in both, so that the
// caret stands under its text whatever the terminal's tab width.
std::string quote(const Source& source, const Span& span) {
  const Excerpt shown = excerpt(source, span);
  std::string number = std::to_string(source.position(span.begin).line);
  number.insert(0, number.size() < 5 ? 5 - number.size() : 0, ' ');

  std::string caret;
  for (const char c : std::string_view(shown.text).substr(0, shown.begin)) {
    caret += c == '\t' ? '\t' : ' ';
  }
  caret += '^';
  if (shown.end > shown.begin) caret.append(shown.end - shown.begin - 1, '~');

  std::string text = number + " | " + shown.text + "\n";
  text += std::string(number.size(), ' ') + " | " + caret + "\n";
  return text;
}

}  // namespace

void Diagnostics::add(Diagnostic diagnostic) {
  if (diagnostic.severity == Severity::kError) ++errors_;
  if (all_.size() == kMaxDiagnostics) {
    truncated_ = true;
    return;
  }
  shorten(diagnostic.message);
  shorten(diagnostic.hint);
  shorten(diagnostic.item_name);
  all_.push_back(std::move(diagnostic));
}

Excerpt excerpt(const Source& source, const Span& span) {
  const Position at = source.position(span.begin);
  std::string_view line = source.line(at.line);
  const std::size_t begin = std::min<std::size_t>(at.column - 1, line.size());
  std::size_t from = 0;
  std::size_t to = line.size();
  if (line.size() > kMaxExcerpt) {
    // More of what is behind the place than of what is before it.
    from = begin > kMaxExcerpt / 4 ? begin - kMaxExcerpt / 4 : 0;
    from = next_character(line, std::min(from, line.size() - kMaxExcerpt));
    to = next_character(line, std::min(from + kMaxExcerpt, line.size()));
  }
  Excerpt shown;
  if (from > 0) shown.text = kCut;
  shown.begin = shown.text.size() + begin - from;
  const std::size_t width = span.end > span.begin ? span.end - span.begin : 0;
  shown.end = shown.begin + std::min(width, to - begin);
  shown.text += printable(line.substr(from, to - from));
  if (to < line.size()) shown.text += kCut;
  return shown;
}

std::string render(const Diagnostic& diagnostic, const SourceSet& sources) {
  std::string text;
  const bool placed = diagnostic.span.source < sources.size();
  if (placed) {
    const Source& source = sources[diagnostic.span.source];
    const Position at = source.position(diagnostic.span.begin);
    text += source.name() + ":" + std::to_string(at.line) + ":" +
            std::to_string(at.column) + ": ";
  }
  text += severity_name(diagnostic.severity);
  text += ": " + printable(diagnostic.message);
  if (!diagnostic.item_name.empty()) {
    text += ", in " + diagnostic.item_type + " '" +
            printable(diagnostic.item_name) + "'";
  }
  if (!diagnostic.code.empty()) text += " [" + diagnostic.code + "]";
  text += "\n";
  if (placed) text += quote(sources[diagnostic.span.source], diagnostic.span);
  if (!diagnostic.hint.empty()) {
    text += "hint: " + printable(diagnostic.hint) + "\n";
  }
  return text;
}

std::string render(const Diagnostics& diagnostics, const SourceSet& sources) {
  std::string text;
  for (const Diagnostic& diagnostic : diagnostics.all()) {
    text += render(diagnostic, sources);
  }
  if (diagnostics.truncated()) text += "further diagnostics are not shown\n";
  return text;
}

std::string_view nearest(std::string_view word,
                         const std::vector<std::string_view>& candidates) {
  if (word.size() > kLongestSuggested) return {};
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string_view candidate : candidates) {
    const std::size_t longer = std::max(word.size(), candidate.size());
    const std::size_t shorter = std::min(word.size(), candidate.size());
    if (longer - shorter >= best_distance) continue;
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace bailiff
