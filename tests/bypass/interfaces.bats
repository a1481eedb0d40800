#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Interfaces that a container's network gets after createRuntime: what is written
# by hand onto those is judged as well. Docker, from 28.0 on, makes all of them
# between create and start.

load ../e2e/story
load targets
load ../e2e/docker

setup_file() {
  story_open
  install -D -m 0755 "$PROBER" "$ROOTFS/bin/prober"
  in_netns outside ip route add local 203.0.113.128/25 dev lo
  in_netns outside ip -6 route add local 2001:db8:66:1::/64 dev lo
  count_arrivals late 'iifname != "lo"'
  rules_of_targets 203.0.113.128/25 2001:db8:66:1::/64
  export RULES="[$SCRATCH/rules/targets.rules.yaml]"
  export TARGETS=$SCRATCH/rules/targets.policies.yaml
  docker_story_open
}
teardown_file() { story_close; }
teardown() {
  local device
  # What there is of them: they may be going with their network just now.
  for device in late0 late1 late2; do
    in_netns outside ip link del "$device" 2>/dev/null || true
  done
  docker_story_quiet
}

# bundle_in NETWORK ID COMMAND...: a container in a network of its own.
bundle_in() {
  local network=$1 netns=$SCRATCH/netns/$1 id=$2
  shift
  [[ -e $netns ]] || netns_make "$network"
  bundle_make "$SCRATCH/bundle-$id" "$ROOTFS" "$@"
  jq --arg net "$netns" '
    (.process.capabilities | .[]) |= (. + ["CAP_NET_RAW"] | unique)
    | .linux.namespaces |= map(
        if .type == "network" then . + {path: $net} else . end)' \
    "$SCRATCH/bundle-$id/config.json" >"$SCRATCH/bundle.json"
  mv "$SCRATCH/bundle.json" "$SCRATCH/bundle-$id/config.json"
}

# created RUNC ID
created() {
  "$1" create --bundle "$SCRATCH/bundle-$2" "$2" \
    </dev/null >"$SCRATCH/$2.out" 2>&1 3>&-
}

# comes NETWORK DEVICE: the network gets an interface that leads outside.
comes() {
  in_netns outside ip link add "$2" type veth \
    peer name "$2" netns "$SCRATCH/netns/$1"
  in_netns outside ip link set "$2" up
  in_netns "$1" ip link set "$2" up
}

# sends DEVICE: what writes frames by hand.
sends() { echo prober "$HARMLESS4" "$1" packet_socket packet_socket6 packet_vlan; }

# arrived: how many listed addresses something arrived for, since the last time.
# (grep fails when it counts none.)
arrived() {
  arrivals late | grep -cE '^(203\.0\.113\.|2001:db8:66:1:)' || true
  in_netns outside nft flush set inet late hosts4
  in_netns outside nft flush set inet late hosts6
}

# is_refused_all FILE: by each technique, and nothing arrived.
is_refused_all() {
  (($(grep -c . "$1") == 3))
  (($(cut -f4 "$1" | grep -cvx ENOBUFS) == 0)) || {
    cat "$1"
    return 1
  }
  (($(arrived) == 0))
}

# ended ID
ended() { runtime_state "$1" stopped; }

# pins_of ID: of its links at interfaces.
pins_of() {
  find "$SCRATCH/bpffs/${SVC##*/}/links/$1" -name 'frame-*' | sort
}
# is_judged ID NETWORK DEVICE: a program of it is there.
is_judged() {
  local index
  index=$(in_netns "$2" ip -j link show "$3" | jq '.[].ifindex')
  pins_of "$1" | grep -F "/frame-$index-"
}
# waits for it
becomes_judged() { wait_until 10 "a program at $3" is_judged "$@"; }

@test "without Bailiff they lead outside" {
  local -a command
  read -ra command <<<"$(sends late0)"
  service_prepare "$TARGETS"
  bundle_in plain plain "${command[@]}"
  created plain_runc plain
  comes plain late0
  plain_runc start plain
  wait_until 10 "its end" ended plain
  (($(arrived) >= 3))
}

@test "one that comes between create and start is judged from the first frame" {
  local -a command
  read -ra command <<<"$(sends late0)"
  # Nobody is there but the hook.
  service "$TARGETS"
  service_stop
  bundle_in early early "${command[@]}"
  created bailiff_runc early
  comes early late0
  [[ -z $(pins_of early) ]]
  bailiff_runc start early
  wait_until 10 "its end" ended early
  is_refused_all "$SCRATCH/early.out"
  is_judged early early late0
  service_start
  event "Target reached" '.bailiff.container.id == "early"
    and .bailiff.hook == "frame" and .bailiff.verdict == "denied"'
}

@test "one that comes while the container runs is judged" {
  local -a command
  read -ra command <<<"$(sends late0)"
  service "$TARGETS"
  bundle_in running running sleep 300
  started bailiff_runc running
  local programs
  programs=$(programs_of running)
  comes running late0
  becomes_judged running running late0
  # For the frames, and the one that guards sockets.
  wait_until 10 "its record" has_programs running $((programs + 2))
  plain_runc exec running "${command[@]}" >"$SCRATCH/running.tsv"
  is_refused_all "$SCRATCH/running.tsv"
  event "Target reached" '.bailiff.container.id == "running"'
  # And further ones, and again, while others go.
  comes running late1
  becomes_judged running running late1
  in_netns outside ip link del late0
  comes running late2
  becomes_judged running running late2
  # The pin of the one that went is gone, too.
  (($(pins_of running | wc -l) == 2))
  read -ra command <<<"$(sends late2)"
  plain_runc exec running "${command[@]}" >"$SCRATCH/running.tsv"
  is_refused_all "$SCRATCH/running.tsv"
}

