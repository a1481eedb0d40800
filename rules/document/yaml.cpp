// SPDX-License-Identifier: Apache-2.0
#include "rules/document/yaml.h"

#include <algorithm>
#include <istream>
#include <streambuf>
#include <utility>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "rules/base/codes.h"
#include "rules/document/scalar_map.h"

namespace bailiff::yaml {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

// Thrown from the events to stop the parser; does not leave this file.
struct Refusal {
  std::string message;
  std::uint32_t offset;
};

// Reads a string_view without copying it.
class ViewBuffer : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view text) {
    // A streambuf wants char*, and only ever reads through a get area.
    char* begin = const_cast<char*>(text.data());
    setg(begin, begin, begin + text.size());
  }
};

// The offset of the first byte that is no UTF-8 or a control character YAML
// does not allow (1.2, 5.1), or npos.  The library would take a 0x04 for the
// end of the text.
std::size_t first_bad_byte(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead < 0x80) {
      const bool control = lead < 0x20 || lead == 0x7f;
      if (control && lead != '\t' && lead != '\n' && lead != '\r') return i;
      ++i;
      continue;
    }
    const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || i + length > text.size()) return i;
    std::uint32_t code = lead & (0x7fU >> length);
    for (std::size_t k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xc0) != 0x80) return i;
      code = code << 6 | (next & 0x3fU);
    }
    const bool overlong =
        (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
    const bool surrogate = code >= 0xd800 && code < 0xe000;
    if (overlong || surrogate || code > 0x10ffff) return i;
    i += length;
  }
  return std::string_view::npos;
}

void refuse(Diagnostics& diagnostics, std::uint32_t source, std::size_t offset,
            std::string message) {
  Diagnostic diagnostic;
  diagnostic.code = codes::kYamlParse;
  diagnostic.message = std::move(message);
  diagnostic.span.source = source;
  diagnostic.span.begin = static_cast<std::uint32_t>(offset);
  diagnostic.span.end = static_cast<std::uint32_t>(offset + 1);
  diagnostics.add(std::move(diagnostic));
}

// The library's sentence in our spelling: "end of map not found".
std::string spelled(std::string message) {
  if (!message.empty() && message[0] >= 'A' && message[0] <= 'Z') {
    message[0] = static_cast<char>(message[0] - 'A' + 'a');
  }
  while (message.ends_with('.')) message.pop_back();
  return message;
}

}  // namespace

// Makes a Stream of the parser's events.
class Builder : public YAML::EventHandler {
 public:
  // `skipped`: bytes of a byte order mark, which marks do not count.
  Builder(Stream& stream, std::uint32_t skipped)
      : stream_(stream), skipped_(skipped) {}

