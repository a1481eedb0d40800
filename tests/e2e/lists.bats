#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Lists that people change while containers run.

load story

LIST=malicious_log4j_c2

setup_file() {
  story_open
  cat >"$SCRATCH/rules/names.rules.yaml" <<'END'
- list: names
  items: [listed.example]
- list: programs
  items: [nothing]
- rule: Listed name
  desc: a name nobody may reach
  condition: evt.type = connect and fd.sip.name in (names)
  output: "asked for %fd.sip.name"
  priority: WARNING
- rule: Listed program
  desc: a program nobody has business with
  condition: evt.type = execve and proc.name in (programs)
  output: "%proc.cmdline"
  priority: WARNING
END
  cat >"$SCRATCH/rules/refuse-all.yaml" <<END
policies:
  - name: Refuse
    rules: ["$C2_RULE", Listed name, Listed program]
    block: true
    response: none
END
  export RULES="[$SCRATCH/rules/log4j.rules.yaml,
    $SCRATCH/rules/site-indicators.rules.yaml,
    $SCRATCH/rules/names.rules.yaml]"
  export HEARD=$SCRATCH/heard
  resolver_listen "$HEARD"
}
teardown_file() { story_close; }
teardown() { story_quiet; }

running() {
  service "$SCRATCH/rules/refuse-all.yaml"
  contained_detached "$1" sleep 1000
}

programs() { ls "$SCRATCH/bpffs/${SVC##*/}/programs"; }

