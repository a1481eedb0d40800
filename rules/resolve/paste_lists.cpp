// SPDX-License-Identifier: Apache-2.0
#include "rules/resolve/paste_lists.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "rules/base/codes.h"

namespace bailiff {
namespace {

// What looking at an item costs beside its bytes.
constexpr std::size_t kItemWork = 4;

bool is_one_of(char c, std::string_view characters) {
  return characters.find(c) != std::string_view::npos;
}
// What pasting takes away around a name.
bool is_pasted_over(char c) { return is_one_of(c, " \t\n\r"); }
// What the grammar skips.
bool is_blank(char c) { return is_one_of(c, " \t\n\r\b"); }

bool is_list_operator(std::string_view word) {
  return word == "in" || word == "intersects" || word == "pmatch";
}

bool is_identifier(std::string_view word) {
  return !word.empty() && word[0] != '_' && !is_one_of(word[0], "0123456789") &&
         std::all_of(word.begin(), word.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  (c >= '0' && c <= '9') || c == '_';
         });
}

// Finds the words that are elements of lists.  Of a condition's grammar this
// needs no more than strings, parentheses and words: a quote begins a string
// wherever it stands, and a list is in the parentheses behind its operator.
class ElementFinder {
 public:
  explicit ElementFinder(std::string_view text) : text_(text) {}

  // Where each of them begins, in order.
  std::vector<std::size_t> find() && {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (is_blank(c)) {
        ++at_;
      } else if (c == '"' || c == '\'') {
        skip_string(c);
        before_ = Before::kOther;
      } else if (is_one_of(c, "(),=")) {
        symbol(c);
        ++at_;
      } else {
        word();
      }
    }
    return std::move(elements_);
  }

 private:
  // What stands before the cursor.
  enum class Before { kOther, kListOperator, kOpening };

  void skip_string(char quote) {
    ++at_;
    while (at_ < text_.size() &&
           (text_[at_] != quote || text_[at_ - 1] == '\\')) {
      ++at_;
    }
    if (at_ < text_.size()) ++at_;
  }

  void symbol(char c) {
    bool opens = false;  // an element may follow
    if (c == '(') {
      in_list_.push_back(before_ == Before::kListOperator);
      opens = in_list_.back();
    } else if (c == ')') {
      if (!in_list_.empty()) in_list_.pop_back();
    } else if (c == ',') {
      opens = !in_list_.empty() && in_list_.back();
    }
    before_ = opens ? Before::kOpening : Before::kOther;
  }

  void word() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && !is_blank(text_[at_]) &&
           !is_one_of(text_[at_], "()\"'=,")) {
      ++at_;
    }
    const std::string_view word = text_.substr(begin, at_ - begin);
    if (before_ == Before::kOpening ? closes_element()
                                    : before_ == Before::kListOperator &&
                                          is_identifier(word) && ends_check()) {
      elements_.push_back(begin);
    }
    before_ = is_list_operator(word) ? Before::kListOperator : Before::kOther;
  }

  // Whether the element in parentheses is over at the cursor.
  bool closes_element() const {
    std::size_t at = at_;
    while (at < text_.size() && is_blank(text_[at])) ++at;
    return at < text_.size() && (text_[at] == ',' || text_[at] == ')');
  }
  // Whether the word is not the name of a transformer, say.
  bool ends_check() const {
    return at_ == text_.size() || is_blank(text_[at_]) || text_[at_] == ')';
  }

  std::string_view text_;
  std::size_t at_ = 0;
  Before before_ = Before::kOther;
  std::vector<bool> in_list_;  // of each open parenthesis
  std::vector<std::size_t> elements_;
};

// Replaces mentions of one list, from the first to the last, in Falco's way.
class Replacer {
 public:
  explicit Replacer(const LocatedText& text) : text_(text) {}

  // Falco looks for the next mention from here on.
  std::size_t from() const { return from_; }
  std::size_t size() const { return done_.text().size(); }

  // Precondition: begin is at least from().
  void replace(std::size_t begin, std::size_t end, const LocatedText& by) {
    const std::string& text = text_.text();
    const Span place = text_.span(begin, end);
    while (begin > rest_ && is_pasted_over(text[begin - 1])) --begin;
    done_.append(text_.slice(rest_, begin), "");
    if (begin == rest_) drop_blanks();
    while (end < text.size() && is_pasted_over(text[end])) ++end;
    if (by.empty()) {
      if (done_.text().ends_with(',')) {
        done_.truncate(done_.text().size() - 1);
      } else if (end < text.size() && text[end] == ',') {
        ++end;
      }
    }
    const bool first = done_.empty();
    done_.append(by, first ? "" : " ");
    done_.append(LocatedText(" ", place), "");
    rest_ = end;
    // At the very beginning Falco steps over one character too many.
    from_ = first ? end + 1 : end;
  }

  LocatedText take() && {
    done_.append(text_.slice(rest_, text_.text().size()), "");
    return std::move(done_);
  }

 private:
  void drop_blanks() {
    const std::size_t last = done_.text().find_last_not_of(" \t\n\r");
    done_.truncate(last == std::string::npos ? 0 : last + 1);
  }

  const LocatedText& text_;
  LocatedText done_;
  std::size_t rest_ = 0;  // in text_, what is not in done_
  std::size_t from_ = 0;
};

}  // namespace

ListPaster::ListPaster(const std::vector<RawList>& raw,
                       const ResolvedLists& resolved, Diagnostics& diagnostics)
    : raw_(raw),
      resolved_(resolved),
      diagnostics_(diagnostics),
      names_(raw),
      mentioned_(raw.size()),
      pasted_(raw.size()) {}

