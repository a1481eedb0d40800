# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# A containerd of the run's own: root, state, socket. Its image is podman's, see
# engine_podman.sh.

containerd_open() {
  local dir=$SCRATCH/containerd
  mkdir -p "$dir"
  cat >"$dir/config.toml" <<END
version = 2
root = "$dir/root"
state = "$dir/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "$dir/containerd.sock"
[ttrpc]
  address = "$dir/containerd.sock.ttrpc"
END
  export CONTAINERD_ADDRESS=$dir/containerd.sock
  export CONTAINERD_NAMESPACE=$RUN_NAME
  spawn "$dir/log" containerd --config "$dir/config.toml"
  wait_until 30 containerd ctr version
}

# engines_open ROOTFS: podman, and a containerd that has podman's image.
engines_open() {
  podman_open "$1"
  image_archive "$SCRATCH/shop.tar"
  containerd_open
  ctr images import "$SCRATCH/shop.tar"
}

# Ends and removes every container.
ctr_remove_all() {
  local id
  for id in $(ctr tasks ls -q); do ctr tasks rm --force "$id"; done
  for id in $(ctr containers ls -q); do ctr containers rm "$id"; done
}

# ctr_run ID [flags of ctr run...] -- COMMAND...
ctr_run() {
  local id=$1 flags=()
  shift
  while [[ $1 != -- ]]; do
    flags+=("$1")
    shift
  done
  shift
  in_host_cgroup ctr run --cgroup "/$RUN_NAME/containerd/$id" \
    --runc-root "$SCRATCH/containerd/runc" "${flags[@]}" \
    registry.example/shop:1.4 "$id" "$@"
}
