#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# bailiff-runc in front of runc, without an engine.

load story

setup_file() { story_open; }
teardown_file() { story_close; }
setup() { attacker_forget_packets; }
teardown() { story_quiet; }

@test "a listed address is refused, and the container is killed" {
  service "$KILL_POLICY"
  exploited_is_killed
}

@test "the caller of a refused connect sees EPERM" {
  service "$REFUSE_POLICY"
  run contained_connect refused "$ATTACKER4"
  says "Operation not permitted"
  (($(attacker_packets) == 0))
  event "$C2_RULE" '.bailiff.verdict == "denied" and .bailiff.outcome == "none"'
}

@test "an address listed with a port is refused there, and so it is once listed" {
  local rules=$SCRATCH/ports.rules.yaml policy=$SCRATCH/ports.yaml
  cat >"$rules" <<END
- {list: feed, items: ["$HARMLESS4"]}
- rule: Listed
  desc: d
  condition: evt.type = connect and fd.sip in (feed)
  output: to %fd.sip at %fd.sport
  priority: NOTICE
END
  printf 'policies:\n  - {name: P, rules: [Listed], block: true}\n' >"$policy"
  RULES="[$rules]" service "$policy"
  contained_detached ported sleep 100
  mapfile -d '' -t command < <(connects_to "$ATTACKER4")
  run bailiff_runc exec ported "${command[@]}"
  says reached
  sed -i "1c - {list: feed, items: ['$ATTACKER4|1390', '[$ATTACKER6]:1389']}" \
    "$rules"
  api POST /v1/reload --json '{}'
  run bailiff_runc exec ported "${command[@]}"
  says reached
  mapfile -d '' -t command6 < <(connects_to "$ATTACKER6")
  run bailiff_runc exec ported "${command6[@]}"
  says "Operation not permitted"
  sed -i "1c - {list: feed, items: ['$ATTACKER4|1389']}" "$rules"
  api POST /v1/reload --json '{}'
  run bailiff_runc exec ported "${command[@]}"
  says "Operation not permitted"
  event Listed ".bailiff.verdict == \"denied\"
    and .output_fields[\"fd.sip\"] == \"$ATTACKER4\""
  service_stop
}

@test "an address that is not listed is reached" {
  service "$KILL_POLICY"
  run contained_connect visitor "$HARMLESS4"
  ((status == 0))
  says reached
}

@test "the same over IPv6" {
  service "$REFUSE_POLICY"
  run contained_connect refused6 "$ATTACKER6"
  says "Operation not permitted"
  (($(attacker_packets) == 0))
  run contained_connect visitor6 "$HARMLESS6"
  says reached
  event "$C2_RULE" '.bailiff.container.id == "refused6"
    and .bailiff.verdict == "denied"'
}

@test "an IPv4 address written as an IPv6 one is refused" {
  service "$REFUSE_POLICY"
  run contained_connect mapped "::ffff:$ATTACKER4"
  says "Operation not permitted"
  (($(attacker_packets) == 0))
}

@test "a process that is executed into the container is covered" {
  service "$REFUSE_POLICY"
  contained_detached entered sleep 100
  mapfile -d '' -t command < <(connects_to "$ATTACKER4")
  run bailiff_runc exec entered "${command[@]}"
  says "Operation not permitted"
  (($(attacker_packets) == 0))
}

@test "a container outside the scope is told of and otherwise left alone" {
  service "$KILL_POLICY"
  bundle_make "$SCRATCH/bundle-other" "$ROOTFS" other sh -c \
    "echo hello | nc -w 3 $ATTACKER4 1389 && echo reached"
  jq '.annotations["io.kubernetes.cri.image-name"] = "registry.example/blog:1"' \
    "$SCRATCH/bundle-other/config.json" >"$SCRATCH/other.json"
  mv "$SCRATCH/other.json" "$SCRATCH/bundle-other/config.json"
  run bailiff_runc run --bundle "$SCRATCH/bundle-other" other
  says reached
  event "$C2_RULE" '.bailiff.policy == "Log4J IoC"
    and .bailiff.verdict == "allowed"'
  run -1 service_event ".bailiff.policy == \"$BLOCK_POLICY\""
}

# as_pod ID LABELS COMMAND...: runs it as containerd would for the kubelet, in
# a pod whose labels the kubelet has written down, if there are any.
as_pod() {
  local id=$1 labels=$2 pod=$SCRATCH/kubelet/pods/$1
  local volume=$pod/volumes/kubernetes.io~downward-api/bailiff-podinfo
  shift 2
  mkdir -p "$volume"
  touch "$pod/etc-hosts"
  [[ -z $labels ]] || printf '%s' "$labels" >"$volume/labels"
  bundle_make "$SCRATCH/bundle-$id" "$ROOTFS" "$id" "$@"
  jq --arg id "$id" --arg hosts "$pod/etc-hosts" '
    .annotations["io.kubernetes.cri.sandbox-uid"] = $id
    | .mounts += [{destination: "/etc/hosts", type: "bind", source: $hosts,
        options: ["rbind", "ro"]}]' \
    "$SCRATCH/bundle-$id/config.json" >"$SCRATCH/$id.json"
  mv "$SCRATCH/$id.json" "$SCRATCH/bundle-$id/config.json"
  bailiff_runc run --bundle "$SCRATCH/bundle-$id" "$id"
}

@test "a policy is for the pods with a label, and a pod has to tell its labels" {
  local policy=$SCRATCH/labels.yaml command
  cat >"$policy" <<END
policies:
  - name: Labelled
    scope: k8s.pod.label[app] = shop
    rules: ["$C2_RULE"]
    block: true
END
  service "$policy"
  mapfile -d '' -t command < <(connects_to "$ATTACKER4")
  run as_pod labelled $'app="shop"\ntier="web"' "${command[@]}"
  says "Operation not permitted"
  event "$C2_RULE" '.bailiff.container.id == "labelled"
    and .bailiff.verdict == "denied"'
  run as_pod other $'app="blog"' "${command[@]}"
  says reached
  run as_pod silent "" true
  ((status != 0))
  says "policy 'Labelled' asks for 'k8s.pod.label[app]', which nobody has told"
  # What is in no pod has no such label.
  BUNDLE_MORE='.annotations = {}' run contained_connect podless "$ATTACKER4"
  says reached
}

@test "monitor mode reports what it would refuse, and does not" {
  sed 's/block: true/&\n    mode: monitor/' "$REFUSE_POLICY" \
    >"$SCRATCH/rules/monitor.yaml"
  service "$SCRATCH/rules/monitor.yaml"
  run contained_connect monitored "$ATTACKER4"
  says reached
  event "$C2_RULE" '.bailiff.verdict == "would_deny"
    and .bailiff.mode == "monitor"'
}

@test "the start of a container is an event" {
  service "$KILL_POLICY"
  run contained launched true
  ((status == 0))
  event "Launch new container" '.bailiff.container.id == "launched"
    and .bailiff.verdict == "observed"'
}

@test "nothing is left of a container that ended" {
  service "$KILL_POLICY"
  contained_detached ended sleep 100
  [[ $(find "$SCRATCH/bpffs" -name '*ended*') ]]
  bailiff_runc kill ended KILL
  wait_until 10 "its end" cgroup_empty "$RUN_NAME/ended"
  bailiff_runc delete ended
  nothing_left_of ended
}

@test "many containers at once are each protected, and nothing is left" {
  service "$REFUSE_POLICY"
  pids=()
  for number in {1..8}; do
    contained_connect "crowd-$number" "$ATTACKER4" \
      >"$SCRATCH/crowd-$number" 2>&1 3>&- &
    pids+=("$!")
  done
  for pid in "${pids[@]}"; do wait "$pid" || true; done
  for number in {1..8}; do
    grep "Operation not permitted" "$SCRATCH/crowd-$number"
    nothing_left_of "crowd-$number"
    event "$C2_RULE" ".bailiff.container.id == \"crowd-$number\"
      and .bailiff.verdict == \"denied\""
  done
  (($(attacker_packets) == 0))
}

@test "it refuses with bailiffd down, and bailiffd hears of it later" {
  service "$KILL_POLICY"
  service_stop
  run contained_connect unwatched "$ATTACKER4"
  says "Operation not permitted"
  (($(attacker_packets) == 0))
  service_start
  event "$C2_RULE" '.bailiff.container.id == "unwatched"
    and .bailiff.verdict == "denied"'
  event "Launch new container" '.bailiff.container.id == "unwatched"'
}

@test "a running container stays protected when bailiffd dies and returns" {
  service "$KILL_POLICY"
  contained_detached survivor sleep 100
  service_stop KILL
  mapfile -d '' -t command < <(connects_to "$ATTACKER4")
  run bailiff_runc exec survivor "${command[@]}"
  says "Operation not permitted"
  service_start
  event "$C2_RULE" '.bailiff.container.id == "survivor"
    and .bailiff.outcome == "killed"'
  wait_until 10 "its end" cgroup_empty "$RUN_NAME/survivor"
}

@test "other commands pass through untouched" {
  service_prepare "$KILL_POLICY"
  diff <(runc --version) <(bailiff_runc --version)
  plain_runc list >"$SCRATCH/list"
  diff "$SCRATCH/list" <(bailiff_runc list)
  run --separate-stderr bailiff_runc state nobody
  ((status != 0))
  [[ -z $output ]]
}

@test "config.json gets the hooks and keeps the rest" {
  service "$KILL_POLICY"
  contained_detached marked sleep 100
  config=$SCRATCH/bundle-marked/config.json
  bundle_make "$SCRATCH/bundle-before" "$ROOTFS" marked sleep 100
  diff <(jq -S . "$SCRATCH/bundle-before/config.json") \
    <(jq -S 'del(.hooks, .annotations["dev.bailiff.hook"])' "$config")
  jq -e '[.hooks.createRuntime, .hooks.poststop]
    | all(length == 1 and (.[0].env | length > 0) and .[0].timeout > 0)' \
    "$config"
}
