#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Evidence of a container, kept before the response destroys it.

load story
load captured
# shellcheck source=tests/harness/engine_podman.sh
source "$E2E_DIR/../harness/engine_podman.sh"

setup_file() {
  story_open
  podman_open "$ROOTFS"
}
teardown_file() { story_close; }
teardown() {
  podman_remove_all
  story_quiet
}

# For a container's script, behind "PROGRAM &": until that is executed, its
# process is the shell's.
# shellcheck disable=SC2016 # the container's shell expands
BEGUN='while [ "$(readlink /proc/$!/exe)" = /bin/busybox ]; do :; done'

# contained_evil ID SCRIPT: a container with a writable /tmp and a secret, in
# which a program runs that is not there any more; then SCRIPT.
contained_evil() {
  local id=$1 bundle=$SCRATCH/bundle-$1
  bundle_make "$bundle" "$ROOTFS" "$id" sh -c "
    cp /bin/busybox /tmp/sleep; /tmp/sleep 1000 &
    $BEGUN; rm /tmp/sleep; $2"
  jq '.process.env += ["DB_PASSWORD=hunter2"]
    | .mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs",
        options: ["nosuid", "nodev", "mode=1777"]}]' \
    "$bundle/config.json" >"$bundle/config.json.new"
  mv "$bundle/config.json.new" "$bundle/config.json"
  bailiff_runc run --bundle "$bundle" "$id"
}
# Where the steps of a capture are looked at: longer than it can take, so that
# the response does not go first.
PATIENT="evidence: {limit: 10s}"

@test "a container that is to be paused stays frozen behind its capture" {
  sed 's/response: kill/response: pause/' "$KILL_POLICY" \
    >"$SCRATCH/rules/capture-pause.yaml"
  service "$SCRATCH/rules/capture-pause.yaml" "$PATIENT"
  contained_evil held "$(attack)" >"$SCRATCH/held.out" 2>&1 3>&- &
  evidence_of held
  event "$C2_RULE" ".bailiff.outcome == \"paused\"
    and .bailiff.evidence == \"$EVIDENCE\""
  unpack
  steps_are frozen collected responded
  is_frozen held
  bailiff_api resume held --reason seen
  wait_until 10 "the container to run" is_thawed held
}

@test "evidence is kept before the container is killed" {
  service "$KILL_POLICY" "$PATIENT"
  run contained_evil exploited "$(attack)"
  ((status == 137))
  evidence_of exploited
  event "$C2_RULE" ".bailiff.outcome == \"killed\"
    and .bailiff.evidence == \"$EVIDENCE\""
  unpack
  steps_are frozen collected responded
  jq -e --arg policy "$BLOCK_POLICY" --arg rule "$C2_RULE" '
    .frozen and .container.id == "exploited" and .trigger.response == "kill"
    and .trigger.policies == [$policy] and .trigger.rules == [$rule]
    and .secrets == "masked"' "$UNPACKED/manifest.json"
  # The program that is not there any more is, as it was.
  program=$(jq -er '.[] | select(.exe.kept == "deleted") | .exe.member' \
    "$UNPACKED/processes.json")
  cmp "$UNPACKED/$program" "$ROOTFS/bin/busybox"
  jq -e 'length >= 2 and all(.[]; .argv | type == "array")
    and any(.[]; .files | length > 0)' "$UNPACKED/processes.json"
  run grep -r hunter2 "$UNPACKED"
  ((status == 1))
  grep -q 'DB_PASSWORD=\*\*\*' "$UNPACKED/processes.json"
  grep -q 'DB_PASSWORD=\*\*\*' "$UNPACKED/oci/config.json"
  # What happened, as 'bailiff eval' reads it.
  grep -q "$ATTACKER4" "$UNPACKED/events.jsonl"
  bailiff eval --rules "$SCRATCH/rules/log4j.rules.yaml" \
    "$SCRATCH/rules/site-indicators.rules.yaml" \
    --events "$UNPACKED/events.jsonl" | grep -q "$C2_RULE"
  # And as another policy would have answered it, at its own time.
  run -0 --separate-stderr bailiff policies test "$PAUSE_POLICY" \
    "$SCRATCH/rules/log4j.rules.yaml" \
    "$SCRATCH/rules/site-indicators.rules.yaml" \
    --events "$UNPACKED/events.jsonl" -o json
  jq -e '.summary.responses == {pause: 1}
    and (.summary.notes | all(contains("no time") | not))
    and .rows[0].container.id == "exploited"
    and .rows[0].time != null' <<<"$output"
  jq -e --arg id "$EVIDENCE" \
    'length > 0 and all(.[]; .bailiff.evidence == $id)' "$UNPACKED/alerts.json"
  grep -q . "$UNPACKED"/mounts/* "$UNPACKED"/net/*/tcp
  [[ -s $UNPACKED/cgroup/cgroup.events && -s $UNPACKED/oci/state.json ]]
  run bailiff_api evidence
  says "$EVIDENCE" complete shop
  metric 'bailiff_captures_total{result="complete"} 1'
  nothing_left_of exploited
}