  // The library leaves a token it can make nothing of, such as a lone comma,
  // where it is, and reports an empty document at it for ever.
  void OnDocumentStart(const YAML::Mark& mark) override {
    if (!stream_.roots_.empty() && mark.pos == document_pos_) {
      throw Refusal{"unexpected text, expected a node or the end",
                    offset(mark)};
    }
    document_pos_ = mark.pos;
    anchors_.clear();
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    leaf(mark, anchor, {});
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const bool known = anchor < anchors_.size() && anchors_[anchor].complete;
    if (!known) throw Refusal{"alias of a node it is part of", offset(mark)};
    const NodeId id = anchors_[anchor].id;
    charge(sizes_[static_cast<std::size_t>(id)], mark);
    attach(id);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag,
                YAML::anchor_t anchor, const std::string& value) override {
    Node node;
    node.kind = NodeKind::kScalar;
    node.plain = tag == "?";
    node.text = value;
    leaf(mark, anchor, std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& /*tag*/,
                       YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(mark, anchor, NodeKind::kSequence);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& /*tag*/,
                  YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(mark, anchor, NodeKind::kMapping);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Anchor {
    NodeId id{};
    bool complete = false;
  };
  struct Open {
    NodeId id;
    YAML::anchor_t anchor;
    std::uint64_t count_before;
  };

  std::uint32_t offset(const YAML::Mark& mark) const {
    return static_cast<std::uint32_t>(mark.pos) + skipped_;
  }

  void charge(std::uint64_t nodes, const YAML::Mark& mark) {
    count_ += nodes;
    if (count_ > kMaxNodes) {
      throw Refusal{"more than " + std::to_string(kMaxNodes) +
                        " nodes, those behind aliases counted at each use",
                    offset(mark)};
    }
  }

  NodeId add(const YAML::Mark& mark, YAML::anchor_t anchor, Node node) {
    charge(1, mark);
    const auto id = static_cast<NodeId>(stream_.nodes_.size());
    node.begin = offset(mark);
    node.span = {
        .source = stream_.source_, .begin = node.begin, .end = node.begin + 1};
    if (!node.text.empty()) node.span = stream_.locate(node).span();
    stream_.nodes_.push_back(std::move(node));
    sizes_.push_back(1);
    if (anchor != YAML::NullAnchor) {
      if (anchors_.size() <= anchor) anchors_.resize(anchor + 1);
      anchors_[anchor].id = id;
    }
    return id;
  }

  void attach(NodeId id) {
    if (open_.empty()) {
      stream_.roots_.push_back(id);
      return;
    }
    stream_.nodes_[static_cast<std::size_t>(open_.back().id)]
        .children.push_back(id);
  }

  void leaf(const YAML::Mark& mark, YAML::anchor_t anchor, Node node) {
    const NodeId id = add(mark, anchor, std::move(node));
    complete(anchor);
    attach(id);
  }

  void open(const YAML::Mark& mark, YAML::anchor_t anchor, NodeKind kind) {
    if (open_.size() >= kMaxDepth) {
      throw Refusal{"nested deeper than " + std::to_string(kMaxDepth),
                    offset(mark)};
    }
    Node node;
    node.kind = kind;
    const std::uint64_t count_before = count_;
    const NodeId id = add(mark, anchor, std::move(node));
    attach(id);
    open_.push_back({.id = id, .anchor = anchor, .count_before = count_before});
  }

  void close() {
    const Open closed = open_.back();
    open_.pop_back();
    sizes_[static_cast<std::size_t>(closed.id)] = count_ - closed.count_before;
    complete(closed.anchor);
  }

  void complete(YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) anchors_[anchor].complete = true;
  }

  Stream& stream_;
  std::uint32_t skipped_;
  int document_pos_ = -1;  // of the document being read
  std::vector<Open> open_;
  std::vector<Anchor> anchors_;
  std::vector<std::uint64_t> sizes_;  // of each node with all below it
  std::uint64_t count_ = 0;
};

std::string_view to_string(NodeKind kind) {
  switch (kind) {
    case NodeKind::kNull:
      return "nothing";
    case NodeKind::kScalar:
      return "a scalar";
    case NodeKind::kSequence:
      return "a sequence";
    case NodeKind::kMapping:
      return "a mapping";
  }
  return "";
}

LocatedText Stream::locate(const Node& scalar) const {
  return map_scalar(text_, source_, scalar.begin, scalar.text);
}

std::optional<Stream> parse(std::string_view text, std::uint32_t source,
                            Diagnostics& diagnostics) {
  if (text.size() > kMaxBytes) {
    refuse(diagnostics, source, 0,
           "larger than " + std::to_string(kMaxBytes) + " bytes");
    return std::nullopt;
  }
  if (const std::size_t bad = first_bad_byte(text);
      bad != std::string_view::npos) {
    refuse(diagnostics, source, bad,
           "neither UTF-8 text nor a character YAML allows");
    return std::nullopt;
  }
  const auto flow = std::count_if(text.begin(), text.end(), [](char c) {
    return c == '[' || c == '{' || c == ',';
  });
  if (static_cast<std::size_t>(flow) > kMaxFlowCharacters) {
    refuse(diagnostics, source, 0,
           "more than " + std::to_string(kMaxFlowCharacters) +
               " of the characters '[', '{' and ','");
    return std::nullopt;
  }
  const std::size_t skipped =
      text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;

  Stream stream;
  stream.source_ = source;
  stream.text_ = text;
  Builder builder(stream, static_cast<std::uint32_t>(skipped));
  try {
    ViewBuffer buffer(text.substr(skipped));
    std::istream in(&buffer);
    YAML::Parser parser(in);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Refusal& refusal) {
    refuse(diagnostics, source, refusal.offset, refusal.message);
    return std::nullopt;
  } catch (const YAML::Exception& error) {
    const std::size_t at =
        error.mark.is_null()
            ? 0
            : std::min(static_cast<std::size_t>(error.mark.pos) + skipped,
                       text.size());
    refuse(diagnostics, source, at, spelled(error.msg));
    return std::nullopt;
  }
  return stream;
}

}  // namespace bailiff::yaml
