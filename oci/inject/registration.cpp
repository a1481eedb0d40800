// SPDX-License-Identifier: Apache-2.0
#include "oci/inject/registration.h"

#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "oci/spec/state.h"
#include "oci/sys/errno_error.h"
#include "oci/sys/files.h"

namespace bailiff::oci {
namespace {

constexpr std::size_t kTokenBytes = 16;
constexpr std::size_t kMaxFileBytes = 256;

std::string folder(const std::string& run_dir) {
  return run_dir + "/listeners";
}
std::string path(const std::string& run_dir, const std::string& id) {
  return folder(run_dir) + "/" + id;
}

Result<std::string> make_token() {
  std::array<unsigned char, kTokenBytes> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) !=
      static_cast<ssize_t>(bytes.size())) {
    return errno_error("get random bytes");
  }
  std::string token;
  for (const unsigned char byte : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    token += kDigits[byte >> 4];
    token += kDigits[byte & 0xf];
  }
  return token;
}

}  // namespace

std::string listener_socket(const std::string& run_dir) {
  return run_dir + "/seccomp.sock";
}

Result<std::string> registered_token(const std::string& run_dir,
                                     const std::string& id) {
  RETURN_IF_ERROR(check_container_id(id));
  RETURN_IF_ERROR(check_trusted(path(run_dir, id)));
  return read_bounded(path(run_dir, id), kMaxFileBytes);
}

Result<std::string> register_listener(const std::string& run_dir,
                                      const std::string& id) {
  // Of a container with the same id, or of an earlier attempt.
  Result<std::string> known = registered_token(run_dir, id);
  if (known || known.error().code != Code::kNotFound) return known;
  if (::mkdir(folder(run_dir).c_str(), 0700) != 0 && errno != EEXIST) {
    return errno_error("make folder '" + folder(run_dir) + "'");
  }
  RETURN_IF_ERROR(check_trusted(folder(run_dir)));
  ASSIGN_OR_RETURN(const std::string token, make_token());
  RETURN_IF_ERROR(
      write_atomically(path(run_dir, id), token, 0600, Durability::kProcess));
  return token;
}

Status forget_listener(const std::string& run_dir, const std::string& id) {
  RETURN_IF_ERROR(check_container_id(id));
  if (::unlink(path(run_dir, id).c_str()) != 0 && errno != ENOENT) {
    return errno_error("remove '" + path(run_dir, id) + "'");
  }
  return Ok{};
}

}  // namespace bailiff::oci
