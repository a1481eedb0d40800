// SPDX-License-Identifier: Apache-2.0
// oci/inject/registration.h
// How bailiffd knows whose listener it is given: the wrapper writes down a
// token for the container and puts it into the listener's metadata.
//
//   RUN_DIR/seccomp.sock    where runtimes hand listeners over
//   RUN_DIR/listeners/ID    the token
#pragma once

#include <string>

#include "rules/base/result.h"

namespace bailiff::oci {

std::string listener_socket(const std::string& run_dir);

// The container's token, made when there is none yet.
Result<std::string> register_listener(const std::string& run_dir,
                                      const std::string& id);

// kNotFound: no listener of that container is expected.
Result<std::string> registered_token(const std::string& run_dir,
                                     const std::string& id);

// For a container that is gone; one that was not registered is success.
Status forget_listener(const std::string& run_dir, const std::string& id);

}  // namespace bailiff::oci
