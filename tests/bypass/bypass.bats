#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Each technique of the prober twice, on an address of its own: in a container
# that nobody enforces, where its packets must arrive, or it would show nothing;
# and in one that is enforced, where none may, and where one alert must tell of
# it. MATRIX.md is what comes out.

load ../e2e/story
load targets

setup_file() {
  story_open
  export MATRIX=$BATS_TEST_DIRNAME/MATRIX.md
  export PLAIN=$SCRATCH/plain.tsv ENFORCED=$SCRATCH/enforced.tsv
  install -D -m 0755 "$PROBER" "$ROOTFS/bin/prober"
  scenery_of_targets
  local -a targets=(203.0.113.128/25 2001:db8:66:1::/64 239.66.0.0/24
    ff0e::66:0/112)
  list_targets "${targets[@]}" 127.0.0.1/32 ::1/128
  service_configure bypass "$SCRATCH/rules/targets.rules.yaml" \
    "$SCRATCH/rules/targets.policies.yaml"
  service_start
  privileged_bundle plain
  started plain_runc plain
  forget_arrivals
  probe plain >"$PLAIN"
  probe_own plain >>"$PLAIN"
  probe_alone plain >>"$PLAIN"
  arrivals >"$SCRATCH/plain.arrived"
  # Not before: they share a network namespace, which has frames judged for all
  # who are in it.
  privileged_bundle enforced
  started bailiff_runc enforced
  forget_arrivals
  probe enforced >"$ENFORCED"
  # 0.0.0.0 is an address of its own for a socket that has one.
  list_targets "${targets[@]}" 127.0.0.66/32 "$SERVER4/32" "$SERVER6/128"
  bailiff_api reload
  probe_own enforced >>"$ENFORCED"
  # And :: is IPv4's loopback for a socket that has an address of IPv4.
  list_targets "${targets[@]}" 127.0.0.1/32
  bailiff_api reload
  privileged_bundle alone
  started bailiff_runc alone
  probe_alone alone >>"$ENFORCED"
  arrivals >"$SCRATCH/enforced.arrived"
}

teardown_file() {
  story_quiet
  story_close
}

# Those that need a list of their own.
probe_own() {
  probe "$1" {tcp,udp}_zero_address_{own,interface} {tcp,udp}_mapped_zero \
    {tcp,udp}6_interface
}
probe_alone() { probe "$1" {tcp,udp}_zero_address_mapped; }

# list_targets ITEM...: one policy for both: what differs is whom it is for.
list_targets() {
  rules_of_targets "$@"
  sed -i 's/^  - name: Refuse/&\n    scope: container.full_id != neighbour/' \
    "$SCRATCH/rules/targets.policies.yaml"
  cat >>"$SCRATCH/rules/targets.rules.yaml" <<END
- rule: Other reached
  desc: a host that only the neighbour may not reach
  condition: evt.type = connect and fd.sip = $ATTACKER4
  output: "%fd.sip"
  priority: WARNING
END
  cat >>"$SCRATCH/rules/targets.policies.yaml" <<END
  - name: Other
    scope: container.full_id = neighbour
    rules: [Other reached]
    block: true
    response: none
END
}

# The container that tries a technique.
tried_in() {
  if [[ $1 == *_zero_address_mapped ]]; then
    echo alone
  else
    echo enforced
  fi
}

