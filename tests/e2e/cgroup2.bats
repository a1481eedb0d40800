#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# runc on a host with cgroup v2 only, as most are; the other stories play on the
# hybrid hierarchy of the machine they were written on.

load story
# shellcheck source=tests/harness/engine_podman.sh
source "$E2E_DIR/../harness/engine_podman.sh"

setup_file() {
  scratch_cgroup2_only
  story_open
  podman_open "$ROOTFS"
}
teardown_file() { story_close; }
setup() { attacker_forget_packets; }
teardown() {
  podman_remove_all
  story_quiet
}

@test "refused, executed processes too, and beside runc's own program" {
  service "$REFUSE_POLICY"
  run -0 bailiff_api doctor
  says "v2 at /sys/fs/cgroup"
  contained_detached shop sleep 300
  mapfile -d '' -t command < <(connects_to "$ATTACKER4")
  run bailiff_runc exec shop "${command[@]}"
  says "Operation not permitted"
  # Its program of devices is replaced by an update.
  bailiff_runc update --pids-limit 0 shop
  run bailiff_runc exec shop "${command[@]}"
  says "Operation not permitted"
  mapfile -d '' -t command < <(connects_to "$HARMLESS4")
  run bailiff_runc exec shop "${command[@]}"
  says reached
  (($(attacker_packets) == 0))
}

@test "killed, and nothing is left" {
  service "$KILL_POLICY"
  exploited_is_killed
}

@test "runc knows of a pause and of its end, and of a kill of what is paused" {
  service "$PAUSE_POLICY"
  violates shop
  event "$C2_RULE" '.bailiff.outcome == "paused"'
  runtime_state shop paused
  run bailiff_runc exec shop true
  says "paused"
  bailiff_runc pause shop
  run -0 bailiff_api resume shop
  runtime_state shop running
  run -0 bailiff_api pause shop
  runtime_state shop paused
  run -0 bailiff_api kill shop
  wait_until 10 "runc to know" runtime_state shop stopped
}

@test "podman knows of a pause and of its end" {
  service "$PAUSE_POLICY"
  runtime_script "$SVC/bailiff-runc" "$SVC/bailiff.yaml"
  podman_run --runtime "$SVC/bailiff-runc" -- --detach --name shop \
    --pids-limit 0 --network "ns:$SCRATCH/netns/inside" \
    registry.example/shop:1.4 sh -c "$VIOLATION"
  event "$C2_RULE" '.bailiff.outcome == "paused"'
  wait_until 10 "podman to know" podman_state shop paused
  run -0 bailiff_api resume shop
  podman_state shop running
}
