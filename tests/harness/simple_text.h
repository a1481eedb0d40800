// SPDX-License-Identifier: Apache-2.0
// tests/harness/simple_text.h
#pragma once

#include <string>
#include <string_view>

#include <yaml-cpp/eventhandler.h>

#include "rules/document/simple_document.h"

namespace bailiff::test {

// Whether the text is read without the YAML library.
inline bool is_simple(std::string_view text) {
  class Ignored final : public YAML::EventHandler {
   public:
    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
    void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
    void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  const std::string&) override {}
    void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                         YAML::EmitterStyle::value) override {}
    void OnSequenceEnd() override {}
    void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                    YAML::EmitterStyle::value) override {}
    void OnMapEnd() override {}
  };
  Ignored events;
  return yaml::read_simple_document(text, events);
}

}  // namespace bailiff::test
