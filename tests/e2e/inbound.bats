#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# A server in a container: who may connect to it, and what it may bind to.

load story

setup_file() {
  story_open
  cat >"$SCRATCH/rules/inbound.rules.yaml" <<END
- list: bad_clients
  items: [$ATTACKER4, "$ATTACKER6"]
- rule: Bad client
  desc: a listed host connects
  condition: evt.type in (accept, accept4) and fd.cip in (bad_clients)
  output: "%evt.type %fd.name %fd.type %fd.l4proto %fd.cip %fd.cport %fd.sip %fd.sport %fd.lip %fd.lport %fd.rip %fd.rport %proc.name"
  priority: WARNING
- rule: Stranger
  desc: anybody connects who is not listed
  condition: >
    evt.type in (accept, accept4) and fd.typechar = 4
    and not fd.cnet in ($HARMLESS4/32) and evt.rawres >= 0
  output: "%evt.type %fd.name %fd.cip"
  priority: WARNING
- rule: Backdoor port
  desc: a port nobody should serve
  condition: evt.type = bind and fd.sport = 4444 and evt.rawres >= 0
  output: "%evt.type %fd.name %fd.lip %fd.lport %proc.name %proc.cmdline"
  priority: WARNING
END
  cat >"$SCRATCH/rules/inbound.policies.yaml" <<END
policies:
  - name: Refuse
    rules: [Bad client, Backdoor port]
    block: true
    response: none
END
  sed 's/rules: .*/rules: [Stranger]/' "$SCRATCH/rules/inbound.policies.yaml" \
    >"$SCRATCH/rules/strangers.policies.yaml"
  sed 's/block: true/&\n    mode: monitor/' \
    "$SCRATCH/rules/inbound.policies.yaml" >"$SCRATCH/rules/watch.policies.yaml"
  export RULES="[$SCRATCH/rules/inbound.rules.yaml]"
  export REFUSE=$SCRATCH/rules/inbound.policies.yaml
  export WATCH=$SCRATCH/rules/watch.policies.yaml
}
teardown_file() { story_close; }
teardown() { story_quiet; }

# Connections that the server has, or that wait for it.
connections() {
  in_netns inside ss -Htn state connected "sport = :8080"
}

@test "a listed client is refused before the server sees it" {
  service "$REFUSE"
  contained_detached server nc -ll -p 8080 -e cat
  listener_at inside 8080
  run ! asked_by "$ATTACKER4" "$SERVER4" 8080
  [[ -z $(connections) ]]
  event "Bad client" ".bailiff.verdict == \"denied\"
    and .bailiff.hook == \"ingress\" and .bailiff.enforcement == \"kernel\"
    and .bailiff.container.id == \"server\"
    and (.output_fields | .\"fd.cip\" == \"$ATTACKER4\"
      and .\"fd.rip\" == \"$ATTACKER4\" and .\"fd.sip\" == \"$SERVER4\"
      and .\"fd.lip\" == \"$SERVER4\" and .\"fd.sport\" == 8080
      and .\"fd.lport\" == 8080 and .\"fd.cport\" == .\"fd.rport\"
      and .\"fd.l4proto\" == \"tcp\" and .\"fd.type\" == \"ipv4\"
      and .\"evt.type\" == \"accept4\" and .\"proc.name\" == null
      and .\"fd.name\" == \"$ATTACKER4:\(.\"fd.cport\")->$SERVER4:8080\")"
  # It has tried more than once by now.
  (($(service_events | jq -c 'select(.rule == "Bad client")' | wc -l) == 1))
}

@test "another client is served" {
  service "$REFUSE"
  contained_detached server nc -ll -p 8080 -e cat
  listener_at inside 8080
  run asked_by "$HARMLESS4" "$SERVER4" 8080
  says hello
  run asked_by "$HARMLESS6" "$SERVER6" 8080
  says hello
  run -1 service_event '.rule == "Bad client"'
}

@test "the same over IPv6" {
  service "$REFUSE"
  contained_detached server6 nc -ll -p 8080 -e cat
  listener_at inside 8080
  run ! asked_by "$ATTACKER6" "$SERVER6" 8080
  event "Bad client" ".bailiff.container.id == \"server6\"
    and .output_fields[\"fd.cip\"] == \"$ATTACKER6\"
    and .output_fields[\"fd.type\"] == \"ipv6\""
}

@test "a policy that monitors tells of it when it is accepted" {
  service "$WATCH"
  contained_detached watched nc -ll -p 8080 -e cat
  listener_at inside 8080
  run asked_by "$ATTACKER4" "$SERVER4" 8080
  says hello
  event "Bad client" ".bailiff.enforcement == \"observe\"
    and .output_fields[\"fd.cip\"] == \"$ATTACKER4\"
    and .output_fields[\"proc.name\"] == \"nc\""
}

@test "an allow-list of clients leaves the container's own connections alone" {
  service "$SCRATCH/rules/strangers.policies.yaml"
  contained_detached picky nc -ll -p 8080 -e cat
  listener_at inside 8080
  run ! asked_by "$ATTACKER4" "$SERVER4" 8080
  event "Stranger" ".bailiff.verdict == \"denied\"
    and .output_fields[\"fd.cip\"] == \"$ATTACKER4\""
  run asked_by "$HARMLESS4" "$SERVER4" 8080
  says hello
  mapfile -d '' -t command < <(connects_to "$ATTACKER4")
  run bailiff_runc exec picky "${command[@]}"
  says reached
}

@test "a refused bind fails, and its process is told of" {
  service "$REFUSE"
  run contained binder sh -c 'nc -l -p 4444; true'
  says "Operation not permitted"
  event "Backdoor port" '.bailiff.verdict == "denied"
    and .bailiff.hook == "bind" and .output_fields["fd.lport"] == 4444
    and .output_fields["proc.name"] == "nc"'
  (($(service_events | jq -c 'select(.rule == "Backdoor port")' | wc -l) == 1))
}

@test "what is not judged attaches nothing" {
  service "$WATCH"
  contained_detached plain sleep 100
  [[ -z $(find "$SCRATCH/bpffs/${SVC##*/}/links/plain" -mindepth 1) ]]
}
