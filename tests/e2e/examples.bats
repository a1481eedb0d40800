#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Every configuration under examples/ is one that its engine takes.

load story

# podman leaves state in /run even when it is only asked what it is.
setup_file() { scratch_open; }
teardown_file() { scratch_close; }
setup() {
  EXAMPLES=$BATS_TEST_DIRNAME/../../examples
  cd "$EXAMPLES" || return 1
}

@test "every file is of a kind this story knows" {
  run find . -type f ! -name '*.md' ! -name '*.toml' ! -name '*.conf' \
    ! -name '*.json' ! -name '*.yaml' ! -name '*.yaml.in' ! -name '*.sh' \
    ! -name '*.py' ! -name 'bailiff-runc*'
  [[ -z $output ]]
}

@test "JSON parses" {
  while read -r file; do
    jq -e . "$file" >/dev/null
  done < <(find . -name '*.json')
}

@test "TOML parses" {
  mapfile -t files < <(find . -name '*.toml' -o -name '*.conf')
  python3 - "${files[@]}" <<'END'
import sys
import tomllib
for name in sys.argv[1:]:
    with open(name, "rb") as file:
        assert tomllib.load(file), name
END
}

@test "containerd takes its configuration" {
  containerd --config containerd/config.toml config dump \
    >"$BATS_TEST_TMPDIR/dump"
  python3 - "$BATS_TEST_TMPDIR/dump" <<'END'
import sys
import tomllib
with open(sys.argv[1], "rb") as file:
    cri = tomllib.load(file)["plugins"]["io.containerd.grpc.v1.cri"]
runtime = cri["containerd"]["runtimes"]["bailiff"]
assert runtime["runtime_type"] == "io.containerd.runc.v2"
assert runtime["options"]["BinaryName"].endswith("/bailiff-runc")
END
}

@test "podman takes its configuration, and knows the runtime" {
  # podman looks whether the program is there.
  cp "$(type -P true)" "$BATS_TEST_TMPDIR/bailiff-runc"
  sed -e "s|/usr/local/bin|$BATS_TEST_TMPDIR|" \
    -e "s|^\[engine\]|&\ntmp_dir = \"$BATS_TEST_TMPDIR/tmp\"|" \
    podman/containers.conf >"$BATS_TEST_TMPDIR/containers.conf"
  run env CONTAINERS_CONF="$BATS_TEST_TMPDIR/containers.conf" \
    podman --root "$BATS_TEST_TMPDIR/root" --runroot "$BATS_TEST_TMPDIR/run" \
    --cgroup-manager=cgroupfs info --format '{{.Host.OCIRuntime.Name}}'
  [[ $output == bailiff-runc ]]
}

@test "podman's hooks name stages that it has" {
  jq -es 'map(.stages[]) | sort == ["createRuntime", "poststop"]' \
    podman/hooks.d/*.json
  jq -es 'all(.version == "1.0.0" and (.hook.path | startswith("/"))
    and (.hook.env | length > 0) and .hook.timeout > 0
    and .when.always)' podman/hooks.d/*.json
}

@test "what is installed is where the examples look for it" {
  DESTDIR=$BATS_TEST_TMPDIR cmake --install "$BAILIFF_BIN/.." \
    --prefix /usr/local >/dev/null
  mapfile -t paths < <(grep -rhoE '/usr/local/[a-z/]+/bailiff-(runc|hook)' . |
    sort -u)
  ((${#paths[@]} == 2))
  for path in "${paths[@]}"; do
    [[ -x $BATS_TEST_TMPDIR$path ]]
  done
}

@test "the rules and policies of the examples load" {
  run "$BAILIFF_BIN/bailiff" check log4shell/log4j.rules.yaml \
    log4shell/site-indicators.rules.yaml log4shell/policies.yaml
  ((status == 0))
}

@test "the shipped rules are the use case's own" {
  shared=$BATS_TEST_DIRNAME/../../../shared/data/log4j.rules.yaml
  [[ -e $shared ]] || skip "'../shared/data' is not beside the repository"
  diff <(grep -v SPDX log4shell/log4j.rules.yaml) "$shared"
}
