// SPDX-License-Identifier: Apache-2.0
// rules/base/codes.h
// Diagnostic::code: Falco's load errors and warnings (falco-language, section
// 2, from Falco's falco_load_result.cpp), so that what reads Falco's results
// reads ours.  Policy and configuration files use the same ones.
//
// Falco has three more.  Two are for extension items: kinds of item that a
// program which embeds its engine adds to rule files; neither Falco itself nor
// Bailiff has any.  LOAD_UNSAFE_NA_CHECK is about fields of two plugins, ka.*
// and jevt.*, which are unknown here.
#pragma once

namespace bailiff::codes {

inline constexpr char kFileRead[] = "LOAD_ERR_FILE_READ";
inline constexpr char kYamlParse[] = "LOAD_ERR_YAML_PARSE";
inline constexpr char kYamlValidate[] = "LOAD_ERR_YAML_VALIDATE";
inline constexpr char kCompileCondition[] = "LOAD_ERR_COMPILE_CONDITION";
inline constexpr char kCompileOutput[] = "LOAD_ERR_COMPILE_OUTPUT";
inline constexpr char kValidate[] = "LOAD_ERR_VALIDATE";

inline constexpr char kWarnUnknownSource[] = "LOAD_UNKNOWN_SOURCE";
inline constexpr char kWarnNoEvttype[] = "LOAD_NO_EVTTYPE";
inline constexpr char kWarnUnknownFilter[] = "LOAD_UNKNOWN_FILTER";
inline constexpr char kWarnUnusedMacro[] = "LOAD_UNUSED_MACRO";
inline constexpr char kWarnUnusedList[] = "LOAD_UNUSED_LIST";
inline constexpr char kWarnUnknownItem[] = "LOAD_UNKNOWN_ITEM";
inline constexpr char kWarnDeprecatedItem[] = "LOAD_DEPRECATED_ITEM";
inline constexpr char kWarnAppendNoValues[] = "LOAD_APPEND_NO_VALUES";
inline constexpr char kWarnExceptionNameNotUnique[] =
    "LOAD_EXCEPTION_NAME_NOT_UNIQUE";
inline constexpr char kWarnInvalidMacroName[] = "LOAD_INVALID_MACRO_NAME";
inline constexpr char kWarnInvalidListName[] = "LOAD_INVALID_LIST_NAME";
inline constexpr char kWarnCompileCondition[] = "LOAD_COMPILE_CONDITION";
inline constexpr char kWarnUnknownKey[] = "LOAD_UNKNOWN_KEY";

}  // namespace bailiff::codes
