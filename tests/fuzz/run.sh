#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the fuzzers in build/fuzz and runs each for SECONDS:
#
#   tests/fuzz/run.sh SECONDS [NAME…]
#
# New inputs go to build/fuzz/corpus/NAME, not to the repository. A finding is
# left in build/fuzz/findings and ends the run with status 1; copy it to
# tests/fuzz/corpus/NAME when it is fixed.
set -eu

seconds=${1:?usage: tests/fuzz/run.sh SECONDS [NAME…]}
shift
cd "$(dirname "$0")/../.."
build=build/fuzz
cmake --preset fuzz
cmake --build "$build" --target fuzzers -j "${JOBS:-2}"

# shellcheck disable=SC2046 # the names are words
[ $# -gt 0 ] || set -- $(ls tests/fuzz/corpus)
mkdir -p "$build/findings"
status=0
for name in "$@"; do
  mkdir -p "$build/corpus/$name"
  echo "fuzz_$name: $seconds s"
  # 64 KiB reach everything that depends on size but the bounds themselves,
  # which unit tests hold.
  "$build/tests/bin/fuzz_$name" -max_total_time="$seconds" -max_len=65536 \
    -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0 \
    -artifact_prefix="$build/findings/$name-" \
    "$build/corpus/$name" "tests/fuzz/corpus/$name" || status=1
done
exit $status
