#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What no connect(2) of the container asks for: connections that are older than
# the list, and those a listed peer makes. OLDER.md is what comes out of the
# former.

load ../e2e/story
load targets

setup_file() {
  story_open
  mkfifo -m 0666 "$ROOTFS/tmp/words"
  # Answers, and keeps its connections.
  spawn "$SCRATCH/peer.err" nsenter --net="$SCRATCH/netns/outside" -- \
    "$ROOTFS/bin/busybox" nc -ll -p 1390 -e cat
  listener_at outside 1390
  install -m 0755 "$TALKER" "$ROOTFS/bin/talker"
  in_netns outside ip route add local 203.0.113.128/25 dev lo
  in_netns outside ip -6 route add local 2001:db8:66:1::/64 dev lo
  in_netns inside ip -6 route add 2001:db8:66:1::/64 via "$ATTACKER6"
  export CAUGHT=$SCRATCH/caught ROWS=$SCRATCH/rows
  mkfifo "$SCRATCH/push"
  spawn "$CAUGHT" nsenter --net="$SCRATCH/netns/outside" -- \
    python3 -u "$BATS_TEST_DIRNAME/catcher.py" 1391 "$SCRATCH/push"
  listener_at outside 1391
  count_arrivals arrivals "iifname eth0 meta l4proto != ipv6-icmp"
}
teardown_file() { story_close; }
setup() { attacker_forget_packets; }
teardown() {
  [[ ! ${HOLDER-} ]] || kill -KILL "$HOLDER"
  story_quiet
}

# A service whose list has, besides what the demo lists, ADDRESS...
service_listing() {
  cp "$SCRATCH/rules/log4j.rules.yaml" "$SCRATCH/rules/listing.rules.yaml"
  list "$@"
  RULES="[$SCRATCH/rules/listing.rules.yaml, $SCRATCH/rules/added.rules.yaml]" \
    service "$REFUSE_POLICY"
}

list() {
  local IFS=,
  printf '%s\n' '- list: malicious_log4j_c2' "  items: [$*]" \
    '  override: {items: append}' >"$SCRATCH/rules/added.rules.yaml"
}

arrived_at_attacker() { (($(attacker_packets) > 0)); }

# arrived_for ADDRESS: how many packets.
arrived_for() {
  local set=hosts4
  [[ $1 != *:* ]] || set=hosts6
  in_netns outside nft -j list set inet arrivals "$set" |
    jq --arg address "$1" '[.nftables[].set // empty | .elem[]?.elem
      | select(.val == $address) | .counter.packets] | add // 0'
}

# sockets_to ADDRESS: TCP connections of 'inside' with it, whoever has them, and
# those that nobody has any more.
sockets_to() { in_netns inside ss -Htan dst "$1"; }

@test "a connection that is older than the list is cut, and that is told" {
  service_listing 198.51.100.77
  contained_detached older sh -c "talker tcp $ATTACKER4 1390 </tmp/words"
  exec 9>"$ROOTFS/tmp/words"
  echo before >&9
  wait_until 10 "the answer" grep -qxF heard "$SCRATCH/older.out"
  list 198.51.100.77 "$ATTACKER4"
  bailiff_api reload
  attacker_forget_packets
  wait_until 10 "its error" grep -qxF "lost ECONNABORTED" "$SCRATCH/older.out"
  echo after >&9
  wait_until 10 "another" grep -qxF EPIPE "$SCRATCH/older.out"
  event "$C2_RULE" '.bailiff.hook == "egress" and .bailiff.verdict == "denied"
    and .bailiff.connections_cut == 1
    and .bailiff.container.id == "older"
    and .output_fields["proc.cmdline"] == null'
  [[ -z $(sockets_to "$ATTACKER4") ]]
  exec 9>&-
  bailiff_runc delete --force older
  # Nothing that was to be sent is left to the network it was in.
  [[ -z $(sockets_to "$ATTACKER4") ]]
  (($(attacker_packets) == 0))
}

# holds ID PEER: a container that holds a connection with it, and has another.
holds() {
  contained_detached "$1" sleep 1000
  local pid
  pid=$(plain_runc state "$1" | jq .pid)
  # shellcheck disable=SC2016 # the shell in the cgroup expands
  spawn "$SCRATCH/$1.held" sh -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' \
    "$CGROUP2$(sed -n 's/^0:://p' "/proc/$pid/cgroup")" \
    nsenter --net="/proc/$pid/ns/net" \
    python3 "$BATS_TEST_DIRNAME/holder.py" "$2" 1390
  HOLDER=$SPAWNED_PID
  wait_until 10 "a held connection" grep -qxF held "$SCRATCH/$1.held"
}

