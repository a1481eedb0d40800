// SPDX-License-Identifier: Apache-2.0
// rules/document/simple_document.h
// Texts in the part of YAML that rule files are written in, read without the
// YAML library, which takes most of the time it takes to load rules.
//
// What is simple: one document, of block sequences and block mappings.  Keys
// are words of ASCII.  Values stand behind the key or below it: a collection, a
// scalar, or a sequence of them in brackets.  Scalars are plain, with lines to
// fold or not, quoted on one line without escapes but \" and \\ and '', or
// blocks with | > |- or >-.  Comments may stand wherever YAML has them.
//
// All else is not simple, and for the library to read or to refuse: tabs,
// carriage returns, anchors, tags, aliases, directives, markers, braces, null,
// other keys, and every mistake.
#pragma once

#include <string_view>

namespace YAML {  // NOLINT(readability-identifier-naming): not ours
class EventHandler;
}

namespace bailiff::yaml {

// Reports to `events` what the library would have, of the places the offsets
// only.  False when the text is not simple; what was reported till then means
// nothing.  `text` is UTF-8 without control characters.  What `events` throws
// passes, and is what bounds the depth.
bool read_simple_document(std::string_view text, YAML::EventHandler& events);

}  // namespace bailiff::yaml
