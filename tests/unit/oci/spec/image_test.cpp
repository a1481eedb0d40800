// SPDX-License-Identifier: Apache-2.0
#include "oci/spec/image.h"

#include <gtest/gtest.h>

namespace bailiff::oci {
namespace {

const std::string kDigits(64, 'a');
const std::string kDigest = "sha256:" + kDigits;

struct Case {
  std::string reference;
  ImageReference parts;
};

TEST(SplitImage, FindsTheParts) {
  for (const Case& row : {
           Case{"busybox", {"busybox", "", "", ""}},
           Case{"busybox:1.36", {"busybox", "1.36", "", ""}},
           Case{"docker.io/library/busybox:latest",
                {"docker.io/library/busybox", "latest", "", ""}},
           Case{"reg:5000/shop/web", {"reg:5000/shop/web", "", "", ""}},
           Case{"reg:5000/shop/web:1.2", {"reg:5000/shop/web", "1.2", "", ""}},
           Case{"reg:5000/shop/web:1.2@" + kDigest,
                {"reg:5000/shop/web", "1.2", kDigest, ""}},
           Case{"reg:5000/web@" + kDigest, {"reg:5000/web", "", kDigest, ""}},
           Case{"[::1]:5000/web:2", {"[::1]:5000/web", "2", "", ""}},
           Case{"localhost/web", {"localhost/web", "", "", ""}},
           Case{kDigest, {"", "", "", kDigits}},
           Case{kDigits, {"", "", "", kDigits}},
           Case{"", {"", "", "", ""}},
           Case{"web:", {"web", "", "", ""}},
           Case{"web@", {"web", "", "", ""}},
       }) {
    EXPECT_EQ(split_image(row.reference), row.parts) << row.reference;
  }
}

}  // namespace
}  // namespace bailiff::oci
