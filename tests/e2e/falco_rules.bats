#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Falco's own rules, all of them in one policy, and what a container has to do
# for each: triggers/*.tsv.

load story
# shellcheck source=tests/harness/falco_rules.sh
source "$E2E_DIR/../harness/falco_rules.sh"

setup_file() {
  [[ -d $FALCO_RULES ]] || skip "'../shared/data' is not there"
  story_open
  in_netns inside ip addr add 169.254.169.1/24 dev eth0
  in_netns inside ip addr add 10.9.9.2/24 dev eth0
  export LOWER=$SCRATCH/lower
  lower_make
  # Upper and lower layer, as images have: what is written is told from what
  # was there.
  mkdir "$SCRATCH"/{upper,work}
  mount -t tmpfs bailiff-scratch "$SCRATCH/upper"
  mkdir "$SCRATCH"/upper/{up,work}
  falco_policy
  resolver_listen "$SCRATCH/asked" \
    kubernetes.default.svc.cluster.local=203.0.113.210 \
    de.minexmr.com=203.0.113.211 fr.minexmr.com=203.0.113.212 \
    c2.example=203.0.113.213 other.example=198.51.100.10 \
    www.yahoo.com=198.51.100.11 google.com=203.0.113.10
  service "$SCRATCH/rules/all.yaml"
}
teardown_file() {
  [[ ! ${SCRATCH:-} ]] || {
    service_stop || true
    story_close
  }
}

