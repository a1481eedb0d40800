// SPDX-License-Identifier: Apache-2.0
// sidecar/ingest/user_names.h
#pragma once

#include <cstdint>
#include <string>

namespace bailiff::sidecar {

// The name the host's user database has for the id; "<NA>" when it has none,
// except that 0 is always "root" (falco-language, "Null").  May ask the
// network where the host is set up so; what it has answered holds for some
// seconds.  Any thread.
std::string user_name(std::int64_t uid);
// The same of a group.
std::string group_name(std::int64_t gid);

}  // namespace bailiff::sidecar
