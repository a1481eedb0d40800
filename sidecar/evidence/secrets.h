// SPDX-License-Identifier: Apache-2.0
// sidecar/evidence/secrets.h
// What a container was given in confidence is not needed to understand what it
// did, and evidence is passed on: so values that look secret are masked.
//
// It goes by names and shapes, so it finds what is named as such things are;
// a secret under another name stays.  Better too much than too little.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bailiff::sidecar {

enum class Secrets { kMask, kKeep };

// What stands for a value that is not shown.
inline constexpr std::string_view kMasked = "***";

// Whether something of this name holds a secret: "DB_PASSWORD", "--api-key",
// "Authorization".
bool is_secret_name(std::string_view name);

// "NAME=value" as in an environment.
std::string mask_variable(std::string_view variable);

// The words of a command line: "--password=x", "--token x", "-u user:x".
std::vector<std::string> mask_arguments(std::vector<std::string> arguments);

// In running text: NAME=value and NAME: value where the name says so, the
// password of a URL, and what has the shape of a known kind of token.
std::string mask_text(std::string_view text);

}  // namespace bailiff::sidecar
