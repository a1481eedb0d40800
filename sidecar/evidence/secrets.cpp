// SPDX-License-Identifier: Apache-2.0
#include "sidecar/evidence/secrets.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

namespace bailiff::sidecar {
namespace {

// Anywhere in a name: nothing harmless is called so.
constexpr std::array<std::string_view, 9> kParts = {
    "password", "passwd",     "passphrase", "secret", "token",
    "apikey",   "credential", "authoriz",   "cookie"};

// Only as a word of its own: "key" is in "KEYBOARD", "auth" in "AUTHOR".
constexpr std::array<std::string_view, 10> kWords = {
    "auth", "key", "pass", "pw", "pwd", "dsn", "jwt", "bearer", "sas", "pat"};

// These hold a word of the above, and no secret: the working folder, and where
// the agent listens.
constexpr std::array<std::string_view, 3> kHarmless = {"pwd", "oldpwd",
                                                       "ssh_auth_sock"};

// What tokens of well-known issuers begin with, and how long they are at least.
struct Shape {
  std::string_view begin;
  std::size_t least;
};
constexpr std::array kShapes = {
    Shape{"AKIA", 20},  // an access key of AWS
    Shape{"ASIA", 20},  // the same, for a session
    Shape{"ghp_", 20},  // GitHub
    Shape{"gho_", 20},        Shape{"ghs_", 20},
    Shape{"github_pat_", 20}, Shape{"glpat-", 20},  // GitLab
    Shape{"xoxb-", 20},       Shape{"xoxp-", 20},   // Slack
    Shape{"sk_live_", 20},                          // Stripe
    Shape{"AIza", 30},                              // Google
    Shape{"eyJ", 40},                               // a JSON web token
};

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_alphanumeric(char c) {
  const char l = lower(c);
  return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9');
}

// What names of variables, options and headers are made of.
bool is_name_character(char c) {
  return is_alphanumeric(c) || c == '_' || c == '-' || c == '.';
}

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// Where a value in running text ends that begins at `at`: at its closing quote,
// or at what separates words.
std::size_t value_end(std::string_view text, std::size_t at) {
  if (at < text.size() && (text[at] == '"' || text[at] == '\'')) {
    const std::size_t close = text.find(text[at], at + 1);
    return close == std::string_view::npos ? text.size() : close + 1;
  }
  return std::min(text.find_first_of(" \t\r\n\"'&;,|<>)}", at), text.size());
}

// The password of a URL, "scheme://user:PASSWORD@host": where it is in `word`.
struct Range {
  std::size_t begin, end;
};
std::optional<Range> url_password(std::string_view word) {
  const std::size_t scheme = word.find("://");
  if (scheme == std::string_view::npos) return std::nullopt;
  const std::size_t user = scheme + 3;
  const std::string_view authority =
      word.substr(user, word.find_first_of("/?#", user) - user);
  const std::size_t at = authority.rfind('@');
  if (at == std::string_view::npos) return std::nullopt;
  const std::size_t colon = authority.find(':');
  if (colon == std::string_view::npos || colon > at) return std::nullopt;
  return Range{user + colon + 1, user + at};
}

bool has_token_shape(std::string_view word) {
  return std::any_of(kShapes.begin(), kShapes.end(), [&](const Shape& shape) {
    return word.size() >= shape.least && word.starts_with(shape.begin);
  });
}

// A word of text without blanks: masked when it is a token, or in part when it
// is a URL.
std::string mask_word(std::string_view word) {
  if (has_token_shape(word)) return std::string(kMasked);
  std::string masked(word);
  if (const auto password = url_password(word)) {
    masked.replace(password->begin, password->end - password->begin, kMasked);
  }
  return masked;
}

}  // namespace

bool is_secret_name(std::string_view name) {
  std::string whole;
  for (const char c : name) whole += lower(c);
  whole.erase(0, std::min(whole.find_first_not_of("-_."), whole.size()));
  if (std::find(kHarmless.begin(), kHarmless.end(), whole) != kHarmless.end()) {
    return false;
  }
  std::string joined;
  for (const char c : whole) {
    if (is_alphanumeric(c)) joined += c;
  }
  for (const std::string_view part : kParts) {
    if (joined.find(part) != std::string::npos) return true;
  }
  std::size_t begin = 0;
  while (begin < whole.size()) {
    const std::size_t end =
        std::min(whole.find_first_of("-_.", begin), whole.size());
    const std::string_view word =
        std::string_view(whole).substr(begin, end - begin);
    if (std::find(kWords.begin(), kWords.end(), word) != kWords.end()) {
      return true;
    }
    begin = end + 1;
  }
  return false;
}

std::string mask_variable(std::string_view variable) {
  const std::size_t equals = variable.find('=');
  if (equals == std::string_view::npos) return mask_text(variable);
  const std::string_view name = variable.substr(0, equals);
  std::string masked(variable.substr(0, equals + 1));
  const std::string_view value = variable.substr(equals + 1);
  if (value.empty()) return masked;
  if (is_secret_name(name) || value.find("-----BEGIN ") == 0) {
    return masked.append(kMasked);
  }
  return masked + mask_text(value);
}

std::vector<std::string> mask_arguments(std::vector<std::string> arguments) {
  bool value_follows = false;
  bool user_follows = false;
  for (std::string& argument : arguments) {
    if (value_follows && !argument.starts_with('-')) {
      argument = kMasked;
      value_follows = false;
      continue;
    }
    value_follows = false;
    if (user_follows) {
      user_follows = false;
      if (const std::size_t colon = argument.find(':');
          colon != std::string::npos) {
        argument.replace(colon + 1, std::string::npos, kMasked);
        continue;
      }
    }
    user_follows = argument == "-u" || argument == "--user" ||
                   argument == "--proxy-user";  // curl, and many after it
    value_follows = argument.starts_with('-') &&
                    argument.find('=') == std::string::npos &&
                    argument.find_first_of(" \t\n") == std::string::npos &&
                    is_secret_name(argument);
    if (!value_follows) argument = mask_text(argument);
  }
  return arguments;
}

std::string mask_text(std::string_view text) {
  std::string masked;
  std::size_t at = 0;
  while (at < text.size()) {
    if (!is_name_character(text[at])) {
      masked += text[at++];
      continue;
    }
    std::size_t name_end = at;
    while (name_end < text.size() && is_name_character(text[name_end])) {
      ++name_end;
    }
    const std::string_view name = text.substr(at, name_end - at);
    // NAME=, NAME: and, as in JSON, "NAME":
    std::size_t value = name_end;
    if (value < text.size() && (text[value] == '"' || text[value] == '\'')) {
      ++value;
    }
    const bool separated = value < text.size() &&
                           (text[value] == '=' || text[value] == ':') &&
                           text.substr(value, 3) != "://";
    if (separated && is_secret_name(name)) {
      const bool header = text[value] == ':';
      ++value;
      while (value < text.size() && is_blank(text[value])) ++value;
      std::size_t end = value_end(text, value);
      // "Authorization: Bearer x": the scheme is no secret, but what follows.
      if (header) {
        const std::string_view first = text.substr(value, end - value);
        if ((first == "Bearer" || first == "Basic" || first == "Token") &&
            end < text.size() && is_blank(text[end])) {
          end = value_end(text, end + 1);
        }
      }
      masked += text.substr(at, value - at);
      if (end > value) masked += kMasked;
      at = end;
      continue;
    }
    // The whole word, as URLs and tokens reach past names.
    std::size_t end = at;
    while (end < text.size() && !is_blank(text[end]) && text[end] != '"' &&
           text[end] != '\'') {
      ++end;
    }
    const std::string_view word = text.substr(at, end - at);
    if (has_token_shape(word) || url_password(word)) {
      masked += mask_word(word);
      at = end;
    } else {
      masked += name;
      at = name_end;
    }
  }
  return masked;
}

}  // namespace bailiff::sidecar
