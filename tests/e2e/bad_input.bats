#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Bad input gets a message that says where, a non-zero exit, and nothing else.

load story

setup_file() { story_open; }
teardown_file() { story_close; }
setup() { BAD=$(mktemp -d "$SCRATCH/bad.XXXXXX"); }
teardown() {
  story_quiet
  [[ ! ${MEMORY_CGROUP:-} ]] || rmdir "$MEMORY_CGROUP"
}

# bailiffd does not come up with this configuration, and says each TEXT.
service_refuses() {
  run timeout 20 "$BAILIFF_BIN/bailiffd" --config "$SVC/bailiff.yaml"
  ((status != 0 && status != 124))
  says "$@"
  [[ ! -e $SVC/run/bailiffd.sock ]]
}

@test "malformed YAML in a rule file" {
  printf -- '- rule: A\n  desc: "open\n  condition: evt.type = connect\n' \
    >"$BAD/rules.yaml"
  run bailiff check "$BAD/rules.yaml"
  ((status == 1))
  [[ $output =~ rules.yaml:[0-9]+:[0-9]+ ]]
}

@test "a condition that does not parse is shown with a caret" {
  cat >"$BAD/rules.yaml" <<'END'
- rule: A
  desc: d
  condition: evt.type = connect and and fd.sport = 1
  output: o
  priority: NOTICE
END
  run bailiff check "$BAD/rules.yaml"
  ((status == 1))
  [[ $output =~ rules.yaml:3:[0-9]+ ]]
  grep -q '^[ |0-9]*\^' <<<"$output"
}

@test "an unknown field comes with a suggestion" {
  cat >"$BAD/rules.yaml" <<'END'
- rule: A
  desc: d
  condition: evt.type = connect and fd.spot = 1
  output: o
  priority: NOTICE
END
  run bailiff check "$BAD/rules.yaml"
  ((status == 1))
  [[ $output =~ rules.yaml:3:[0-9]+ ]]
  says fd.spot fd.sport
}

@test "an unknown rule in a policy" {
  printf 'policies:\n  - name: P\n    rules: ["No such rule"]\n' \
    >"$BAD/policies.yaml"
  run bailiff check "$SCRATCH/rules/log4j.rules.yaml" \
    "$SCRATCH/rules/site-indicators.rules.yaml" "$BAD/policies.yaml"
  ((status == 1))
  says "No such rule"
  [[ $output =~ policies.yaml:3:[0-9]+ ]]
  service_prepare "$BAD/policies.yaml"
  service_refuses "No such rule" policies.yaml:3:
  [[ ! -e $SVC/state/policy.bin ]]
}

@test "an unknown key in bailiff.yaml" {
  service_prepare "$KILL_POLICY" "sinkz: []"
  service_refuses sinkz "bailiff.yaml:"
}

@test "a configuration that others may write" {
  service_prepare "$KILL_POLICY"
  chmod 0666 "$SVC/bailiff.yaml"
  service_refuses "$SVC/bailiff.yaml"
  run contained rewritten echo alive
  ((status != 0))
  says "$SVC/bailiff.yaml"
  [[ $output != *alive* ]]
}

@test "a rule file that others may write" {
  mkdir "$BAD/rules"
  install -m 0666 "$SCRATCH"/rules/log4j.rules.yaml "$BAD/rules/"
  RULES="[$BAD/rules]" service_prepare "$KILL_POLICY"
  service_refuses "$BAD/rules/log4j.rules.yaml"
}

@test "a config.json that is not JSON" {
  service_prepare "$KILL_POLICY"
  bundle_make "$BAD/bundle" "$ROOTFS" broken echo alive
  echo '{"ociVersion": "1.0.2", ' >"$BAD/bundle/config.json"
  run bailiff_runc run --bundle "$BAD/bundle" broken
  ((status != 0))
  says config.json
  one_line_from bailiff-runc
  [[ $(<"$BAD/bundle/config.json") == '{"ociVersion": "1.0.2", ' ]]
}