# A row of the matrix for each line the prober wrote.
matrix() {
  local name what address result places needs judged
  cat <<END
# Ways to a listed address

Written by \`make docs\` from what the suite \`bypass\` saw on Linux
$(uname -r | cut -d. -f1,2), in a container of runc with every network capability.
Each technique is shown to deliver without Bailiff. "Stays inside" are
connections over the container's own loopback. "No alert": what was refused does
not name an address, or was not read to its end, and so fulfils no rule. To an
IPv6 socket :: is ::1, whatever address it has, and 127.0.0.1 where that is one of
IPv4. Sockets that were made outside of the container are
[on a page of their own](FOREIGN.md), and so is [what a listed peer is
answered](ANSWERS.md) and [what becomes of connections older than the
list](OLDER.md). Of a way out of the container's cgroup, by a writable cgroup file
system, \`leaving.bats\` shows that the container does not start, or that who leaves is
told of and moved back. Unix and vsock sockets reach no address of a list.

| technique | without Bailiff | with Bailiff | caught at | packets that arrived |
|---|---|---|---|---|
END
  while IFS=$'\t' read -r name what address result _; do
    [[ $result != absent* ]] || continue
    places=$(alerts_of "$address" "$(tried_in "$name")" | cut -d' ' -f1 |
      sort -u | paste -sd, -)
    echo "| $what | $(delivery "$address" plain) |" \
      "$([[ $result == 0 ]] && echo dropped || echo "$result") |" \
      "${places:-no alert} |" \
      "$(grep -cxF "$address" "$SCRATCH/enforced.arrived") |"
  done <"$ENFORCED"
  cat <<END

## What this kernel cannot show

Tried all the same: the errno is that of its socket, or call. The kernel is configured
without what the technique needs, and has no modules to load. What is said to be
seen on Linux 6.1 was tried by hand in the machine of \`tests/vm/run\`, where each
delivers without Bailiff.

| technique | errno | needs CONFIG_… | would be judged at |
|---|---|---|---|
END
  while IFS=$'\t' read -r name what _ result needs judged; do
    [[ $result == absent* ]] || continue
    echo "| $what | ${result#absent } | $needs | $judged |"
  done <"$ENFORCED"
}

@test "each technique delivers where nobody enforces" {
  local name what address result failed=0
  while IFS=$'\t' read -r name what address result _; do
    [[ $result != absent* ]] && ! is_inside "$address" || continue
    [[ $(delivery "$address" plain) == delivers ]] || {
      echo "$name: nothing arrived at $address ($result)"
      failed=1
    }
  done <"$PLAIN"
  ((!failed))
  # What cannot be tried is the kernel's doing alone.
  diff <(absent <"$PLAIN") <(absent <"$ENFORCED")
}

absent() { awk -F'\t' '$4 ~ /^absent/ {print $1, $4}'; }

@test "no technique delivers from an enforced container" {
  local name what address result failed=0
  while IFS=$'\t' read -r name what address result _; do
    [[ $result != absent* ]] || continue
    [[ $(delivery "$address" enforced) != delivers ]] || {
      echo "$name: a packet arrived at $address ($result)"
      failed=1
    }
    # EINPROGRESS: of a TCP connection whose first packet goes nowhere.
    ! is_inside "$address" || [[ $result == @(EPERM|EINPROGRESS) ]] || {
      echo "$name: not refused ($result)"
      failed=1
    }
  done <"$ENFORCED"
  ((!failed))
}

@test "one alert tells of each technique" {
  local name what address result failed=0
  local -a alerts
  while IFS=$'\t' read -r name what address result _; do
    [[ $result != absent* ]] || continue
    mapfile -t alerts < <(alerts_of "$address" "$(tried_in "$name")")
    # One address for all who use the loopback.
    ! is_inside "$address" || ((${#alerts[@]} == 0)) || alerts=("${alerts[0]}")
    # An option is no destination: there is nobody to tell of.
    [[ $name != xdp_socket || $result != EPERM || ${#alerts[@]} -gt 0 ]] ||
      continue
    # Nor where a packet is not read to its end.
    [[ $name != *_too_many ]] || continue
    [[ ${#alerts[@]} -eq 1 && ${alerts[0]} == *" denied" ]] || {
      echo "$name: ${#alerts[@]} alerts of $address ($result): ${alerts[*]}"
      failed=1
    }
  done <"$ENFORCED"
  ((!failed))
}

# The frame program sees the cgroup of the socket.
@test "a frame from a cgroup made inside is told as the container's" {
  local pid cgroup address
  pid=$(plain_runc state enforced | jq .pid)
  cgroup=$CGROUP2$(sed -n 's/^0:://p' "/proc/$pid/cgroup")/inner
  mkdir "$cgroup"
  # shellcheck disable=SC2016 # the shell in the cgroup expands
  sh -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' sh "$cgroup" \
    nsenter --net="/proc/$pid/ns/net" "$PROBER" "$HARMLESS4" eth0 \
    packet_vlan >"$SCRATCH/inner.tsv"
  [[ $(cut -f4 "$SCRATCH/inner.tsv") == ENOBUFS ]]
  address=$(cut -f3 "$SCRATCH/inner.tsv")
  # One of the container itself, before, and this one.
  wait_until 10 "the alert" told_twice_of "$address" enforced
  rmdir "$cgroup"
}

told_twice_of() {
  (($(service_events | jq -r --arg ip "$1" '
    select(.output_fields["fd.sip"] == $ip) | .bailiff.container.id' |
    grep -cxF "$2") == 2))
}

# They have one network, and the programs for frames see what each sends.
@test "what a neighbour may send is not refused by another's rules" {
  local name what address result
  privileged_bundle neighbour
  started bailiff_runc neighbour
  run plain_runc exec neighbour nc -w 5 "$ATTACKER4" 80
  says "Operation not permitted"
  forget_arrivals
  plain_runc exec neighbour prober "$HARMLESS4" eth0 udp_sendto sent_elsewhere \
    over_vxlan packet_socket >"$SCRATCH/neighbour.tsv"
  # Whom nobody judges, too.
  plain_runc exec plain prober "$HARMLESS4" eth0 udp6_sendto \
    >>"$SCRATCH/neighbour.tsv"
  arrivals >"$SCRATCH/neighbour.arrived"
  while IFS=$'\t' read -r name what address result; do
    [[ $result == absent ]] || grep -qxF "$address" "$SCRATCH/neighbour.arrived"
  done <"$SCRATCH/neighbour.tsv"
  (($(wc -l <"$SCRATCH/neighbour.tsv") == 5))
  event "Other reached" '.bailiff.container.id == "neighbour"'
  run -0 service_events
  (($(jq -r 'select(.rule == "Target reached") | .bailiff.container.id' \
    <<<"$output" | grep -cvxE 'enforced|alone|null') == 0))
}

@test "MATRIX.md says what was seen" {
  matrix >"$SCRATCH/MATRIX.md"
  [[ -z ${BAILIFF_UPDATE_DOCS:-} ]] || cp "$SCRATCH/MATRIX.md" "$MATRIX"
  diff -u "$MATRIX" "$SCRATCH/MATRIX.md"
}
