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
#include "rules/document/simple_document.h"
#include "rules/document/utf8.h"

namespace bailiff::yaml {
namespace {

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

// What stands for a simple sequence in the text the library is given.
constexpr std::string_view kStandIn = " simple-sequence";

// The text with its simple sequences replaced, and the way back.
class Reduced {
 public:
  // `text` and `sequences` are borrowed.  Without sequences nothing is copied.
  Reduced(std::string_view text, const std::vector<SimpleSequence>& sequences)
      : text_(text), sequences_(sequences) {
    std::size_t at = 0;
    for (const SimpleSequence& sequence : sequences) {
      copy_ += text.substr(at, sequence.begin - at);
      stand_ins_.push_back(copy_.size() + 1);  // behind its blank
      copy_ += kStandIn;
      at = sequence.end;
    }
    if (!sequences.empty()) copy_ += text.substr(at);
  }

  std::string_view text() const {
    return sequences_.empty() ? text_ : std::string_view(copy_);
  }

  // Where in the whole text the byte at `offset` of text() is.
  std::size_t original(std::size_t offset) const {
    const auto after =
        std::upper_bound(stand_ins_.begin(), stand_ins_.end(), offset);
    if (after == stand_ins_.begin()) return offset;
    const auto index = static_cast<std::size_t>(after - stand_ins_.begin() - 1);
    const std::size_t end = stand_ins_[index] + kStandIn.size() - 1;
    if (offset < end) return sequences_[index].first;
    return sequences_[index].end + (offset - end);
  }

  // The sequence that is replaced at `offset` of text(), or kNotSimple.
  std::uint32_t sequence_at(std::size_t offset) const {
    const auto found =
        std::lower_bound(stand_ins_.begin(), stand_ins_.end(), offset);
    if (found == stand_ins_.end() || *found != offset) return Node::kNotSimple;
    return static_cast<std::uint32_t>(found - stand_ins_.begin());
  }

 private:
  std::string_view text_;
  const std::vector<SimpleSequence>& sequences_;
  std::string copy_;
  std::vector<std::size_t> stand_ins_;  // offsets in copy_
};

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
  Builder(Stream& stream, const Reduced& reduced, std::uint32_t skipped)
      : stream_(stream), reduced_(reduced), skipped_(skipped) {}