@test "the wrapper's error is in the runtime's log as well" {
  service_prepare "$KILL_POLICY"
  mkdir "$BAD/bundle"
  echo '[]' >"$BAD/bundle/config.json"
  run --separate-stderr bailiff_runc --log "$BAD/log.json" --log-format json \
    create --bundle "$BAD/bundle" broken
  ((status != 0))
  [[ -z $output ]]
  jq -e 'select(.level == "error") | .msg | contains("config.json")' \
    "$BAD/log.json"
}

# hook_on STATE-FILE
hook_on() {
  "$HOOK" createRuntime --run-dir "$SVC/run" \
    --state-dir "$SVC/state" --bpf-dir "$SCRATCH/bpffs/${SVC##*/}" \
    --on-failure deny <"$1"
}

@test "an OCI state that is cut short, oversized, or names nobody" {
  service "$KILL_POLICY"
  service_stop
  echo '{"ociVersion":"1.0.2","id":"nobody","pid":' >"$BAD/state"
  run hook_on "$BAD/state"
  ((status != 0))
  says state
  one_line_from bailiff-hook

  { printf '{"id":"'; head -c 5000000 /dev/zero | tr '\0' a; } >"$BAD/state"
  run hook_on "$BAD/state"
  ((status != 0))
  one_line_from bailiff-hook

  echo '{"ociVersion":"1.0.2","id":"nobody","status":"creating","bundle":"/"}' \
    >"$BAD/state"
  run hook_on "$BAD/state"
  ((status != 0))
  says "names no process"
  one_line_from bailiff-hook
  nothing_left_of nobody
}

@test "a compiled policy that is none, or of another version, is not dumped" {
  service "$KILL_POLICY"
  run bailiff dump "$SVC/state/policy.bin"
  ((status == 0))
  truncate --size=-9 "$SVC/state/policy.bin"
  run bailiff dump "$SVC/state/policy.bin"
  ((status != 0))
  says policy.bin
}

# refused_at_once TEXT: of $BAD/rules.yaml, in one message.
refused_at_once() {
  run timeout 10 "$BAILIFF_BIN/bailiff" check -o json "$BAD/rules.yaml"
  ((status == 1))
  jq -e --arg text "$1" '.falco_load_results[0].errors
    | length == 1 and (.[0].message | contains($text))' <<<"$output"
}

@test "rule files made to exhaust whoever reads them" {
  python3 -c 'print("- rule: r\n  desc: d\n  output: o\n  priority: INFO")
print("  condition:", "(" * 100_000 + "evt.num=1" + ")" * 100_000)' \
    >"$BAD/rules.yaml"
  refused_at_once "max depth"
  yes -- '- list: l' | head -c 52428800 >"$BAD/rules.yaml"
  refused_at_once "larger than"
  printf -- '- list: l\n  items: [a\xff\xfe]\n' >"$BAD/rules.yaml"
  refused_at_once "UTF-8"
  python3 -c 'print("- &a0 [x]")
for i in range(1, 20):
    print(f"- &a{i} [" + ",".join([f"*a{i - 1}"] * 10) + "]")' \
    >"$BAD/rules.yaml"
  refused_at_once "behind aliases"
}

# lists_rule ITEM...: a rule file whose list `feed` has these items, and a policy
# that refuses connections to them.
lists_rule() {
  printf -- '- list: feed\n  items:\n' >"$BAD/rules.yaml"
  printf '  - "%s"\n' "$@" >>"$BAD/rules.yaml"
  cat >>"$BAD/rules.yaml" <<'END'
- rule: Listed
  desc: d
  condition: evt.type = connect and fd.sip in (feed)
  output: o
  priority: NOTICE
END
  printf 'policies:\n  - {name: P, rules: [Listed], block: true}\n' \
    >"$BAD/policies.yaml"
}