std::optional<LocatedText> ListPaster::paste(const LocatedText& condition,
                                             const syntax::Owner& owner) {
  std::optional<LocatedText> pasted = paste_all(condition, true);
  if (pasted) return pasted;
  const bool tired = work_ > kMaxPasteWork;
  diagnostics_.add(
      {.severity = Severity::kError,
       .code = codes::kCompileCondition,
       .message = tired ? "there is too much of lists to paste into conditions"
                        : "the condition is larger than " +
                              std::to_string(kMaxPastedBytes) +
                              " bytes with its lists pasted into it",
       .span = condition.span(),
       .hint = "a list takes no room in parentheses behind 'in', 'intersects' "
               "or 'pmatch'",
       .item_type = owner.type,
       .item_name = owner.name});
  return std::nullopt;
}

bool ListPaster::is_reference(const Mention& mention,
                              const std::vector<std::size_t>& elements) const {
  if (raw_[mention.list].broken) return true;
  return !resolved_.textual[mention.list] &&
         std::binary_search(elements.begin(), elements.end(), mention.begin);
}

std::optional<LocatedText> ListPaster::paste_all(const LocatedText& condition,
                                                 bool keep_references) {
  LocatedText text = condition;
  std::uint32_t turn = 0;                  // lists before this one had theirs
  std::unordered_set<std::uint32_t> kept;  // lists with references left behind
  while (true) {
    const std::vector<Mention> mentions = names_.mentions(text.text());
    std::vector<std::size_t> elements;
    if (keep_references) elements = ElementFinder(text.text()).find();

    std::uint32_t list = UINT32_MAX;  // the first that is to be pasted
    for (const Mention& mention : mentions) {
      if (mention.list < turn) continue;
      mentioned_[mention.list] = true;
      if (!is_reference(mention, elements)) list = std::min(list, mention.list);
    }
    if (list == UINT32_MAX) {
      const bool displaced = std::any_of(
          mentions.begin(), mentions.end(), [&](const Mention& mention) {
            return kept.contains(mention.list) &&
                   !is_reference(mention, elements);
          });
      if (displaced) return paste_all(condition, false);
      return text;
    }

    work_ += text.text().size();
    if (work_ > kMaxPasteWork) return std::nullopt;
    Replacer replacer(text);
    for (const Mention& mention : mentions) {
      if (is_reference(mention, elements)) {
        if (mention.list <= list) kept.insert(mention.list);
        continue;
      }
      if (mention.list != list || mention.begin < replacer.from()) continue;
      std::optional<Span> place = text.span(mention.begin, mention.end);
      if (std::binary_search(elements.begin(), elements.end(), mention.begin)) {
        place.reset();
      }
      const std::optional<LocatedText> pasted = items(list, place);
      if (!pasted) return std::nullopt;
      replacer.replace(mention.begin, mention.end, *pasted);
      if (replacer.size() > kMaxPastedBytes) return std::nullopt;
    }
    text = std::move(replacer).take();
    if (text.text().size() > kMaxPastedBytes) return std::nullopt;
    turn = list + 1;
  }
}

std::optional<LocatedText> ListPaster::items(std::uint32_t list,
                                             const std::optional<Span>& place) {
  struct Step {
    std::uint32_t list;
    std::size_t next;  // of its items
  };
  LocatedText text;
  std::vector<Step> path = {{.list = list, .next = 0}};
  const auto on_path = [&path](std::uint32_t other) {
    return std::any_of(path.begin(), path.end(), [other](const Step& step) {
      return step.list == other;
    });
  };
  while (!path.empty()) {
    Step& step = path.back();
    const RawList& current = raw_[step.list];
    pasted_[step.list] = true;
    if (step.next == current.items.size()) {
      path.pop_back();
      continue;
    }
    const std::string_view item = current.items.text(step.next);
    const Span span = current.items.span(step.next);
    ++step.next;
    work_ += item.size() + kItemWork + path.size();
    if (work_ > kMaxPasteWork || text.text().size() > kMaxPastedBytes) {
      return std::nullopt;
    }
    const std::optional<std::uint32_t> other = names_.find(item);
    // A list whose turn is over can only be included here.
    if (other && *other < list && !on_path(*other)) {
      path.push_back({.list = *other, .next = 0});
      continue;
    }
    text.append(LocatedText(pasted_item(item), place.value_or(span)),
                text.empty() ? "" : ", ");
  }
  return text;
}

std::vector<bool> ListPaster::pasted() const {
  std::vector<bool> pasted = pasted_;
  std::vector<std::uint32_t> pending;
  for (const auto& [list, include] : resolved_.loops)
    pending.push_back(include);
  while (!pending.empty()) {
    const std::uint32_t list = pending.back();
    pending.pop_back();
    if (pasted[list]) continue;
    pasted[list] = true;
    const auto& includes = resolved_.definitions[list].includes;
    pending.insert(pending.end(), includes.begin(), includes.end());
  }
  return pasted;
}

std::vector<bool> ListPaster::used() const {
  std::vector<bool> used = mentioned_;
  const auto backward = [&](std::uint32_t list, std::uint32_t include) {
    return raw_[include].defined < raw_[list].changed;
  };
  for (std::uint32_t i = 0; i < raw_.size(); ++i) {
    for (const std::uint32_t include : resolved_.definitions[i].includes) {
      if (backward(i, include)) used[include] = true;
    }
  }
  for (const auto& [list, include] : resolved_.loops) used[include] = true;
  // Those that are included forward come later than what includes them.
  for (std::uint32_t i = 0; i < raw_.size(); ++i) {
    if (!used[i]) continue;
    for (const std::uint32_t include : resolved_.definitions[i].includes) {
      used[include] = true;
    }
  }
  return used;
}

}  // namespace bailiff
