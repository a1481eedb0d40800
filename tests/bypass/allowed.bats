#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Each technique of the prober in a container that may reach a single host, and
# what is behind its own vxlan: none may deliver to any other, and an alert must
# tell of it. Who comes to the
# container by himself is answered all the same. ALLOWED.md is what comes out.

load ../e2e/story
load targets

setup_file() {
  story_open
  export PAGE=$BATS_TEST_DIRNAME/ALLOWED.md
  export PLAIN=$SCRATCH/plain.tsv ENFORCED=$SCRATCH/enforced.tsv
  install -D -m 0755 "$PROBER" "$ROOTFS/bin/prober"
  scenery_of_targets
  cat >"$SCRATCH/rules/targets.rules.yaml" <<END
- list: allowed
  # And what a thread that rewrites HARMLESS6 makes of half of it.
  items: [$HARMLESS4/32, "${HARMLESS6%:*}:/64", "2001:db8:66:1::80/128",
    127.0.0.0/8, "::1/128", 10.0.0.0/8]
- rule: Target reached
  desc: a host that is not on the list
  condition: evt.type = connect and not fd.snet in (allowed)
  output: "%evt.type %fd.sip %proc.name"
  priority: WARNING
END
  cat >"$SCRATCH/rules/targets.policies.yaml" <<END
policies:
  - name: Refuse
    scope: container.full_id = enforced
    rules: [Target reached]
    block: true
    response: none
END
  service_configure allowed "$SCRATCH/rules/targets.rules.yaml" \
    "$SCRATCH/rules/targets.policies.yaml"
  service_start
  privileged_bundle plain
  started plain_runc plain
  forget_arrivals
  probe plain >"$PLAIN"
  arrivals >"$SCRATCH/plain.arrived"
  privileged_bundle enforced
  started bailiff_runc enforced
  forget_arrivals
  probe enforced >"$ENFORCED"
  arrivals >"$SCRATCH/enforced.arrived"
}

teardown_file() {
  story_quiet
  story_close
}

# Those that show something: what leaves the container where nobody enforces.
tried() {
  local line name what address result
  while IFS= read -r line; do
    IFS=$'\t' read -r name what address result _ <<<"$line"
    [[ $result == absent* ]] || is_inside "$address" ||
      [[ $(delivery "$address" plain) != delivers ]] || echo "$line"
  done <"$ENFORCED"
}

page() {
  local name what address result places
  cat <<END
# Ways to an address that is not allowed

Written by \`make docs\` from what the suite \`bypass\` saw on Linux
$(uname -r | cut -d. -f1,2), in a container of runc with every network capability,
of which a rule refuses all hosts but one. Each technique is shown to deliver
without Bailiff.

| technique | with Bailiff | caught at | packets that arrived |
|---|---|---|---|
END
  while IFS=$'\t' read -r name what address result _; do
    places=$(alerts_of "$address" enforced | cut -d' ' -f1 | sort -u |
      paste -sd, -)
    echo "| $what |" \
      "$([[ $result == 0 ]] && echo dropped || echo "$result") |" \
      "${places:-no alert} |" \
      "$(grep -cxF "$address" "$SCRATCH/enforced.arrived") |"
  done < <(tried)
}

# What the kernel reports of a group is of no socket, and could be a neighbour's.
is_report() { [[ $1 == joined_group* ]]; }

@test "no technique delivers to who is not allowed" {
  local name what address result failed=0
  (($(tried | wc -l) > 40))
  while IFS=$'\t' read -r name what address result _; do
    [[ $(delivery "$address" enforced) != delivers ]] || is_report "$name" || {
      echo "$name: a packet arrived at $address ($result)"
      failed=1
    }
  done < <(tried)
  ((!failed))
}

@test "one alert tells of each technique" {
  local name what address result failed=0
  local -a alerts
  while IFS=$'\t' read -r name what address result _; do
    ! is_report "$name" || continue
    mapfile -t alerts < <(alerts_of "$address" enforced)
    # What is not read to its end has no address that could be told.
    [[ $name != *_too_many ]] || continue
    # An option is no destination: there is nobody to tell of.
    [[ $name != xdp_socket || $result != EPERM || ${#alerts[@]} -gt 0 ]] ||
      continue
    [[ ${#alerts[@]} -eq 1 && ${alerts[0]} == *" denied" ]] || {
      echo "$name: ${#alerts[@]} alerts of $address ($result): ${alerts[*]}"
      failed=1
    }
  done < <(tried)
  ((!failed))
}

@test "who is allowed is reached, and who comes is answered" {
  plain_runc exec enforced ping -c 1 -w 5 "$HARMLESS4"
  reaches enforced "$HARMLESS4"
  # By the kernel, and over a connection that the peer made.
  in_netns outside "$ROOTFS/bin/busybox" ping -c 1 -w 5 -I "$ATTACKER4" "$SERVER4"
  plain_runc exec --detach enforced nc -ll -p 8080 -e cat
  listener_at inside 8080
  [[ $(asked_by "$ATTACKER4" "$SERVER4" 8080) == hello ]]
  # Nobody answers there, and whoever asks is told so.
  run asked_by "$ATTACKER4" "$SERVER4" 9
  says "Connection refused"
}

# They have one network, and the programs for frames see what each sends.
@test "what a neighbour sends by hand is not refused" {
  forget_arrivals
  plain_runc exec plain prober "$HARMLESS4" eth0 packet_socket raw_udp \
    >"$SCRATCH/neighbour.tsv"
  arrivals >"$SCRATCH/neighbour.arrived"
  (($(wc -l <"$SCRATCH/neighbour.tsv") == 2))
  while IFS=$'\t' read -r _ _ address _; do
    grep -qxF "$address" "$SCRATCH/neighbour.arrived"
  done <"$SCRATCH/neighbour.tsv"
}

@test "ALLOWED.md says what was seen" {
  page >"$SCRATCH/ALLOWED.md"
  [[ -z ${BAILIFF_UPDATE_DOCS:-} ]] || cp "$SCRATCH/ALLOWED.md" "$PAGE"
  diff -u "$PAGE" "$SCRATCH/ALLOWED.md"
}
