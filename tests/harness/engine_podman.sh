# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# podman with storage, state, locks and hooks of its own, and one image made
# from the busybox root file system; no registry is asked.

# podman_open ROOTFS
podman_open() {
  PODMAN_DIR=$SCRATCH/podman
  mkdir -p "$PODMAN_DIR/hooks.d"
  # The machine may not allow raising limits, which podman does by default.
  cat >"$PODMAN_DIR/containers.conf" <<END
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
netns = "none"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
hooks_dir = ["$PODMAN_DIR/hooks.d"]
image_copy_tmp_dir = "$PODMAN_DIR/tmp"
lock_type = "file"
runtime = "runc"
static_dir = "$PODMAN_DIR/root/libpod"
tmp_dir = "$PODMAN_DIR/tmp"
volume_path = "$PODMAN_DIR/volumes"
[network]
network_config_dir = "$PODMAN_DIR/net"
END
  cat >"$PODMAN_DIR/storage.conf" <<END
[storage]
driver = "overlay"
graphroot = "$PODMAN_DIR/root"
runroot = "$PODMAN_DIR/run"
END
  export PODMAN_DIR CONTAINERS_CONF=$PODMAN_DIR/containers.conf
  export CONTAINERS_STORAGE_CONF=$PODMAN_DIR/storage.conf
  tar -C "$1" -c . | podman_cli import --quiet - registry.example/shop:1.4
}

podman_cli() { in_host_cgroup podman "$@"; }

# For teardown.
podman_remove_all() {
  podman_cli rm --all --force --time 0 >/dev/null || true
}

# podman_state NAME STATE: what podman believes.
podman_state() {
  [[ $(podman_cli inspect --format '{{.State.Status}}' "$1") == "$2" ]]
}

# podman_run [--runtime PATH] -- ARGS of podman run...
podman_run() {
  local global=()
  while [[ $1 != -- ]]; do
    global+=("$1")
    shift
  done
  shift
  podman_cli "${global[@]}" run --cgroup-parent "/$RUN_NAME/podman" "$@"
}

# image_archive FILE: the image for engines that import.
image_archive() {
  podman_cli save --quiet --format docker-archive -o "$1" \
    registry.example/shop:1.4
}
