// SPDX-License-Identifier: Apache-2.0
// actor ACTION [ANYTHING…]: does that, and exits with what came of it.
#include "tests/kernel/action.h"

int main(int argc, char** argv) {
  return argc > 1 ? bailiff::test::act(argv[1]) : 254;
}