  // Whether each simple sequence turned out to be a node.
  bool took_all_sequences() const {
    return taken_ == stream_.sequences_.size();
  }

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
    const Size& size = sizes_[static_cast<std::size_t>(id)];
    charge(size.nodes, mark);
    charged_.bytes += size.bytes;
    alias_bytes_ += size.bytes;
    if (alias_bytes_ > kMaxAliasBytes) {
      throw Refusal{"more than " + std::to_string(kMaxAliasBytes) +
                        " bytes behind aliases, counted at each use",
                    offset(mark)};
    }
    attach(id);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag,
                YAML::anchor_t anchor, const std::string& value) override {
    if (take_sequence(mark, tag, anchor, value)) return;
    Node node;
    node.kind = NodeKind::kScalar;
    node.plain = tag == "?";
    node.text = value;
    leaf(mark, anchor, std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& /*tag*/,
                       YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    open(mark, anchor, NodeKind::kSequence, style);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& /*tag*/,
                  YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    open(mark, anchor, NodeKind::kMapping, style);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Anchor {
    NodeId id{};
    bool complete = false;
  };
  // What a node comes to with all below it, where an alias is used.
  struct Size {
    std::uint64_t nodes = 0;
    std::uint64_t bytes = 0;  // of scalars
  };
  struct Open {
    NodeId id;
    YAML::anchor_t anchor;
    YAML::EmitterStyle::value style;
    Size before;
  };

  std::uint32_t offset(const YAML::Mark& mark) const {
    const auto pos = static_cast<std::size_t>(mark.pos) + skipped_;
    return static_cast<std::uint32_t>(reduced_.original(pos));
  }

  // Whether the scalar is a stand-in, and its sequence was added for it.
  bool take_sequence(const YAML::Mark& mark, const std::string& tag,
                     YAML::anchor_t anchor, const std::string& value) {
    if (tag != "?" || value != kStandIn.substr(1)) return false;
    const std::uint32_t index =
        reduced_.sequence_at(static_cast<std::size_t>(mark.pos) + skipped_);
    if (index == Node::kNotSimple || open_.empty()) return false;
    // Dashes mean nothing inside brackets.
    const SimpleSequence& sequence = stream_.sequences_[index];
    if (sequence.block && open_.back().style != YAML::EmitterStyle::Block) {
      return false;
    }
    ++taken_;
    Node node;
    node.kind = NodeKind::kSequence;
    node.simple = index;
    const NodeId id = leaf(mark, anchor, std::move(node));
    Size& size = sizes_[static_cast<std::size_t>(id)];
    size.nodes += sequence.size;
    size.bytes += sequence.end - sequence.first;
    charged_.nodes += sequence.size;
    charged_.bytes += sequence.end - sequence.first;
    return true;
  }

  // Of what the library makes and what stands behind aliases.
  void charge(std::uint64_t nodes, const YAML::Mark& mark) {
    charged_.nodes += nodes;
    node_count_ += nodes;
    if (node_count_ > kMaxNodes) {
      throw Refusal{"more than " + std::to_string(kMaxNodes) +
                        " nodes, those behind aliases counted at each use",
                    offset(mark)};
    }
  }

  NodeId add(const YAML::Mark& mark, YAML::anchor_t anchor, Node node) {
    charge(1, mark);
    charged_.bytes += node.text.size();
    const auto id = static_cast<NodeId>(stream_.nodes_.size());
    node.begin = offset(mark);
    node.span = {
        .source = stream_.source_, .begin = node.begin, .end = node.begin + 1};
    if (!node.text.empty()) node.span = stream_.locate(node).span();
    sizes_.push_back({.nodes = 1, .bytes = node.text.size()});
    stream_.nodes_.push_back(std::move(node));
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

  NodeId leaf(const YAML::Mark& mark, YAML::anchor_t anchor, Node node) {
    const NodeId id = add(mark, anchor, std::move(node));
    complete(anchor);
    attach(id);
    return id;
  }

  void open(const YAML::Mark& mark, YAML::anchor_t anchor, NodeKind kind,
            YAML::EmitterStyle::value style) {
    if (open_.size() >= kMaxDepth) {
      throw Refusal{"nested deeper than " + std::to_string(kMaxDepth),
                    offset(mark)};
    }
    Node node;
    node.kind = kind;
    const Size before = charged_;
    const NodeId id = add(mark, anchor, std::move(node));
    attach(id);
    open_.push_back(
        {.id = id, .anchor = anchor, .style = style, .before = before});
  }

  void close() {
    const Open closed = open_.back();
    open_.pop_back();
    sizes_[static_cast<std::size_t>(closed.id)] = {
        .nodes = charged_.nodes - closed.before.nodes,
        .bytes = charged_.bytes - closed.before.bytes};
    complete(closed.anchor);
  }

  void complete(YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) anchors_[anchor].complete = true;
  }

  Stream& stream_;
  const Reduced& reduced_;
  std::uint32_t skipped_;
  int document_pos_ = -1;  // of the document being read
  std::vector<Open> open_;
  std::vector<Anchor> anchors_;
  std::vector<Size> sizes_;  // of each node
  Size charged_;             // of all so far, aliases and sequences included
  std::uint64_t node_count_ = 0;
  std::uint64_t alias_bytes_ = 0;
  std::size_t taken_ = 0;
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

PlacedTexts Stream::simple(const Node& sequence) const {
  return read_simple_sequence(text_, source_, sequences_[sequence.simple]);
}

namespace {

// A mistake in a text, with its offset.
using Mistake = std::optional<Refusal>;

// What the text as a whole is refused for.
Mistake unacceptable(std::string_view text) {
  if (text.size() > kMaxBytes) {
    return Refusal{"larger than " + std::to_string(kMaxBytes) + " bytes", 0};
  }
  // The library would take a 0x04 for the end of the text.
  if (const std::size_t bad = first_bad_byte(text);
      bad != std::string_view::npos) {
    return Refusal{"neither UTF-8 text nor a character YAML allows",
                   static_cast<std::uint32_t>(bad)};
  }
  return std::nullopt;
}

// What keeps a text from the library.
Mistake too_much(std::string_view reduced) {
  if (reduced.size() > kMaxParsedBytes) {
    return Refusal{"larger than " + std::to_string(kMaxParsedBytes) +
                       " bytes, lists of one plain or quoted item a line not "
                       "counted",
                   0};
  }
  const auto flow = std::count_if(reduced.begin(), reduced.end(), [](char c) {
    return c == '[' || c == '{' || c == ',';
  });
  if (static_cast<std::size_t>(flow) > kMaxFlowCharacters) {
    return Refusal{"more than " + std::to_string(kMaxFlowCharacters) +
                       " of the characters '[', '{' and ','",
                   0};
  }
  return std::nullopt;
}

// Feeds the library.
Mistake run(const Reduced& reduced, std::size_t skipped, Builder& builder) {
  try {
    ViewBuffer buffer(reduced.text().substr(skipped));
    std::istream in(&buffer);
    YAML::Parser parser(in);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Refusal& refusal) {
    return refusal;
  } catch (const YAML::Exception& error) {
    std::size_t at = 0;
    if (!error.mark.is_null()) {
      at = reduced.original(static_cast<std::size_t>(error.mark.pos) + skipped);
    }
    return Refusal{spelled(error.msg), static_cast<std::uint32_t>(at)};
  }
  return std::nullopt;
}

// Feeds the builder without the library, if that can be.
bool run_simple(const Reduced& reduced, std::size_t skipped, Builder& builder) {
  try {
    return read_simple_document(reduced.text().substr(skipped), builder);
  } catch (const Refusal&) {
    return false;  // the library may know of a mistake before
  }
}

}  // namespace

std::optional<Stream> parse(std::string_view text, std::uint32_t source,
                            Diagnostics& diagnostics,
                            const Shortcuts& shortcuts) {
  const auto refused = [&](const Refusal& mistake) {
    const std::size_t at = std::min<std::size_t>(mistake.offset, text.size());
    Diagnostic diagnostic;
    diagnostic.code = codes::kYamlParse;
    diagnostic.message = mistake.message;
    diagnostic.span = {.source = source,
                       .begin = static_cast<std::uint32_t>(at),
                       .end = static_cast<std::uint32_t>(at + 1)};
    diagnostics.add(std::move(diagnostic));
    return std::nullopt;
  };
  if (const Mistake mistake = unacceptable(text)) return refused(*mistake);
  const std::size_t skipped =
      text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;

  std::vector<SimpleSequence> sequences =
      find_simple_sequences(text, shortcuts.long_sequence);
  bool simple = shortcuts.simple_documents;
  while (true) {
    const bool whole = sequences.empty();
    Stream stream;
    stream.source_ = source;
    stream.text_ = text;
    stream.sequences_ = std::move(sequences);
    sequences.clear();
    const Reduced reduced(text, stream.sequences_);
    if (const Mistake mistake = too_much(reduced.text())) {
      return refused(*mistake);
    }
    Builder builder(stream, reduced, static_cast<std::uint32_t>(skipped));
    if (std::exchange(simple, false)) {
      if (run_simple(reduced, skipped, builder) &&
          builder.took_all_sequences()) {
        return stream;
      }
      sequences = stream.sequences_;
      continue;
    }
    const Mistake mistake = run(reduced, skipped, builder);
    if (!mistake && builder.took_all_sequences()) return stream;
    // A mistake beside a long list is told without reading the list.
    if (whole || text.size() > kMaxParsedBytes) {
      if (!mistake) return refused(*too_much(text));
      return refused(*mistake);
    }
  }
}

}  // namespace bailiff::yaml