# Each waits for it in the kernel, where no signal reaches.
@test "who holds a connection keeps neither another of it nor a service" {
  service_listing 198.51.100.77
  holds holder "$ATTACKER4"
  list 198.51.100.77 "$ATTACKER4"
  bailiff_api reload
  wait_until 10 "its error" grep -qxF "lost ECONNABORTED" "$SCRATCH/holder.held"
  # It has a thread that does not end.
  kill -KILL "$SERVICE_PID"
  service_start
  run contained_connect later "$ATTACKER4"
  says "Operation not permitted"
  event "$C2_RULE" '.bailiff.container.id == "later"'
}

@test "who holds a connection is isolated, and keeps nobody waiting" {
  service_listing 198.51.100.77
  holds holder "$HARMLESS4"
  contained_detached other sleep 1000
  timeout 10 "$BAILIFF_BIN/bailiff" --api "unix:$SVC/run/bailiffd.sock" \
    isolate holder
  timeout 10 "$BAILIFF_BIN/bailiff" --api "unix:$SVC/run/bailiffd.sock" \
    isolate other
  list 198.51.100.77 "$ATTACKER4"
  timeout 10 "$BAILIFF_BIN/bailiff" --api "unix:$SVC/run/bailiffd.sock" reload
}

# The service is not there when the list changes.
@test "a connection is cut by the service that brings the list" {
  service_listing 198.51.100.77
  contained_detached older sh -c "talker tcp $ATTACKER4 1390 </tmp/words"
  exec 9>"$ROOTFS/tmp/words"
  echo before >&9
  wait_until 10 "the answer" grep -qxF heard "$SCRATCH/older.out"
  service_stop
  list 198.51.100.77 "$ATTACKER4"
  service_start
  wait_until 10 "its error" grep -qxF "lost ECONNABORTED" "$SCRATCH/older.out"
  event "$C2_RULE" '.bailiff.connections_cut == 1'
  exec 9>&-
}

@test "a rule that only reports cuts nothing" {
  cp "$SCRATCH/rules/log4j.rules.yaml" "$SCRATCH/rules/listing.rules.yaml"
  list 198.51.100.77
  sed 's/block: true/block: false/' "$REFUSE_POLICY" \
    >"$SCRATCH/rules/report.yaml"
  RULES="[$SCRATCH/rules/listing.rules.yaml, $SCRATCH/rules/added.rules.yaml]" \
    service "$SCRATCH/rules/report.yaml"
  contained_detached older sh -c "talker tcp $ATTACKER4 1390 </tmp/words"
  exec 9>"$ROOTFS/tmp/words"
  list 198.51.100.77 "$ATTACKER4"
  bailiff_api reload
  # Behind whatever the reload made of it.
  contained_connect later "$ATTACKER4"
  event "$C2_RULE" '.bailiff.container.id == "later"'
  echo after >&9
  wait_until 10 "the answer" grep -qxF heard "$SCRATCH/older.out"
  run ! grep -F lost "$SCRATCH/older.out"
  exec 9>&-
}

# Kind of socket, what it connects to, what that is judged as, who makes it.
# Each is in a container of its own: what is refused again and again is told
# once there.
sockets() {
  cat <<END
tcp 203.0.113.200 203.0.113.200 container
tcp 2001:db8:66:1::1 2001:db8:66:1::1 container
tcp ::ffff:203.0.113.201 203.0.113.201 container
tcp 203.0.113.205 203.0.113.205 exec
tcp 203.0.113.207 203.0.113.207 cgroup
udp 203.0.113.202 203.0.113.202 container
udp 2001:db8:66:1::2 2001:db8:66:1::2 container
udp ::ffff:203.0.113.203 203.0.113.203 container
udp 203.0.113.208 203.0.113.208 exec
bound 203.0.113.206 203.0.113.206 container
bound 2001:db8:66:1::4 2001:db8:66:1::4 container
mptcp 203.0.113.204 203.0.113.204 container
mptcp 2001:db8:66:1::3 2001:db8:66:1::3 container
END
}