# programs_of ID: how many its record has.
programs_of() { jq '.programs | length' "$SVC/run/containers/$1.json"; }
has_programs() { (($(programs_of "$1") == $2)); }

@test "one that came while bailiffd was down is judged when it is back" {
  local -a command
  read -ra command <<<"$(sends late0)"
  service "$TARGETS"
  bundle_in down down sleep 300
  started bailiff_runc down
  service_stop
  comes down late0
  service_start
  becomes_judged down down late0
  plain_runc exec down "${command[@]}" >"$SCRATCH/down.tsv"
  is_refused_all "$SCRATCH/down.tsv"
}

@test "in a pod it is judged for each container, and let go of with the last" {
  service "$TARGETS"
  local id
  for id in one two; do
    bundle_in pod "$id" sleep 300
    started bailiff_runc "$id" || { cat "$SCRATCH/$id.out"; false; }
  done
  comes pod late0
  for id in one two; do becomes_judged "$id" pod late0; done
  bailiff_runc delete --force one
  local -a command
  read -ra command <<<"$(sends late0)"
  plain_runc exec two "${command[@]}" >"$SCRATCH/two.tsv"
  is_refused_all "$SCRATCH/two.tsv"
  # A service that hears of a network must not keep it.
  bailiff_runc delete --force two
  umount "$SCRATCH/netns/pod"
  wait_until 10 "the end of the network" is_gone late0
}
is_gone() { ! in_netns outside ip link show "$1" 2>/dev/null; }

@test "of a network that Docker connects a running container to" {
  service "$TARGETS"
  protects
  shop --detach -- sleep 300
  docker network create --subnet 172.31.67.0/24 later
  docker network connect later shop
  local id
  id=$(docker inspect --format '{{.Id}}' shop)
  wait_until 10 "two programs" has_pins "$id" 2
  local -a command
  read -ra command <<<"$(sends eth1)"
  docker exec shop "${command[@]}" >"$SCRATCH/shop.tsv"
  is_refused_all "$SCRATCH/shop.tsv"
  event "Target reached" ".bailiff.container.name == \"shop\"
    and .bailiff.hook == \"frame\""
  docker network disconnect later shop
  docker network rm later
}
has_pins() { (($(pins_of "$1" | wc -l) == $2)); }

# in_host COMMAND...: the host's network is one that is made for this.
in_host() { in_netns host "$@"; }
# host_comes DEVICE ADDRESS: it gets an interface with an address.
host_comes() {
  comes host "$1"
  in_host ip addr add "$2/24" dev "$1"
}

@test "on the host's network what the container sends is judged, and nothing else" {
  local -a command runc=("$BAILIFF_BIN/bailiff-runc" --root "$SCRATCH/runc")
  read -ra command <<<"$(sends late0)"
  service "$TARGETS"
  netns_make host
  host_comes late0 198.51.100.50
  bundle_in host on-host sleep 300
  jq 'del(.linux.namespaces[] | select(.type == "network"))' \
    "$SCRATCH/bundle-on-host/config.json" >"$SCRATCH/bundle.json"
  mv "$SCRATCH/bundle.json" "$SCRATCH/bundle-on-host/config.json"
  in_host "${runc[@]}" --bailiff-config "$SVC/bailiff.yaml" run --detach \
    --bundle "$SCRATCH/bundle-on-host" on-host \
    </dev/null >"$SCRATCH/on-host.out" 2>&1 3>&-
  is_judged on-host host late0
  in_host "$PROBER" "${command[@]:1}"
  (($(arrived) == 3))
  in_host "${runc[@]}" exec on-host "${command[@]}" >"$SCRATCH/on-host.tsv"
  is_refused_all "$SCRATCH/on-host.tsv"
  event "Target reached" '.bailiff.container.id == "on-host"
    and .bailiff.hook == "frame" and .bailiff.verdict == "denied"'
  # And by an interface that comes later.
  host_comes late1 198.51.101.50
  becomes_judged on-host host late1
  read -ra command <<<"$(sends late1)"
  in_host "${runc[@]}" exec on-host "${command[@]}" >"$SCRATCH/on-host.tsv"
  is_refused_all "$SCRATCH/on-host.tsv"
  # After a reload with other rules, too.
  sed -i 's/Target reached/Host reached/' "$SCRATCH/rules/targets.rules.yaml"
  sed 's/Target reached/Host reached/' "$TARGETS" >"$SCRATCH/rules/host.yaml"
  sed -i "s|$TARGETS|$SCRATCH/rules/host.yaml|" "$SVC/bailiff.yaml"
  bailiff_api reload
  in_host "${runc[@]}" exec on-host "${command[@]}" >"$SCRATCH/on-host.tsv"
  is_refused_all "$SCRATCH/on-host.tsv"
  event "Host reached" '.bailiff.container.id == "on-host"'
  in_host "$PROBER" "${command[@]:1}"
  (($(arrived) == 3))
}