@test "evidence is for root" {
  service "$KILL_POLICY"
  run contained_evil exploited "$(attack)"
  evidence_of exploited
  [[ -z $(find "$SVC/state/evidence" -perm /077) ]]
  [[ -z $(find "$SVC/state/evidence" ! -user root) ]]
  unpack
  [[ $(stat -c %a "$SCRATCH/$EVIDENCE.tar.zst") == 600 ]]
  # A file that is there is not written over.
  run -4 bailiff_api evidence export "$EVIDENCE" -o "$SCRATCH/$EVIDENCE.tar.zst"
  run -4 bailiff_api evidence export 20200101T000000-00000000 -o "$SCRATCH/none"
  says "no evidence"
  [[ ! -e $SCRATCH/none ]]
  metric 'bailiff_api_refused_total{status="404"} 1'
  cmp "$SCRATCH/$EVIDENCE.tar.zst" \
    <(bailiff_api evidence export "$EVIDENCE" -o -)
  event "Operator response" '.bailiff.response == "export" and
    .bailiff.outcome == "exported" and
    (.output_fields["bailiff.actor"] | startswith("uid=0")) and
    .output_fields["bailiff.reason"] == "evidence '"$EVIDENCE"'"'
}

@test "what a podman container changed is kept, and leads nowhere" {
  service "$KILL_POLICY" "$PATIENT"
  runtime_script "$SVC/bailiff-runc" "$SVC/bailiff.yaml"
  # shellcheck disable=SC2016 # the container's shell expands
  podman_run --runtime "$SVC/bailiff-runc" -- --rm --name shop \
    --network "ns:$SCRATCH/netns/inside" --cap-add MKNOD \
    registry.example/shop:1.4 sh -c '
      mkdir -p /srv/x; echo evil >/srv/x/dropped
      cp /bin/busybox /srv/sleep; /srv/sleep 1000 &
      '"$BEGUN"'
      ln -s /etc/shadow /srv/link; ln -s ../../.. /srv/up
      mkfifo /srv/fifo; mknod /srv/null c 1 3
      echo odd >"/srv/a b
c"
      truncate -s 2000000000000 /srv/huge
      rm /bin/vi
      '"$(attack)" || true
  event "$C2_RULE"
  evidence_of "$(service_events | jq -r "select(.rule == \"$C2_RULE\")
    | .bailiff.container.id" | head -n 1)"
  unpack
  steps_are frozen collected responded
  [[ $(<"$UNPACKED/upper/files/srv/x/dropped") == evil ]]
  [[ $(<"$UNPACKED/upper/files/srv/a%20b%0ac") == odd ]]
  jq -e 'any(.[]; .path == "/srv/link" and .kind == "link"
      and .target == "/etc/shadow")
    and any(.[]; .path == "/srv/fifo" and .kind == "other")
    and any(.[]; .path == "/srv/null" and .kind == "other")
    and any(.[]; .path == "/bin/vi" and .kind == "deleted")
    and any(.[]; .path == "/srv/huge" and .bytes > 1e12)' \
    "$UNPACKED/upper/index.json"
  jq -e 'any(.missing[]; .member == "upper/files/srv/huge")' \
    "$UNPACKED/manifest.json"
  program=$(jq -er '.[] | select(.exe.kept == "upper layer") | .exe.member' \
    "$UNPACKED/processes.json")
  cmp "$UNPACKED/$program" "$ROOTFS/bin/busybox"
}

@test "a kill that may not wait goes first, and the manifest says so" {
  service "$KILL_POLICY" "evidence: {limit: 0s}"
  run contained_evil hurried "$(attack)"
  ((status == 137))
  evidence_of hurried
  unpack
  jq -e '.steps[0].step == "responded" and .limit_ms == 0' \
    "$UNPACKED/manifest.json"
  grep -q "$ATTACKER4" "$UNPACKED/events.jsonl"
  jq -e '.process.args' "$UNPACKED/oci/config.json"
}

