#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Ways to ask for a listed name that a filter may fail to read, each for a name
# of its own: in a container that nobody enforces, where the resolver must hear
# of it, or it would show nothing; and in one that is enforced, where it must
# not, and where one alert must tell of it.

load ../e2e/story

setup_file() {
  story_open
  install -D -m 0755 "$ASKER" "$ROOTFS/bin/asker"
  # What is answered is there, and answers.
  in_netns outside ip addr add 203.0.113.201/24 dev eth0
  in_netns outside ip addr add 203.0.113.202/24 dev eth0
  resolver_start
  names_listed
  service_configure names "$SCRATCH/rules/names.rules.yaml" \
    "$SCRATCH/rules/names.policies.yaml"
  service_start
  bundle_make "$SCRATCH/bundle-plain" "$ROOTFS" plain sleep 1000
  started plain_runc plain
  export PLAIN=$SCRATCH/plain.tsv ENFORCED=$SCRATCH/enforced.tsv
  plain_runc exec --cap CAP_NET_RAW plain asker "$HARMLESS4" >"$PLAIN"
  mv "$HEARD" "$SCRATCH/plain.heard"
  resolver_restart
  # Only now: programs for frames judge those of whoever nobody judges, too.
  contained_detached enforced sleep 1000
  contained_detached other sleep 1000
  plain_runc exec --cap CAP_NET_RAW enforced asker "$HARMLESS4" >"$ENFORCED"
}

teardown_file() {
  story_quiet
  story_close
}

resolver_start() {
  export HEARD=$SCRATCH/heard
  resolver_listen "$HEARD"
  export RESOLVER_PID=$SPAWNED_PID
}

resolver_restart() {
  kill "$RESOLVER_PID"
  wait_until 10 "the resolver to end" no_resolver
  resolver_start
}
no_resolver() {
  ! in_netns outside sh -c "ss -Haltn 'sport = :53' | grep -q LISTEN"
}

names_listed() {
  local label
  label=$(printf 'x%.0s' {1..63})
  cat >"$SCRATCH/rules/names.rules.yaml" <<END
- list: names
  items: [sendto.evil.example, connected.evil.example, case.evil.example,
    padding.evil.example, parts.evil.example,
    long.$label.$label.$label.evil.example, tcp.evil.example,
    bytes.evil.example, second.evil.example, segments.evil.example,
    urgent.evil.example, frame.evil.example, nslookup.evil.example, hidden.evil.example, .zone.example]
- rule: Listed name
  desc: a name nobody may reach
  condition: evt.type = connect and fd.sip.name in (names)
  output: "asked for %fd.sip.name at %fd.sip"
  priority: WARNING
- rule: Watched name
  desc: a name that is only told of
  condition: evt.type = connect and fd.rip.name = watched.example
  output: "asked for %fd.rip.name"
  priority: NOTICE
END
  cat >"$SCRATCH/rules/names.policies.yaml" <<END
policies:
  - name: Refuse
    rules: [Listed name]
    block: true
    response: none
  - name: Watch
    rules: [Watched name]
    mode: monitor
    response: none
END
}

# alerts_of NAME: "hook verdict", a line for each.
alerts_of() {
  service_events | jq -r --arg name "$1" '
    select(.output_fields["fd.sip.name"] == $name)
    | "\(.bailiff.hook) \(.bailiff.verdict)"'
}

@test "each way to ask is heard where nobody enforces" {
  local technique name result failed=0
  while IFS=$'\t' read -r technique name result; do
    grep -qxF "$name" "$SCRATCH/plain.heard" || {
      echo "$technique: not heard ($result)"
      failed=1
    }
  done <"$PLAIN"
  ((!failed && $(wc -l <"$PLAIN") == 12))
}

@test "no way to ask is heard from an enforced container" {
  local technique name result failed=0
  while IFS=$'\t' read -r technique name result; do
    [[ $result != answered ]] && ! grep -qxF "$name" "$HEARD" || {
      echo "$technique: heard ($result)"
      failed=1
    }
  done <"$ENFORCED"
  ((!failed && $(wc -l <"$ENFORCED") == 12))
}

