// SPDX-License-Identifier: Apache-2.0
//
// main() of every GoogleTest program here.
//
// The machines this project is tested on have every feature the tests need,
// so a skipped test is a hole and fails the run. On a lesser machine, set
// BAILIFF_ALLOW_SKIP to the reason why skipping is right there. Only what needs
// real input that lies beside the repository may skip without it, and begins
// its reason with that folder: "'../shared/…". A run that selects no test at
// all fails too.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <string_view>
#include <utility>

namespace {

bool skipping_is_allowed() {
  const char* reason = std::getenv("BAILIFF_ALLOW_SKIP");
  return reason != nullptr && !std::string_view(reason).empty();
}

// Turns a skip into a failure, before GoogleTest prints what became of the
// test: CTest would pass over a test that prints it was skipped.
class SkipIsFailure : public testing::EmptyTestEventListener {
 public:
  void OnTestPartResult(const testing::TestPartResult& part) override {
    if (!part.skipped()) return;
    const std::string_view reason = part.message();
    if (reason.find("'../shared/") == std::string_view::npos) found_ = true;
  }

  // Called last-appended listener first, so before the printer's.
  void OnTestEnd(const testing::TestInfo& /*test*/) override {
    if (std::exchange(found_, false)) {
      ADD_FAILURE() << "a skipped test is a failure; set BAILIFF_ALLOW_SKIP to "
                       "the reason why this machine cannot run it";
    }
  }

 private:
  bool found_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleMock(&argc, argv);
  if (!skipping_is_allowed()) {
    // GoogleTest owns its listeners.
    testing::UnitTest::GetInstance()->listeners().Append(new SkipIsFailure);
  }
  const int failed = RUN_ALL_TESTS();
  if (GTEST_FLAG_GET(list_tests)) return failed;

  if (testing::UnitTest::GetInstance()->test_to_run_count() == 0) {
    std::cerr << "no test was selected\n";
    return EXIT_FAILURE;
  }
  return failed;
}
