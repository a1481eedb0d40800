#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What podman and containerd believe of a container that was responded to.

load story
# shellcheck source=tests/harness/engine_podman.sh
source "$E2E_DIR/../harness/engine_podman.sh"
# shellcheck source=tests/harness/engine_containerd.sh
source "$E2E_DIR/../harness/engine_containerd.sh"

setup_file() {
  story_open
  engines_open "$ROOTFS"
}
teardown_file() { story_close; }
teardown() {
  podman_remove_all
  ctr_remove_all
  story_quiet
}

ctr_state() { ctr tasks ls | grep "^shop " | grep -q "$1"; }

# podman_shop COMMAND...
podman_shop() {
  runtime_script "$SVC/bailiff-runc" "$SVC/bailiff.yaml"
  podman_run --runtime "$SVC/bailiff-runc" -- --detach --name shop \
    --network "ns:$SCRATCH/netns/inside" registry.example/shop:1.4 "$@"
}

ctr_shop() {
  runtime_script "$SVC/bailiff-runc" "$SVC/bailiff.yaml"
  ctr_run shop --detach --runc-binary "$SVC/bailiff-runc" \
    --with-ns "network:$SCRATCH/netns/inside" -- "$@"
}

@test "podman knows of a pause and of its end" {
  service "$PAUSE_POLICY"
  podman_shop sh -c "$VIOLATION"
  event "$C2_RULE" '.bailiff.outcome == "paused"'
  wait_until 10 "podman to know" podman_state shop paused
  run -0 bailiff_api resume shop
  podman_state shop running
}

@test "podman stops it, so that no restart policy starts it again" {
  service "$PAUSE_POLICY"
  podman_shop sleep 300
  run -0 bailiff_api stop shop --grace 1s
  event "Response ended" '.bailiff.response == "stop"'
  wait_until 10 "podman to know" podman_state shop exited
}

@test "podman stops what is paused" {
  service "$PAUSE_POLICY"
  # shellcheck disable=SC2016 # the container's shell expands
  podman_shop sh -c 'trap "exit 0" TERM; while :; do sleep 1; done'
  run -0 bailiff_api pause shop
  wait_until 10 "podman to know" podman_state shop paused
  run -0 bailiff_api stop shop --grace 30s
  event "Response ended" '.bailiff.response == "stop"'
  wait_until 10 "podman to know" podman_state shop exited
  # Which it refuses of what it takes for paused.
  run grep "signalling it ourselves" "$SVC/log"
  ((status == 1))
}

@test "podman: a container that is isolated is released" {
  service "$PAUSE_POLICY"
  podman_shop sleep 300
  run -0 bailiff_api isolate shop
  run podman_cli --runtime "$SVC/bailiff-runc" exec shop \
    nc -w 2 "$HARMLESS4" 1389
  says "Operation not permitted"
  run -0 bailiff_api release shop
  mapfile -d '' -t command < <(connects_to "$HARMLESS4")
  run podman_cli --runtime "$SVC/bailiff-runc" exec shop "${command[@]}"
  says reached
}

@test "containerd knows of a pause and of its end" {
  service "$PAUSE_POLICY"
  ctr_shop sh -c "$VIOLATION"
  event "$C2_RULE" '.bailiff.outcome == "paused"'
  wait_until 10 "containerd to know" ctr_state PAUSED
  run -0 bailiff_api resume shop
  ctr_state RUNNING
}

@test "containerd: stopped by a signal, and by a kill when that is ignored" {
  service "$PAUSE_POLICY"
  ctr_shop sleep 300
  run -0 bailiff_api stop shop --grace 1s
  event "Response ended" '.bailiff.outcome == "killed"'
  wait_until 10 "containerd to know" ctr_state STOPPED
}

@test "containerd: kept as evidence, isolated, and released" {
  service "$PAUSE_POLICY"
  ctr_shop sleep 300
  run -0 bailiff_api capture shop
  says "captured, evidence" complete
  ctr_state RUNNING
  run -0 bailiff_api isolate shop
  mapfile -d '' -t command < <(connects_to "$HARMLESS4")
  run ctr tasks exec --exec-id shut shop "${command[@]}"
  says "Operation not permitted"
  run -0 bailiff_api release shop
  run ctr tasks exec --exec-id open shop "${command[@]}"
  says reached
}
