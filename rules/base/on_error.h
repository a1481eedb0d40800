// SPDX-License-Identifier: Apache-2.0
// rules/base/on_error.h
#pragma once

namespace bailiff {

// What happens when a judgement cannot be made.  Every function that judges
// takes one, so that failing open is a choice somebody wrote down.
enum class OnError { kDeny, kAllow };

}  // namespace bailiff
