// SPDX-License-Identifier: Apache-2.0
// sidecar/alert/webhook.h
// Sends alerts to a URL: one POST each, the body is the alert's JSON.
//
//   Content-Type: application/json
//   User-Agent: bailiff/VERSION
//   X-Bailiff-Id: UUID of the alert; the same on every attempt
//   X-Bailiff-Timestamp: seconds since 1970 at which this attempt was signed
//   X-Bailiff-Signature: sha256=HEX, see signature.h; with a secret only
//
// Any 2xx is delivered.  408, 429 and 5xx are tried again, after Retry-After
// if the receiver names one; every other status is final.  Redirects are not
// followed: an alert goes where the configuration says and nowhere else, and
// for the same reason proxy variables of the environment are ignored.
#pragma once

#include <memory>
#include <string>

#include "rules/base/result.h"
#include "rules/document/service_config.h"
#include "sidecar/alert/delivery.h"

namespace bailiff::sidecar {

// Largest key a secret file may hold.
inline constexpr std::size_t kMaxSecretBytes = 4096;

// Refuses a URL that is not http or https, and a secret file that somebody
// else than its owner can read, that does not belong to root or to the user
// the service runs as, or that is empty.  Nothing is sent yet.
//
// The secret is read again when its file changes.  While it cannot be read,
// nothing is sent: late is better than unsigned.
Result<std::unique_ptr<Sink>> open_webhook(const SinkConfig& config);

}  // namespace bailiff::sidecar