@test "an operator keeps evidence of a container that goes on" {
  service "$KILL_POLICY" "$PATIENT"
  contained_detached asked sleep 100
  bailiff_api capture asked --reason "ticket 4711" >"$SCRATCH/said"
  grep -q 'captured, evidence .* complete' "$SCRATCH/said"
  EVIDENCE=$(sed 's/.*evidence \([^ ]*\).*/\1/' "$SCRATCH/said")
  unpack
  steps_are frozen collected responded
  jq -e '.trigger.kind == "operator" and .trigger.reason == "ticket 4711"' \
    "$UNPACKED/manifest.json"
  event "Operator response" ".bailiff.response == \"capture\"
    and .bailiff.evidence == \"$EVIDENCE\""
  [[ $(<"$(unified_of asked)/cgroup.freeze") == 0 ]]
  [[ $(bailiff_runc state asked | jq -r .status) == running ]]
  run -4 bailiff_api capture nobody
  bailiff_runc kill asked KILL
  wait_until 10 "its end" cgroup_empty "$RUN_NAME/asked"
  run -4 bailiff_api capture asked
  says "already gone"
}
@test "old evidence goes, and what a crash left is none" {
  service "$KILL_POLICY" "evidence: {keep_for: 30d, keep_mib: 1}"
  contained_detached kept sleep 100
  bailiff_api capture kept >"$SCRATCH/said"
  old=$(sed 's/.*evidence \([^ ]*\).*/\1/' "$SCRATCH/said")
  # As if it were large: the next one takes its place.
  truncate -s 2M "$SVC/state/evidence/$old/capture.tar.zst"
  bailiff_api capture kept >"$SCRATCH/said"
  new=$(sed 's/.*evidence \([^ ]*\).*/\1/' "$SCRATCH/said")
  wait_until 10 "the old one to go" test ! -e "$SVC/state/evidence/$old"
  [[ -e $SVC/state/evidence/$new ]]
  service_stop
  touch -d '31 days ago' "$SVC/state/evidence/$new/capture.tar.zst"
  mkdir "$SVC/state/evidence/partial-$new"
  echo half >"$SVC/state/evidence/partial-$new/capture.tar.zst"
  # By its age alone.
  sed -i 's/keep_for: 30d, keep_mib: 1}/keep_for: 1s, keep_mib: 4096}/' \
    "$SVC/bailiff.yaml"
  service_start
  [[ ! -e $SVC/state/evidence/partial-$new ]]
  # It is looked at with each new one, and goes when it has been seen for long.
  wait_until 20 "what is too old to go" gone_by_now "$new"
  api GET /v1/evidence |
    jq -e --arg id "$new" 'all(.evidence[]; .id != $id)'
}
gone_by_now() {
  bailiff_api capture kept >"$SCRATCH/said" && [[ ! -e $SVC/state/evidence/$1 ]]
}

@test "what was frozen for a capture when bailiffd died goes on" {
  service "$KILL_POLICY"
  contained_detached thawed sleep 100
  service_stop KILL
  echo 1 >"$(unified_of thawed)/cgroup.freeze"
  stat -c %i "$(unified_of thawed)" >"$SVC/run/frozen/thawed"
  service_start
  is_thawed thawed
  [[ -z $(ls "$SVC/run/frozen") ]]
}

# However far the capture had come.
@test "a crash while evidence is collected loses no response" {
  local response runtime status
  for response in pause kill; do
    sed "s/response: kill/response: $response/" "$KILL_POLICY" \
      >"$SCRATCH/rules/crash.yaml"
    service_configure "crash-$response" "$RULES" "$SCRATCH/rules/crash.yaml"
    service_start
    contained_evil "crash-$response" "$(attack)" \
      >"$SCRATCH/crash.out" 2>&1 3>&- &
    runtime=$!
    wait_until 20 "the response" frozen_or_ended "crash-$response" "$runtime"
    service_stop KILL
    service_start
    if [[ $response == pause ]]; then
      wait_until 10 "the container to be paused" is_paused crash-pause
      is_frozen crash-pause
    else
      wait_until 10 "the kill" cgroup_empty "$RUN_NAME/crash-kill"
      # One that never was would be empty too.
      status=0
      wait "$runtime" || status=$?
      ((status == 137))
    fi
    [[ -z $(ls "$SVC/run/frozen" 2>/dev/null) ]]
    bailiff_runc delete --force "crash-$response"
    service_stop
  done
}
# A runtime in the foreground ends with its container, and removes it.
frozen_or_ended() { is_frozen "$1" || ! kill -0 "$2"; }
is_paused() { [[ $(api GET "/v1/containers/$1" | jq -r .state) == paused ]]; }
