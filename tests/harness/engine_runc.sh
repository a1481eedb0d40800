# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Containers without an engine: a busybox root file system, a bundle, and runc
# or RUNTIME. BUNDLE_MORE: jq that changes each config.json further.

# rootfs_make DIR: busybox (Debian's static one) under every name it answers to.
rootfs_make() {
  local dir=$1
  mkdir -p "$dir"/{bin,dev,etc,proc,sys,tmp}
  cp "$(command -v busybox)" "$dir/bin/busybox"
  chroot "$dir" /bin/busybox --install -s /bin
  printf 'root:x:0:0:root:/:/bin/sh\n' >"$dir/etc/passwd"
}

# bundle_make DIR ROOTFS ID COMMAND...
# A bundle for container ID in the namespace 'inside' when there is one, in its
# own otherwise. It carries the annotations containerd's CRI plugin writes, so
# that the container has an image, a name and a pod.
bundle_make() {
  local dir=$1 rootfs=$2 id=$3 net=
  shift 3
  mkdir -p "$dir"
  [[ ! -e $SCRATCH/netns/inside ]] || net=$SCRATCH/netns/inside
  rm -f "$dir/config.json"
  runc spec --bundle "$dir"
  jq --arg rootfs "$rootfs" --arg cgroup "/$RUN_NAME/$id" --arg net "$net" '
    .root = {path: $rootfs, readonly: true}
    | .process.terminal = false
    | .process.args = $ARGS.positional
    | .linux.cgroupsPath = $cgroup
    | .linux.namespaces |= map(
        if .type == "network" and $net != "" then . + {path: $net} else . end)
    | .annotations = {
        "io.kubernetes.cri.container-type": "container",
        "io.kubernetes.cri.container-name": "shop",
        "io.kubernetes.cri.image-name": "registry.example/shop:1.4",
        "io.kubernetes.cri.sandbox-id": "pod-shop",
        "io.kubernetes.cri.sandbox-name": "shop-0",
        "io.kubernetes.cri.sandbox-namespace": "web"
      }
    | '"${BUNDLE_MORE:-.}" --args -- "$@" <"$dir/config.json" >"$dir/config.json.new"
  mv "$dir/config.json.new" "$dir/config.json"
}

# The wrapper as an engine that cannot pass flags gets it: PATH of a script.
# runtime_script PATH CONFIG
runtime_script() {
  cat >"$1" <<END
#!/bin/sh
exec $(printf %q "$BAILIFF_BIN/bailiff-runc") --bailiff-config $(printf %q "$2") "\$@"
END
  chmod 0755 "$1"
}

# bailiff_runc ARGS...: the wrapper with this service's configuration; every
# container of the run has its state in one place.
bailiff_runc() {
  "$BAILIFF_BIN/bailiff-runc" --bailiff-config "$SVC/bailiff.yaml" \
    --root "$SCRATCH/runc" "$@"
}

plain_runc() { "${RUNTIME:-runc}" --root "$SCRATCH/runc" "$@"; }