@test "an address is refused once it is added, and reached once it is removed" {
  running early
  reaches early "$HARMLESS4"
  before=$(programs)

  run -0 bailiff_api lists add "$LIST" "$HARMLESS4" "$HARMLESS6" --reason drill
  says "2 added"
  is_refused early "$HARMLESS4"
  is_refused early "$HARMLESS6"
  event "$C2_RULE" '.bailiff.verdict == "denied"
    and .bailiff.container.id == "early"'
  contained_detached late sleep 1000
  is_refused late "$HARMLESS4"

  run -0 bailiff_api lists remove "$LIST" "$HARMLESS4"
  says "1 removed"
  reaches early "$HARMLESS4"
  reaches late "$HARMLESS4"
  is_refused late "$HARMLESS6"
  # Nobody's programs are others.
  [[ $before == "$(programs)" ]]
  # Who did it, and why.
  event "Operator response" ".output_fields[\"bailiff.list\"] == \"$LIST\"
    and .output_fields[\"bailiff.added\"] == [\"$HARMLESS4\", \"$HARMLESS6\"]
    and .output_fields[\"bailiff.reason\"] == \"drill\"
    and (.output_fields[\"bailiff.actor\"] | startswith(\"uid=0\"))"
  event "Operator response" ".bailiff.outcome == \"changed\"
    and .output_fields[\"bailiff.removed\"] == [\"$HARMLESS4\"]"
}

@test "what was added ends by itself, and is told" {
  running timed
  run -0 bailiff_api lists add "$LIST" "$HARMLESS4" --for 1h
  says "1 added" "until "
  is_refused timed "$HARMLESS4"
  # The last word says when.
  run -0 bailiff_api lists add "$LIST" "$HARMLESS4" --for 100ms
  wait_until 20 "it to be reached" reaches timed "$HARMLESS4"
  event "List change ended" ".output_fields[\"bailiff.list\"] == \"$LIST\"
    and .output_fields[\"bailiff.added\"] == [\"$HARMLESS4\"]
    and .bailiff.caused_by != null"
  is_refused timed "$ATTACKER4"
}

@test "what is over when the service is back has ended" {
  running slept
  run -0 bailiff_api lists add "$LIST" "$HARMLESS4" --for 1s
  service_stop KILL
  wait_until 20 "its time to pass" passed "$SVC/state/lists"
  service_start
  reaches slept "$HARMLESS4"
  event "List change ended"
}
passed() { (($(date +%s) > $(stat -c %Y "$1") + 2)); }

@test "an item of the rule files is let go, and comes back" {
  running lenient
  is_refused lenient "$ATTACKER4"
  run -0 bailiff_api lists remove "$LIST" "$ATTACKER4" --for 1h
  reaches lenient "$ATTACKER4"
  bailiff_api reload
  reaches lenient "$ATTACKER4"
  run -0 bailiff_api lists remove "$LIST" "$ATTACKER4" --for 100ms
  wait_until 20 "it to be refused" is_refused lenient "$ATTACKER4"
  event "List change ended" \
    ".output_fields[\"bailiff.removed\"] == [\"$ATTACKER4\"]"
}

@test "a change holds without the service, after kill -9 and after a reload" {
  running kept
  run -0 bailiff_api lists add "$LIST" "$HARMLESS4"
  service_stop KILL
  is_refused kept "$HARMLESS4"
  contained_detached orphan sleep 1000
  is_refused orphan "$HARMLESS4"
  service_start
  is_refused kept "$HARMLESS4"
  contained_detached after sleep 1000
  is_refused after "$HARMLESS4"
  run -0 bailiff_api reload
  is_refused kept "$HARMLESS4"
  is_refused after "$HARMLESS4"
  # It was said once, and can still be taken back.
  (($(service_events | jq -s 'map(select(.rule == "Operator response"
    and .bailiff.response != "reload")) | length') == 1))
  run -0 bailiff_api lists remove "$LIST" "$HARMLESS4"
  reaches kept "$HARMLESS4"
}

@test "an address with a port is refused there only" {
  running porter
  run -0 bailiff_api lists add "$LIST" "$HARMLESS4|1389"
  is_refused porter "$HARMLESS4"
  run bailiff_runc exec porter nc -w 3 "$HARMLESS4" 1390
  says "refused"
  run -0 bailiff_api lists remove "$LIST" "$HARMLESS4:1389"
  reaches porter "$HARMLESS4"
}

@test "a name is not asked for once it is added" {
  running asker
  run -0 bailiff_runc exec asker nslookup -type=a before.example "$HARMLESS4"
  run -0 bailiff_api lists add names .evil.example
  run bailiff_runc exec asker nslookup -type=a one.evil.example "$HARMLESS4"
  ((status != 0))
  event "Listed name" '.bailiff.verdict == "denied"
    and .output_fields["fd.sip.name"] == ".evil.example"'
  run -0 bailiff_api lists remove names .EVIL.example
  run -0 bailiff_runc exec asker nslookup -type=a two.evil.example "$HARMLESS4"
  grep -q two.evil.example "$HEARD"
  run ! grep -q one.evil.example "$HEARD"
}

@test "of a request with an item that is none nothing is done" {
  running whole
  for item in 203.0.113.266 203.0.113.0/24 evil.example "$HARMLESS4|70000" \
    "::ffff:$HARMLESS4" ""; do
    run -2 bailiff_api lists add "$LIST" "$HARMLESS4" "$item"
    says "list '$LIST'" "item '$item'"
    one_line_from bailiff
  done
  run -2 bailiff_api lists add names '*.evil.example'
  says "list 'names'" "item '*.evil.example'"
  run -2 bailiff_api lists add "$LIST" "$HARMLESS4" --for soon
  says "'soon' is no duration"
  run -4 bailiff_api lists add nothing "$HARMLESS4"
  says "no list 'nothing'"
  run -4 bailiff_api lists show nothing
  run -4 bailiff_api lists add programs sh
  says "list 'programs'" "change the rule files, and reload"
  run answer PATCH "/v1/lists/$LIST" --json '{"add":["x"]}'
  says $'\n400' "item 'x'"
  run answer PATCH /v1/lists/nothing --json '{"add":["x"]}'
  says $'\n404'
  run answer PATCH "/v1/lists/$LIST" --json '{"add":[]}'
  says $'\n400'
  reaches whole "$HARMLESS4"
  bailiff_api lists show "$LIST" | grep -q "0 added and 0 removed"
}

@test "lists show what they have, and whence" {
  running shown
  run -0 bailiff_api lists add "$LIST" "$HARMLESS4" "$ATTACKER4" --reason "t 1"
  says "'$ATTACKER4' is an item already, of the rule files" "1 added" "6 entries"
  run -0 bailiff_api lists remove "$LIST" 5.255.97.172 192.0.2.1 --for 1h
  says "'192.0.2.1' is no item" "1 removed" "5 entries"
  run -0 bailiff_api lists
  says "$LIST" addresses names programs conditions "in force"
  run -0 bailiff_api lists show "$LIST"
  says "5 entries, 1 added and 1 removed by hand" "$HARMLESS4" "t 1" \
    5.255.97.172 removed
  run -0 bailiff_api lists show "$LIST" --all
  says "$ATTACKER4" "$HARMLESS4  (added by uid=0"
  [[ $output != *5.255.97.172* ]]
  ((${#lines[@]} == 5))
  bailiff_api lists show "$LIST" --all -o json |
    jq -es "length == 5 and any(.item == \"$HARMLESS4\" and .from == \"hand\")
      and any(.item == \"$ATTACKER4\" and .from == \"file\")"
  api GET "/v1/lists/$LIST?after=3&limit=1" |
    jq -e ".items == [.items[0]] and .next == 4 and .changes == []"
  metric "^bailiff_list_entries{list=\"$LIST\"} 5\$"
}

@test "a file of changes that others may write is refused by name" {
  running trusting
  run -0 bailiff_api lists add "$LIST" "$HARMLESS4"
  [[ $(stat -c '%U %a' "$SVC/state/lists") == "root 600" ]]
  service_stop
  chmod 0666 "$SVC/state/lists"
  run -4 "$BAILIFF_BIN/bailiffd" --config "$SVC/bailiff.yaml"
  says "$SVC/state/lists"
  chmod 0600 "$SVC/state/lists"
  service_start
  is_refused trusting "$HARMLESS4"
}
