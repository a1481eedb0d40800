#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# bailiff-runc in front of crun, which needs a host with cgroup v2 only.

load story
load calls
# shellcheck source=tests/harness/engine_podman.sh
source "$E2E_DIR/../harness/engine_podman.sh"

setup_file() {
  scratch_cgroup2_only
  # For its program of devices crun raises a limit, which the machine may not
  # allow; without rules on devices it loads none.
  export RUNTIME=crun BUNDLE_MORE='del(.linux.resources)'
  story_open
  calls_open
  podman_open "$ROOTFS"
}
teardown_file() { story_close; }
setup() { attacker_forget_packets; }
teardown() {
  podman_remove_all
  story_quiet
}

@test "refused, and what is not listed reached" {
  service "$REFUSE_POLICY"
  run contained_connect refused "$ATTACKER4"
  says "Operation not permitted"
  run contained_connect visitor "$HARMLESS4"
  says reached
  (($(attacker_packets) == 0))
  event "$C2_RULE" '.bailiff.container.id == "refused"
    and .bailiff.verdict == "denied"'
}

@test "killed, and nothing is left" {
  service "$KILL_POLICY"
  exploited_is_killed
}

@test "exec is covered" {
  service "$REFUSE_POLICY"
  contained_detached entered sleep 100
  mapfile -d '' -t command < <(connects_to "$ATTACKER4")
  run bailiff_runc exec entered "${command[@]}"
  says "Operation not permitted"
  (($(attacker_packets) == 0))
}

@test "a container that cannot be protected does not start" {
  service "$REFUSE_POLICY"
  service_stop
  truncate --size=-9 "$SVC/state/policy.bin"
  run contained unprotected echo alive
  ((status != 0))
  [[ $output != *alive* ]]
  nothing_left_of unprotected
}

@test "crun knows of a pause and of its end" {
  service "$PAUSE_POLICY"
  violates shop
  event "$C2_RULE" '.bailiff.outcome == "paused"'
  runtime_state shop paused
  bailiff_runc pause shop
  run -0 bailiff_api resume shop
  runtime_state shop running
}

@test "stopped, and kept as evidence before that" {
  service "$PAUSE_POLICY"
  contained_detached shop sh -c 'trap "exit 0" TERM; echo set
    while :; do sleep 0.1; done'
  wait_until 10 "its trap" grep -qx set "$SCRATCH/shop.out"
  run -0 bailiff_api capture shop
  says "captured, evidence" complete
  runtime_state shop running
  run -0 bailiff_api stop shop --grace 30s
  event "Response ended" '.bailiff.response == "stop"
    and .bailiff.outcome == "stopped"'
  runtime_state shop stopped
}

@test "isolated, and released" {
  service "$REFUSE_POLICY"
  contained_detached shop sleep 300
  run -0 bailiff_api isolate shop
  mapfile -d '' -t command < <(connects_to "$HARMLESS4")
  run bailiff_runc exec shop "${command[@]}"
  says "Operation not permitted"
  run -0 bailiff_api release shop
  run bailiff_runc exec shop "${command[@]}"
  says reached
}

# A profile, /tmp to write to, and what packet sockets need.
export PROFILED='.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
    architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"], syscalls: [
      {names: ["chmod", "fchmodat"], action: "SCMP_ACT_ERRNO", errnoRet: 28}]}
  | .mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs"}]
  | .process.capabilities[] += ["CAP_NET_RAW"]'

@test "calls are held and refused, with a profile and without" {
  RULES=$CALLS_RULES service "$SCRATCH/rules/calls.yaml"
  BUNDLE_MORE+=" | $PROFILED"
  run contained profiled /bin/calls "${ALL_CALLS[@]}"
  calls_refused
  event "Folder made" '.bailiff.container.id == "profiled"
    and .bailiff.verdict == "denied"'
  run contained kept chmod 700 /tmp
  says "No space left on device"
  BUNDLE_MORE+=' | del(.linux.seccomp)'
  run contained bare /bin/calls "${ALL_CALLS[@]}"
  calls_refused
  contained_detached entered sleep 300
  run bailiff_runc exec entered /bin/calls "${ALL_CALLS[@]}"
  calls_refused
}

@test "podman with crun: refused, and exec is covered" {
  service "$REFUSE_POLICY"
  runtime_script "$SVC/bailiff-runc" "$SVC/bailiff.yaml"
  # Privileged for the rules on devices; the machine has no pids controller.
  podman_run --runtime "$SVC/bailiff-runc" -- --detach --name shop \
    --privileged --pids-limit 0 --network "ns:$SCRATCH/netns/inside" \
    registry.example/shop:1.4 sleep 300
  mapfile -d '' -t command < <(connects_to "$ATTACKER4")
  run podman_cli --runtime "$SVC/bailiff-runc" exec shop "${command[@]}"
  says "Operation not permitted"
  (($(attacker_packets) == 0))
  event "$C2_RULE" '.bailiff.container.name == "shop"
    and .bailiff.verdict == "denied"'
}
