// SPDX-License-Identifier: Apache-2.0
// rules/base/diagnostic.h
// What is wrong with a text the user wrote.
//
// Diagnostics are collected, not thrown: a phase reports every independent
// mistake it finds and goes on, and the caller asks has_errors() at the end.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rules/base/source.h"

namespace bailiff {

enum class Severity { kError, kWarning };

struct Diagnostic {
  Severity severity = Severity::kError;
  std::string code;     // Falco's, such as "LOAD_ERR_YAML_PARSE"; see codes.h
  std::string message;  // lower case, no full stop, values in single quotes
  Span span;
  std::string hint;  // what to do about it; may be empty
  // The item it is in, such as "rule" "Launch new container"; may be empty.
  // The types are Falco's.
  std::string item_type;
  std::string item_name;
};

// Diagnostics kept of one load.  Nobody reads more, and a hostile file of
// megabytes could ask for millions.
inline constexpr std::size_t kMaxDiagnostics = 10'000;

// Bytes kept of a message, a hint and a name each: they quote what the user
// wrote, which may be a megabyte.
inline constexpr std::size_t kMaxMessage = 1024;

class Diagnostics {
 public:
  // Past kMaxDiagnostics a diagnostic is dropped, and an error only counted;
  // texts past kMaxMessage are cut, and end in "...".
  void add(Diagnostic diagnostic);
  bool has_errors() const { return errors_ > 0; }
  std::size_t error_count() const { return errors_; }
  // Whether some were only counted.
  bool truncated() const { return truncated_; }
  // In the order they were found.
  const std::vector<Diagnostic>& all() const { return all_; }

 private:
  std::vector<Diagnostic> all_;
  std::size_t errors_ = 0;
  bool truncated_ = false;
};

// Bytes of a line that are shown of it.  A line of a megabyte, quoted for each
// of its mistakes, would make gigabytes.
inline constexpr std::size_t kMaxExcerpt = 160;

// The line a place is in, or as much of it around the place.
struct Excerpt {
  std::string text;       // control characters but tabs are '?'
  std::size_t begin = 0;  // of the place in `text`
  std::size_t end = 0;    // past it, not past the text; at least begin
};
// Precondition: the span is of this source.
Excerpt excerpt(const Source& source, const Span& span);

// One diagnostic as a compiler would print it, with a trailing line end and
// without control characters, which names may hold:
//
//   rules.yaml:12:34: error: unknown field 'fd.sipp' [LOAD_ERR_COMPILE_...]
//      12 |   condition: evt.type = connect and fd.sipp = 1.2.3.4
//         |                                     ^~~~~~~
//   hint: did you mean 'fd.sip'?
std::string render(const Diagnostic& diagnostic, const SourceSet& sources);
std::string render(const Diagnostics& diagnostics, const SourceSet& sources);

// Errors of a load past which nobody looks for what may have been meant: with
// thousands of names to choose from each look takes its time.
inline constexpr std::size_t kMaxSuggestions = 100;

// The candidate nearest to `word` by edit distance, when it is near enough to
// be what was meant (at most a third of the word); empty otherwise.  Ties go
// to the earlier candidate.  Words past 64 bytes have none: nobody mistypes
// one, and the cost is the product of the lengths.
std::string_view nearest(std::string_view word,
                         const std::vector<std::string_view>& candidates);

}  // namespace bailiff
