# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Containers that have sockets made outside of them, in the same network; each
# reaches a listed address of its own.

# For setup_file: all but the service, which it configures.
foreign_open() {
  story_open
  install -D -m 0755 "$FOREIGNER" "$ROOTFS/bin/foreigner"
  mkdir "$ROOTFS/pass"
  in_netns outside ip route add local 203.0.113.128/25 dev lo
  spawn "$SCRATCH/caught" nsenter --net="$SCRATCH/netns/outside" -- \
    python3 "$BATS_TEST_DIRNAME/catcher.py" 4444
  listener_at outside 4444
  rules_of_targets 203.0.113.128/25
  service_configure foreign "$SCRATCH/rules/targets.rules.yaml" \
    "$SCRATCH/rules/targets.policies.yaml"
}

# first_of ID: the address of its first socket.
first_of() {
  case $1 in
    plain-inherited) echo 130 ;;
    plain-received) echo 140 ;;
    enforced-inherited) echo 150 ;;
    enforced-received) echo 160 ;;
    enforced-after) echo 170 ;;
    down) echo 180 ;;
  esac
}
# address_of ID NUMBER
address_of() { echo "203.0.113.$(($(first_of "$1") + $2))"; }

bundle_of() {
  local id=$1
  mkfifo -m 0666 "$ROOTFS/tmp/$id"
  mkdir -m 0755 "$SCRATCH/pass-$id"
  bundle_make "$SCRATCH/bundle-$id" "$ROOTFS" "$id" foreigner "/tmp/$id"
  jq --arg pass "$SCRATCH/pass-$id" '.mounts += [{destination: "/pass",
      type: "bind", source: $pass, options: ["bind"]}]' \
    "$SCRATCH/bundle-$id/config.json" >"$SCRATCH/bundle.json"
  mv "$SCRATCH/bundle.json" "$SCRATCH/bundle-$id/config.json"
}

# order ID WORDS...: waits until it is done; its answer is in ANSWER.
order() {
  local id=$1
  shift
  local before
  before=$(grep -c "^$*: " "$SCRATCH/$id.out" || true)
  echo "$*" >"$ROOTFS/tmp/$id"
  wait_until 10 "'$*' of $id" answered "$id" "$before" "$*"
  ANSWER=$(grep "^$*: " "$SCRATCH/$id.out" | tail -n 1)
  ANSWER=${ANSWER#*: }
}
answered() { (($(grep -c "^$3: " "$SCRATCH/$1.out") > $2)); }

# A bundle's process must not wait for what a test shell reads.
start() {
  local way=$1 runc=$2 id=$3
  case $way in
    inherited)
      # The sockets are of the container's network, and the runtime is not.
      # shellcheck disable=SC2016 # the shell in the middle expands
      in_netns inside python3 "$BATS_TEST_DIRNAME/giver.py" exec \
        "$(address_of "$id" 0)" nsenter --net="/proc/$$/ns/net" -- \
        bash -c 'source "$1/scratch.sh"
          source "$1/engine_runc.sh"
          shift && "$@"' bash "$HARNESS_DIR" "$runc" run --detach \
        --preserve-fds 6 --bundle "$SCRATCH/bundle-$id" "$id" \
        </dev/null >"$SCRATCH/$id.out" 2>&1 3>&-
      ;;
    received)
      spawn "$SCRATCH/$id.giver" nsenter --net="$SCRATCH/netns/inside" -- \
        python3 "$BATS_TEST_DIRNAME/giver.py" serve "$(address_of "$id" 0)" \
        "$SCRATCH/pass-$id/socket"
      wait_until 10 "a giver" test -S "$SCRATCH/pass-$id/socket"
      started "$runc" "$id"
      ;;
  esac
}

# denied ID NUMBER: waits until what goes over its socket is refused, or that
# is cut.
denied() {
  event "Target reached" ".bailiff.verdict == \"denied\" and
    (.bailiff.hook | IN(\"foreign\", \"frame\")) and
    .bailiff.container.id == \"$1\" and
    .output_fields[\"fd.sip\"] == \"$(address_of "$1" "$2")\""
}
