// SPDX-License-Identifier: Apache-2.0
// oci/sys/errno_error.h
// One way to turn a failed system call into an Error.
#pragma once

#include <cerrno>
#include <string>

#include "rules/base/result.h"

namespace bailiff {

// "`what`: No such file or directory", with the code that fits `err`:
// ENOENT and ESRCH are kNotFound, EPERM and EACCES kPermission, ENOSYS and
// EOPNOTSUPP kUnsupported, all else kIo.  `what` says the call and its object:
// "open '/run/bailiff'".
Error errno_error(std::string what, int err = errno);

// An argument or a content that can never work.
Error invalid_argument(std::string message);

}  // namespace bailiff