# makes_socket WHO ID KIND ADDRESS: what is said to it is read from /tmp/ID, and
# what it says is in ID.out.
makes_socket() {
  local who=$1 id=$2 talks="talker $3 $4 1391 </tmp/$2" pid cgroup
  mkfifo -m 0666 "$ROOTFS/tmp/$id"
  case $who in
    container) contained_detached "$id" sh -c "$talks" ;;
    exec)
      contained_detached "$id" sleep 1000
      spawn "$SCRATCH/$id.out" "$BAILIFF_BIN/bailiff-runc" --bailiff-config \
        "$SVC/bailiff.yaml" --root "$SCRATCH/runc" exec "$id" sh -c "$talks"
      ;;
    cgroup)
      contained_detached "$id" sleep 1000
      pid=$(plain_runc state "$id" | jq .pid)
      cgroup=$CGROUP2$(sed -n 's/^0:://p' "/proc/$pid/cgroup")/inner
      mkdir "$cgroup"
      # shellcheck disable=SC2016 # the shell in the cgroup expands
      spawn "$SCRATCH/$id.out" sh -c 'echo $$ >"$1/cgroup.procs"
        shift && exec "$@" <"$0"' "$ROOTFS/tmp/$id" "$cgroup" \
        nsenter --net="/proc/$pid/ns/net" "$TALKER" "$3" "$4" 1391
      ;;
  esac
}

# When it was told that the container was refused something, in whole seconds.
told_of() {
  service_events | jq --arg id "$1" 'select(.bailiff.container.id == $id
    and .bailiff.verdict == "denied") | .time[:19] + "Z" | fromdate'
}
told() { told_of "$1" | grep -q .; }

# What goes on being tried is told once in ten seconds, however often that is.
told_once() {
  told_of "$1" | jq -es '[.[1:], .[:-1]] | transpose |
    all(.[0] - .[1] >= 10)' >/dev/null
}

# say_to_all WORD: each socket has it to send. Who was cut reads on.
say_to_all() {
  local fd
  for fd in "${words[@]}"; do echo "$1" >&"$fd"; done
}

pushed() { (($(grep -cxF pushed "$CAUGHT") == $1)); }
heard() { (($(grep -cxF heard "$SCRATCH/$1.out") == $2)); }

# The first error a socket has seen.
saw() {
  grep -oE 'lost E[A-Z]+|^E[A-Z]+$' "$SCRATCH/$1.out" | sed 's/^lost //;1q' |
    grep . || echo "no error"
}

# What is told of a container: field of the alerts, each value once.
tells() {
  service_events | jq -r --arg id "$1" "select(.bailiff.container.id == \$id)
    | .bailiff.$2" | sort -u | paste -sd, -
}

name_of_kind() {
  case $1 in
    tcp) echo -n "TCP" ;;
    udp) echo -n "UDP with a peer" ;;
    bound) echo -n "UDP without a peer" ;;
    mptcp) echo -n "MPTCP" ;;
  esac
  case $2 in
    ::ffff:*) echo " to an IPv4-mapped IPv6 address" ;;
    *:*) echo " over IPv6" ;;
    *) echo ;;
  esac
}
name_of_maker() {
  case $1 in
    container) echo "the container" ;;
    exec) echo "\`runc exec\`" ;;
    cgroup) echo "a cgroup made inside" ;;
  esac
}