@test "one alert tells of each name that was asked for" {
  local technique name result failed=0
  local -a alerts
  while IFS=$'\t' read -r technique name result; do
    # Refused unread: two datagrams in one, and urgent data. Of which name,
    # nobody knows.
    [[ $technique != segments && $technique != urgent ]] || continue
    mapfile -t alerts < <(alerts_of "$name")
    [[ ${#alerts[@]} -eq 1 && ${alerts[0]} == "query denied" ]] || {
      echo "$technique: ${#alerts[@]} alerts ($result): ${alerts[*]}"
      failed=1
    }
  done <"$ENFORCED"
  ((!failed))
}

@test "an alert names the name" {
  event "Listed name" '.output | contains("asked for sendto.evil.example at 203.0.113.80")'
}

@test "busybox's nslookup fails for a listed name and works for others" {
  run plain_runc exec enforced nslookup nslookup.evil.example "$HARMLESS4"
  ((status != 0))
  run -0 plain_runc exec enforced nslookup -type=a good.example "$HARMLESS4"
  says 203.0.113.200
  event "Listed name" '.output_fields["fd.sip.name"] == "nslookup.evil.example"'
}

@test "a name that is only watched is told of and answered" {
  run -0 plain_runc exec enforced nslookup -type=a watched.example "$HARMLESS4"
  says 203.0.113.200
  event "Watched name" '.bailiff.verdict == "would_deny" or
    .bailiff.verdict == "allowed" or .bailiff.verdict == "observed"'
}

@test "explain says that the kernel decides at the query" {
  run -0 "$BAILIFF_BIN/bailiff" explain "$SCRATCH/rules/names.rules.yaml" \
    --policy "$SCRATCH/rules/names.policies.yaml" -o json
  [[ $(jq -c '.[0] | [.enforcement, .hooks]' <<<"$output") == \
    '["kernel",["connect4","connect6","sendmsg4","sendmsg6","egress","query","answer"]]' ]]
}

# nc_from FROM TO: what it says of a port where nobody listens.
nc_from() { run plain_runc exec "$1" nc -w 5 "$2" 80; }
reaches() {
  nc_from "$@"
  says "Connection refused"
}
is_refused() {
  nc_from "$@"
  says "Operation not permitted"
}

@test "the address of a listed name behind an alias is refused at once" {
  reaches enforced 203.0.113.201
  run -0 plain_runc exec enforced nslookup -type=a alias.example "$HARMLESS4"
  says 203.0.113.201
  is_refused enforced 203.0.113.201
  reaches enforced 203.0.113.202
  event "Listed name" '.output_fields["fd.sip.name"] == "hidden.evil.example"
    and .output_fields["fd.sip"] == "203.0.113.201"
    and .bailiff.hook == "connect" and .bailiff.verdict == "denied"'
  run -0 alerts_of hidden.evil.example
  [[ $output == "connect denied" ]]
}

@test "another container has been told nothing until it is" {
  is_refused enforced 203.0.113.201
  reaches other 203.0.113.201
  run -0 plain_runc exec other nslookup -type=a alias.example "$HARMLESS4"
  is_refused other 203.0.113.201
}

@test "what is below a domain that is listed so is refused" {
  run plain_runc exec enforced nslookup -type=a a.B.Zone.example "$HARMLESS4"
  ((status != 0))
  event "Listed name" '.output_fields["fd.sip.name"] == ".zone.example"'
}

@test "over IPv6 the same is so, and of IPv6 addresses" {
  local heard=$SCRATCH/heard6
  spawn "$heard.err" nsenter --net="$SCRATCH/netns/outside" -- \
    python3 "$BATS_TEST_DIRNAME/resolver.py" "$HARMLESS6" "$heard"
  wait_until 10 "a resolver at $HARMLESS6" resolver_at "$HARMLESS6"
  in_netns outside ip addr add 2001:db8:66::201/64 dev eth0 nodad
  run plain_runc exec enforced nslookup -type=aaaa case.evil.example "$HARMLESS6"
  ((status != 0))
  event "Listed name" '.output_fields["fd.sip.name"] == "case.evil.example"
    and .output_fields["fd.sip"] == "'"$HARMLESS6"'"'
  reaches enforced 2001:db8:66::201
  run -0 plain_runc exec enforced nslookup -type=aaaa alias.example "$HARMLESS6"
  says 2001:db8:66::201
  is_refused enforced 2001:db8:66::201
  event "Listed name" '.output_fields["fd.sip.name"] == "hidden.evil.example"
    and .output_fields["fd.sip"] == "2001:db8:66::201"
    and .bailiff.hook == "connect" and .bailiff.verdict == "denied"'
  [[ $(sort -u "$heard") == alias.example ]]
}
resolver_at() { in_netns outside ss -Halun "src [$1]:53" | grep -q .; }
