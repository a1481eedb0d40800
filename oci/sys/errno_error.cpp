// SPDX-License-Identifier: Apache-2.0
#include "oci/sys/errno_error.h"

#include <cstring>
#include <utility>

namespace bailiff {
namespace {

Code code_of(int err) {
  switch (err) {
    case ENOENT:
    case ESRCH:
      return Code::kNotFound;
    case EPERM:
    case EACCES:
      return Code::kPermission;
    case ENOSYS:
    case EOPNOTSUPP:
      return Code::kUnsupported;
    default:
      return Code::kIo;
  }
}

}  // namespace

Error errno_error(std::string what, int err) {
  const char* reason = ::strerrordesc_np(err);
  what += ": ";
  what += reason != nullptr ? reason : "unknown error";
  return Error{code_of(err), std::move(what), err};
}

Error invalid_argument(std::string message) {
  return Error{Code::kInvalidArgument, std::move(message)};
}

}  // namespace bailiff