@test "each kind of socket that is older than the list is cut, and told once" {
  local kind address judged who id fd number=0
  local -a words=() listed=()
  service_listing 198.51.100.77
  while read -r kind address judged who; do
    id=older-$((++number))
    makes_socket "$who" "$id" "$kind" "$address"
    exec {fd}<>"$ROOTFS/tmp/$id"
    words+=("$fd")
    listed+=("\"$judged\"")
    wait_until 20 "$kind to $address" grep -qxF connected "$SCRATCH/$id.out"
  done < <(sockets)
  # Another connection of the first container, and one of a neighbour that
  # nobody enforces, with the peer of the first.
  mkfifo -m 0666 "$ROOTFS/tmp/"{spared,neighbour}
  spawn "$SCRATCH/spared.out" "$BAILIFF_BIN/bailiff-runc" --bailiff-config \
    "$SVC/bailiff.yaml" --root "$SCRATCH/runc" exec older-1 \
    sh -c "talker tcp 203.0.113.220 1391 </tmp/spared"
  exec 8<>"$ROOTFS/tmp/spared" 9<>"$ROOTFS/tmp/neighbour"
  wait_until 20 "the other one" grep -qxF connected "$SCRATCH/spared.out"
  bundle_make "$SCRATCH/bundle-neighbour" "$ROOTFS" neighbour \
    sh -c "talker tcp 203.0.113.200 1391 </tmp/neighbour"
  started plain_runc neighbour
  wait_until 20 "the neighbour" grep -qxF connected "$SCRATCH/neighbour.out"
  say_to_all before
  while read -r kind address judged who; do
    wait_until 20 "what $kind sends to $address" grep -qxF "$judged" "$CAUGHT"
  done < <(sockets)
  echo push >"$SCRATCH/push"
  number=0
  while read -r kind address judged who; do
    ((++number))
    [[ $kind == @(udp|bound) ]] ||
      wait_until 20 "what $address sends" heard "older-$number" 1
  done < <(sockets)

  list 198.51.100.77 "${listed[@]}"
  bailiff_api reload
  number=0
  while read -r kind address judged who; do
    id=older-$((++number))
    [[ $kind != tcp ]] || wait_until 20 "the end of $kind to $address" \
      grep -qxF "lost ECONNABORTED" "$SCRATCH/$id.out"
    [[ $kind != mptcp ]] || wait_until 20 "an alert of $address" told "$id"
  done < <(sockets)
  : >"$CAUGHT"
  forget_arrivals
  say_to_all after
  say_to_all again
  number=0
  while read -r kind address judged who; do
    id=older-$((++number))
    wait_until 20 "an alert of $kind to $address" told "$id"
    [[ $kind != @(udp|bound) ]] || wait_until 20 "the errno" \
      grep -qxF EPERM "$SCRATCH/$id.out"
  done < <(sockets)
  # Behind all that was told of the others.
  run contained_connect later 203.0.113.202
  says "Operation not permitted"
  event "$C2_RULE" '.bailiff.container.id == "later"'
  number=0
  while read -r kind address judged who; do
    told_once "older-$((++number))" || {
      told_of "older-$number"
      return 1
    }
  done < <(sockets)
  [[ ! -s $CAUGHT ]]

  number=0
  while read -r kind address judged who; do
    id=older-$((++number))
    echo "| $(name_of_kind "$kind" "$address") | $(name_of_maker "$who") |" \
      "$(saw "$id") | $(tells "$id" verdict) | $(tells "$id" hook) |" \
      "$(tells "$id" connections_cut) | $(arrived_for "$judged") |"
  done < <(sockets) >"$ROWS"

  # What the others have goes on, both ways; their peers are served last.
  echo on >&8
  echo on >&9
  wait_until 20 "the other one" grep -qxF 203.0.113.220 "$CAUGHT"
  wait_until 20 "the neighbour" grep -qxF 203.0.113.200 "$CAUGHT"
  echo push >"$SCRATCH/push"
  wait_until 20 "the other one" heard spared 2
  wait_until 20 "the neighbour" heard neighbour 2
  number=0
  while read -r kind address judged who; do
    id=older-$((++number))
    [[ $kind == @(udp|bound) ]] || heard "$id" 1
  done < <(sockets)

  # Their network stays, and keeps nothing that was to be sent.
  : >"$CAUGHT"
  number=0
  while read -r kind address judged who; do
    bailiff_runc delete --force "older-$((++number))"
    [[ $judged == 203.0.113.200 || -z $(sockets_to "$judged") ]]
  done < <(sockets)
  [[ $(sockets_to 203.0.113.200) == ESTAB*203.0.113.200:1391* ]]
  (($(sockets_to 203.0.113.200 | wc -l) == 1))
  [[ ! -s $CAUGHT ]]
  exec 8>&- 9>&-
  for fd in "${words[@]}"; do exec {fd}>&-; done
}

@test "OLDER.md says what was seen" {
  {
    cat <<END
# Connections and sockets that are older than the list

Written by \`make docs\` from what the suite \`bypass\` saw on Linux
$(uname -r | cut -d. -f1,2), in containers of runc that were connected, or had sent, to a
host before a list named it, and tried to send on. "Sees" is the first error;
what goes to an MPTCP connection without subflows is kept, and goes nowhere. "Cut"
are connections, as the alert tells. Packets are counted where the host is, from
when the list was there.

| socket | made by | sees | verdict | caught at | cut | packets that arrived |
|---|---|---|---|---|---|---|
END
    cat "$ROWS"
  } >"$SCRATCH/OLDER.md"
  [[ -z ${BAILIFF_UPDATE_DOCS:-} ]] ||
    cp "$SCRATCH/OLDER.md" "$BATS_TEST_DIRNAME/OLDER.md"
  diff -u "$BATS_TEST_DIRNAME/OLDER.md" "$SCRATCH/OLDER.md"
}

@test "a listed peer that connects by itself is not answered" {
  service_listing "$ATTACKER4"
  contained_detached server nc -ll -p 8080 -e cat
  listener_at inside 8080
  run ! asked_by "$ATTACKER4" "$SERVER4" 8080
  event "$C2_RULE" '.bailiff.hook == "egress" and .bailiff.verdict == "denied"
    and .bailiff.container.id == "server"'
  (($(attacker_packets) == 0))
}

@test "another peer that connects is answered" {
  service_listing "$ATTACKER4"
  contained_detached server nc -ll -p 8080 -e cat
  listener_at inside 8080
  run asked_by "$HARMLESS4" "$SERVER4" 8080
  says hello
}
