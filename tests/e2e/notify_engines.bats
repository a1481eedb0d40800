#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Refused system calls beside the seccomp profiles that engines give.

load story
load calls
# shellcheck source=tests/harness/engine_podman.sh
source "$E2E_DIR/../harness/engine_podman.sh"
# shellcheck source=tests/harness/engine_containerd.sh
source "$E2E_DIR/../harness/engine_containerd.sh"

setup_file() {
  story_open
  calls_open
  export RULES=$CALLS_RULES
  engines_open "$ROOTFS"
}
teardown_file() { story_close; }
teardown() {
  podman_remove_all
  ctr_remove_all
  story_quiet
}

@test "podman's own profile is extended" {
  service "$SCRATCH/rules/calls.yaml"
  runtime_script "$SVC/bailiff-runc" "$SVC/bailiff.yaml"
  run podman_run --runtime "$SVC/bailiff-runc" -- --rm \
    --cap-add NET_RAW --tmpfs /tmp registry.example/shop:1.4 \
    /bin/calls "${ALL_CALLS[@]}"
  calls_refused
  event "Folder made" '.bailiff.verdict == "denied"'
}

@test "what podman's profile refuses stays refused" {
  service "$SCRATCH/rules/calls.yaml"
  runtime_script "$SVC/bailiff-runc" "$SVC/bailiff.yaml"
  jq -n '{defaultAction: "SCMP_ACT_ALLOW", syscalls: [
    {names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 28},
    {names: ["socket"], action: "SCMP_ACT_ERRNO", errnoRet: 93,
     args: [{index: 0, value: 2, op: "SCMP_CMP_EQ"}]}]}' >"$SVC/profile.json"
  run podman_run --runtime "$SVC/bailiff-runc" -- --rm --tmpfs /tmp \
    --cap-add NET_RAW --security-opt "seccomp=$SVC/profile.json" \
    registry.example/shop:1.4 /bin/calls mkdir mkdir-free inet unix packet
  says mkdir=ENOSPC mkdir-free=ENOSPC inet=EPROTONOSUPPORT unix=done \
    packet=EPERM
}

@test "a process podman executes in a container is covered" {
  service "$SCRATCH/rules/calls.yaml"
  runtime_script "$SVC/bailiff-runc" "$SVC/bailiff.yaml"
  podman_run --runtime "$SVC/bailiff-runc" -- --detach --name shop \
    --cap-add NET_RAW --tmpfs /tmp registry.example/shop:1.4 sleep 100
  run podman_cli --runtime "$SVC/bailiff-runc" exec shop \
    /bin/calls "${ALL_CALLS[@]}"
  calls_refused
}

@test "privileged by podman, without a profile" {
  service "$SCRATCH/rules/calls.yaml"
  runtime_script "$SVC/bailiff-runc" "$SVC/bailiff.yaml"
  run podman_run --runtime "$SVC/bailiff-runc" -- --rm \
    --security-opt seccomp=unconfined --cap-add NET_RAW --tmpfs /tmp \
    registry.example/shop:1.4 /bin/calls "${ALL_CALLS[@]}"
  calls_refused
}

@test "containerd's own profile is extended" {
  service "$SCRATCH/rules/calls.yaml"
  runtime_script "$SVC/bailiff-runc" "$SVC/bailiff.yaml"
  run ctr_run told --rm --runc-binary "$SVC/bailiff-runc" --seccomp \
    --cap-add CAP_NET_RAW --mount type=tmpfs,src=tmpfs,dst=/tmp,options=nosuid \
    -- /bin/calls "${ALL_CALLS[@]}"
  calls_refused
  event "Traced" '.bailiff.container.id == "told"
    and .bailiff.verdict == "denied"'
  nothing_left_of told
}