# The root file system all triggers share.
lower_make() {
  local name
  cp -a "$ROOTFS" "$LOWER"
  mkdir -p "$LOWER"/{marks,host,srv,mnt,root/.ssh,home/u/.ssh,etc/cron.d} \
    "$LOWER"/{etc/apt/sources.list.d,var/lib/rpm,var/log,lib,usr/bin} \
    "$LOWER"/tools/{perl,parent}
  for name in etc/shadow etc/hostname root/.ssh/known_hosts home/u/.bashrc \
    srv/artifact srv/liblzma.so.5.6.0 srv/ash_history srv/history host/file; do
    echo x >"$LOWER/$name"
  done
  printf 'root:x:0:\n' >"$LOWER/etc/group"
  cp /usr/bin/perl "$LOWER/usr/bin/"
  while read -r name; do
    mkdir -p "$LOWER${name%/*}"
    cp --dereference "$name" "$LOWER$name"
  done < <(ldd /usr/bin/perl | grep -o '/[^ ]*')
  for name in "$E2E_DIR"/triggers/*.pl; do
    install -m 0755 "$name" "$LOWER/tools/$(basename "$name" .pl)"
  done
  echo 'int main(void) { return 0; }' |
    cc -static -x c - -o "$LOWER/tools/quiet"
  for name in $(grep -ho '/tools/[a-z0-9-]\+ ' \
    "$E2E_DIR"/triggers/*.tsv; grep -ho '/tools/[a-z0-9-]\+$' \
    "$E2E_DIR"/triggers/*.tsv; echo /tools/login); do
    [[ -e $LOWER$name ]] || ln -s quiet "$LOWER$name"
  done
  for name in $(grep -ho '/tools/perl/[a-z0-9-]\+' "$E2E_DIR"/triggers/*.tsv); do
    ln -sf /usr/bin/perl "$LOWER$name"
  done
  for name in $(grep -ho '/tools/parent/[a-z0-9]\+' \
    "$E2E_DIR"/triggers/*.tsv); do
    printf '#!/bin/sh\n"$@"\n:\n' >"$LOWER$name"
    chmod 0755 "$LOWER$name"
  done
  chmod 0777 "$LOWER/marks"
  cp "$E2E_DIR"/triggers/*.tsv "$LOWER/"
}

# Every rule there is, those that are off by default too, and what the rules
# leave to the site.
falco_policy() {
  falco_enabled >"$SCRATCH/rules/site.yaml"
  cat >>"$SCRATCH/rules/site.yaml" <<'END'
- list: namespace_scope_network_only_subnet
  items: [subnet-only]
  override: {items: append}
- list: allowed_image
  items: [registry.example/other]
  override: {items: append}
- list: authorized_server_port
  items: [53]
  override: {items: append}
- list: c2_server_fqdn_list
  items: [c2.example]
  override: {items: replace}
- list: allowed_outbound_destination_networks
  items: ['"203.0.113.0/24"', '"169.254.169.0/24"']
  override: {items: append}
- macro: allowed_containers
  condition: container.image.repository = registry.example/other
  override: {condition: replace}
- rule: Mark
  desc: where a trigger begins
  condition: evt.type = mkdir and evt.arg.path startswith /marks/
  priority: DEBUG
  output: "%evt.arg.path"
END
  cat >"$SCRATCH/rules/all.yaml" <<'END'
policies:
  - name: All
    rules: ["*"]
    mode: monitor
END
  RULES="[$(falco_files)$SCRATCH/rules/site.yaml]"
  export RULES
}

# trigger_all ID JQ-FILTER: runs triggers/ID.tsv in a container whose
# config.json is what the filter makes of the harness's.
trigger_all() {
  local id=$1 root=$SCRATCH/root-$1 bundle=$SCRATCH/bundle-$1
  mkdir -p "$root" "$SCRATCH/upper/up-$id" "$SCRATCH/upper/work-$id"
  mount -t overlay overlay "$root" -o \
    "lowerdir=$LOWER,upperdir=$SCRATCH/upper/up-$id,workdir=$SCRATCH/upper/work-$id"
  bundle_make "$bundle" "$root" "$id" /tools/run "/$id.tsv"
  jq ".root.readonly = false | $2" "$bundle/config.json" >"$bundle/new"
  mv "$bundle/new" "$bundle/config.json"
  bailiff_runc run --bundle "$bundle" "$id" </dev/null >"$SCRATCH/$id.out" 2>&1
  umount "$root"
}

# alerts_of ID: all alerts of the container, one a line.
alerts_of() {
  local after=0 page
  while page=$(api GET "/v1/events?limit=1000&after=$after") &&
    [[ $(jq '.events | length' <<<"$page") != 0 ]]; do
    jq -c --arg id "$1" '.events[] | select(.bailiff.container.id == $id)' \
      <<<"$page"
    after=$(jq .next <<<"$page")
  done
}

# fired_as_told ID RULES-AT-START
fired_as_told() {
  wait_until 20 "the last mark of $1" ended "$1"
  alerts_of "$1" >"$SCRATCH/$1.alerts"
  python3 "$E2E_DIR/triggers/check.py" "$E2E_DIR/triggers/$1.tsv" "$2" \
    <"$SCRATCH/$1.alerts"
}
ended() {
  service_event ".rule == \"Mark\" and .output_fields[\"evt.arg.path\"] ==
    \"/marks/end\" and .bailiff.container.id == \"$1\""
}

CAPABILITIES='["CAP_AUDIT_WRITE", "CAP_CHOWN", "CAP_DAC_OVERRIDE",
  "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_MKNOD", "CAP_NET_BIND_SERVICE",
  "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID"]'

# runc opens the pipe by which it is told to start by its number.
USER_STARTED="Modify Container Entrypoint"
STARTED="$USER_STARTED; Container Run as Root User"
UNPRIVILEGED="$STARTED; Launch Disallowed Container"
PRIVILEGED="$STARTED; Launch Privileged Container; Launch Excessively Capable \
Container; Launch Sensitive Mount Container"

@test "each rule that is placed has a trigger and a twin, or a reason why not" {
  local -a files
  mapfile -t files < <(tr -d '[],' <<<"$RULES" | tr ' ' '\n' | grep .)
  "$BAILIFF_BIN/bailiff" explain "${files[@]}" \
    --policy "$SCRATCH/rules/all.yaml" -o json >"$SCRATCH/placed"
  [[ $(jq length "$SCRATCH/placed") == 98 ]]
  python3 "$E2E_DIR/triggers/check.py" --placed \
    "$E2E_DIR/triggers/untriggered.tsv" \
    "$E2E_DIR/triggers/container.tsv" "$UNPRIVILEGED" \
    "$E2E_DIR/triggers/privileged.tsv" "$PRIVILEGED" \
    "$E2E_DIR/triggers/user.tsv" "$USER_STARTED" <"$SCRATCH/placed"
}

@test "each rule fires for its trigger and for no other" {
  trigger_all container "
    .process.capabilities |= map_values($CAPABILITIES)"
  fired_as_told container "$UNPRIVILEGED"
}

@test "each rule on privileged containers fires for its trigger" {
  trigger_all privileged '
    .process.capabilities |= map_values(["CAP_SYS_ADMIN", "CAP_SYS_MODULE",
      "CAP_DAC_OVERRIDE", "CAP_NET_RAW"])
    | .annotations["io.podman.annotations.privileged"] = "TRUE"
    | .annotations["io.kubernetes.cri.image-name"] =
        "registry.example/other:1"
    | .annotations["io.kubernetes.cri.sandbox-namespace"] = "subnet-only"
    | .mounts += [{type: "bind", source: "/etc", destination: "/host",
        options: ["bind", "ro"]}]'
  fired_as_told privileged "$PRIVILEGED"
}

@test "rules on how a container is started do not fire for one without" {
  trigger_all user '
    .process.user = {uid: 1000, gid: 1000}
    | .annotations["io.kubernetes.cri.image-name"] =
        "registry.example/other:1"'
  fired_as_told user "$USER_STARTED"
}
