# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# A dockerd of the run's own, on its usual socket in the scratch's /run, with a
# containerd of its own. It lives in the network namespace 'outside': its bridge
# reaches the attacker and the harmless host, whose addresses are there, and
# nothing else.

# docker_open ROOTFS
docker_open() {
  DOCKER_DIR=$SCRATCH/docker
  mkdir -p "$DOCKER_DIR"
  export DOCKER_DIR DOCKER_CONFIG=$DOCKER_DIR/client
  docker_configure '{}'
  spawn "$DOCKER_DIR/log" nsenter --net="$SCRATCH/netns/outside" -- \
    dockerd --config-file "$DOCKER_DIR/daemon.json"
  DOCKER_PID=$SPAWNED_PID
  export DOCKER_PID
  wait_until 60 dockerd docker version || {
    cat "$DOCKER_DIR/log" >&2
    return 1
  }
  tar -C "$1" -c . | docker import - registry.example/shop:1.4 >/dev/null
}

# docker_configure JSON: it, and what this machine asks for, as daemon.json.
docker_configure() {
  jq --argjson more "$1" --arg parent "/$RUN_NAME/docker" \
    --arg root "$DOCKER_DIR/root" -n '{
      "data-root": $root, bip: "172.31.66.1/24", "ip-forward": false,
      iptables: false, ip6tables: false, "userland-proxy": false,
      "exec-opts": ["native.cgroupdriver=cgroupfs"],
      "cgroup-parent": $parent
    } * $more' >"$DOCKER_DIR/daemon.json"
}

# docker_reload JSON: the running dockerd takes it.
docker_reload() {
  docker_configure "$1"
  kill -HUP "$DOCKER_PID"
}

# bounded_runtime PATH: a script that is runc, with no capability that this
# machine has not. `docker run --privileged` asks for all there are, and runc
# would refuse.
bounded_runtime() {
  local names
  names=$(setpriv --dump | sed -n 's/^Capability bounding set: //p')
  # shellcheck disable=SC2016 # the script and jq expand
  {
    printf '#!/usr/bin/env bash\nset -euo pipefail\nnames=%q\n' "${names^^}"
    cat <<'END'
before=
for argument; do
  file=
  case $before in
    --bundle) file=$argument/config.json ;;
    --process) file=$argument ;;
  esac
  if [[ $file ]]; then
    bounded=$(jq --arg names "$names" '
      ($names | split(",") | map("CAP_" + .)) as $here
      | (.process // . | .capabilities // {} | map_values(map(
          select(IN($here[]))))) as $bounded
      | if .process then .process.capabilities = $bounded
        else .capabilities = $bounded end' "$file")
    printf '%s\n' "$bounded" >"$file"
  fi
  before=$argument
done
exec runc "$@"
END
  } >"$1"
  chmod 0755 "$1"
}