@test "items of lists that are none are told with list, line and entry" {
  lists_rule 203.0.113.9 203.0.113.266 10.0.0.0/8 '203.0.113.7|70000' \
    '10.0.0.0/8|80'
  run bailiff check "$BAD/rules.yaml" "$BAD/policies.yaml"
  ((status == 1))
  says "rules.yaml:4:6: error: '203.0.113.266' is not an IP address, in list 'feed'" \
    "rules.yaml:5:6: error: '10.0.0.0/8' is not an IP address, in list 'feed'" \
    "compare fd.snet, not fd.sip, with networks" \
    "rules.yaml:6:6: error: '203.0.113.7|70000' is not an IP address" \
    "rules.yaml:7:6: error: '10.0.0.0/8|80' is not an IP address" \
    "a port is of an address, not of a network"
}

@test "items of lists that are odd are told, and taken" {
  lists_rule 203.0.113.9 203.0.113.7 '203.0.113.9|443' 203.0.113.7
  run bailiff check "$BAD/rules.yaml" "$BAD/policies.yaml"
  ((status == 0))
  says "rules.yaml:6:6: warning: '203.0.113.7' is listed before, in list 'feed'" \
    "rules.yaml:5:6: warning: '203.0.113.9|443' has a port, in list 'feed': Falco takes no such item"
  sed -i 's/fd.sip in/fd.snet in/; s/"203.0.113.9"/"203.0.113.9\/24"/
    s/"203.0.113.7"/"198.51.100.0\/24"/' "$BAD/rules.yaml"
  run bailiff check -o json "$BAD/rules.yaml" "$BAD/policies.yaml"
  ((status == 0))
  jq -e '[.falco_load_results[0].warnings[].message] | any(
    test("203.0.113.9/24. has bits behind its length: it is taken for .203.0.113.0/24., in list .feed."))' \
    <<<"$output"
}

@test "a list that becomes bad leaves the last good one, and says where" {
  local entry
  lists_rule "$ATTACKER4"
  RULES="[$BAD/rules.yaml]" service "$BAD/policies.yaml"
  run contained_connect before "$ATTACKER4"
  [[ $output != *reached* ]]
  for entry in 203.0.113.266 '203.0.113.9|0'; do
    lists_rule "$entry"
    run answer POST /v1/reload --json '{}'
    says 422 "rules.yaml:3:6: error: '$entry' is not an IP address" "list 'feed'"
  done
  run contained_connect after "$ATTACKER4"
  [[ $output != *reached* ]]
  service_stop
}

# addresses COUNT: as many, a line each.
addresses() {
  python3 -c "for i in range($1):
    print(f'100.{i >> 16}.{i >> 8 & 255}.{i & 255}')"
}

# The service's limit, in bytes more than it has now.
limit_memory() {
  local kib
  kib=$(awk '$1 == "VmData:" {print $2}' "/proc/$SERVICE_PID/status")
  prlimit --pid "$SERVICE_PID" --data="$((kib * 1024 + $1)):"
}

@test "a list that does not fit in memory leaves the last good one" {
  lists_rule "$ATTACKER4"
  RULES="[$BAD/rules.yaml]" service "$BAD/policies.yaml"
  local many
  mapfile -t many < <(addresses 300_000)
  lists_rule "${many[@]}" "$HARMLESS4"
  limit_memory 20000000
  run answer POST /v1/reload --json '{}'
  says $'\n422' "not enough memory for the lists: there is room for" \
    "is one more, in list 'feed'" "raise the memory limit"
  # With the line, and the item that stands there.
  local line
  line=$(grep -o 'rules.yaml:[0-9]*' <<<"$output" | cut -d: -f2)
  says "'$(sed -n "${line}s/[^0-9]*\([0-9.]*\).*/\1/p" "$BAD/rules.yaml")'"
  run contained_connect before "$ATTACKER4"
  [[ $output != *reached* ]]
  run contained_connect harmless "$HARMLESS4"
  says reached
  # Not even the file can be read.
  limit_memory 3000000
  run answer POST /v1/reload --json '{}'
  says $'\n422' "not enough memory to read '$BAD/rules.yaml'"
  run contained_connect again "$ATTACKER4"
  [[ $output != *reached* ]]
  prlimit --pid "$SERVICE_PID" --data=unlimited:
  api POST /v1/reload --json '{}' --max-time 60
  run contained_connect after "$HARMLESS4"
  [[ $output != *reached* ]]
  service_stop
}

