#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The demo plays to its end, and leaves nothing, however it ends.

load story

# The scratch folders there are, of this test's runs or of others.
scratches() { find /tmp -maxdepth 1 -name 'bailiff-*.*' | sort; }

demo() { env -u BAILIFF_ISOLATED "$REPO_DIR/examples/log4shell/demo.sh"; }

setup() { scratches >"$BATS_TEST_TMPDIR/before"; }

nothing_new() {
  diff "$BATS_TEST_TMPDIR/before" <(scratches)
}

# demo_started: in the background, to where the shop runs; its shell's id is in
# OWNER, its scratch in LEFT.
demo_started() {
  env -u BAILIFF_ISOLATED setsid "$REPO_DIR/examples/log4shell/demo.sh" \
    >"$BATS_TEST_TMPDIR/demo" 2>&1 3>&- &
  DEMO=$!
  wait_until 60 "the protected shop" grep -q 'runs through' \
    "$BATS_TEST_TMPDIR/demo"
  LEFT=$(comm -13 "$BATS_TEST_TMPDIR/before" <(scratches))
  OWNER=$(<"$LEFT/owner")
}

gone() { [[ -z $(leftovers "$LEFT") ]]; }

@test "the demo plays" {
  run demo
  echo "$output"
  ((status == 0))
  says "packets that reached the attacker: 0" "All of it happened."
  [[ $output != *MISSING* ]]
  nothing_new
}

@test "an interrupted demo cleans up" {
  demo_started
  kill -TERM "$OWNER"
  run wait "$DEMO"
  wait_until 20 "the clean-up" gone
}

@test "a killed demo is cleaned up after" {
  demo_started
  kill -KILL "$OWNER"
  wait_until 20 "the clean-up" gone
}

@test "a demo killed together with its guard is cleaned up by hand" {
  demo_started
  kill -KILL "$(<"$LEFT/guard")" "$OWNER"
  wait_until 20 "its end" test ! -e "/proc/$OWNER/exe"
  [[ $(leftovers "$LEFT") ]]
  run "$HARNESS_DIR/cleanup.sh"
  says "${LEFT##*/}"
  gone
}