# What it takes to load them is bounded by the service's limit, and so is the
# time: no more is looked at than there is room for.
@test "ten million items without room for them leave the last good list" {
  lists_rule "$ATTACKER4"
  RULES="[$BAD/rules.yaml]" service "$BAD/policies.yaml"
  python3 - "$BAD/rules.yaml" <<'END'
import sys

rules = open(sys.argv[1]).read()
head, rest = rules.split("items:\n", 1)
last = "".join(f"  - 20.@.{i}\n" for i in range(256))
with open(sys.argv[1], "w") as file:
    file.write(head + "items:\n")
    for block in range(10_000_000 // 256):
        file.write(last.replace("@", f"{block >> 8}.{block & 255}"))
    file.write(rest)
END
  limit_memory 700000000
  run answer POST /v1/reload --json '{}' --max-time 300
  says $'\n422' "not enough memory for the lists: there is room for" \
    "is one more, in list 'feed'" "rules.yaml:"
  run contained_connect before "$ATTACKER4"
  [[ $output != *reached* ]]
  service_stop
}

# memory_cgroup BYTES: puts the service into a memory cgroup of its own, in which
# it may take so many bytes more; what it has stays with the one it was in.
memory_cgroup() {
  local limit=memory.max mount=/sys/fs/cgroup
  if [[ -d $mount/memory ]]; then
    mount+=/memory limit=memory.limit_in_bytes
  fi
  MEMORY_CGROUP=$mount/bailiff-memory-$$
  mkdir "$MEMORY_CGROUP"
  echo "$1" >"$MEMORY_CGROUP/$limit"
  echo "$SERVICE_PID" >"$MEMORY_CGROUP/cgroup.procs"
}

@test "a list that does not fit in the service's cgroup leaves the last good one" {
  lists_rule "$ATTACKER4"
  RULES="[$BAD/rules.yaml]" service "$BAD/policies.yaml"
  local many
  mapfile -t many < <(addresses 1_000_000)
  lists_rule "${many[@]}"
  memory_cgroup 100000000
  run answer POST /v1/reload --json '{}' --max-time 60
  says $'\n422' "not enough memory for the lists: there is room for"
  run contained_connect before "$ATTACKER4"
  [[ $output != *reached* ]]
}

@test "a violation that is not a Falco alert" {
  service "$KILL_POLICY"
  run answer POST /v1/violations --json '{"rule": 5}'
  says $'\n400'
  jq -e '.error | .code and .message and .field' <<<"${lines[0]}"
  run answer POST /v1/violations --json 'nonsense'
  says $'\n400'
  head -c 1100000 /dev/zero | tr '\0' ' ' >"$BAD/large"
  run answer POST /v1/violations --json "@$BAD/large"
  says 413
  [[ -z $(service_events) ]]
}

@test "a webhook that never answers delays nobody, and is counted" {
  # It accepts, and says nothing.
  spawn "$BAD/silent" python3 -c 'if True:
    import socket, sys, time
    s = socket.create_server(("127.0.0.1", 0))
    open(sys.argv[1], "w").write(str(s.getsockname()[1]))
    time.sleep(1000)' "$BAD/port"
  wait_until 10 "the silent receiver" test -s "$BAD/port"
  service "$KILL_POLICY" "sinks: [{name: soc, type: webhook,
    url: \"http://127.0.0.1:$(<"$BAD/port")/\"}]"
  run contained hurried sh -c \
    "echo hello | nc -w 3 $ATTACKER4 1389; sleep 60"
  ((status == 137))
  event "$C2_RULE" '.bailiff.outcome == "killed"'
  wait_until 10 "the alert to wait" \
    metric '^bailiff_alerts_pending{sink="soc"} [1-9]'
  service_stop
}

@test "bailiff without a service, and with a wrong command" {
  run bailiff --api "unix:$BAD/none.sock" ps
  ((status == 3))
  says "$BAD/none.sock"
  run bailiff frobnicate
  ((status == 2))
}
