# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Falco's own rules, all of them.

FALCO_RULES=$(realpath --canonicalize-missing \
  "$REPO_DIR/../shared/data/falco-rules")

# falco_files: their files in the order they are to be loaded, with a comma
# behind each.
falco_files() {
  printf "$FALCO_RULES/%s.yaml, " falco_rules falco-incubating_rules \
    falco-sandbox_rules falco-deprecated_rules
}

# falco_enabled: overrides by which those that are off by default are on.
falco_enabled() {
  python3 - "$FALCO_RULES" <<'END_OF_PYTHON'
import glob, re, sys
for path in sorted(glob.glob(sys.argv[1] + "/*.yaml")):
    name = None
    for line in open(path, encoding="utf-8"):
        found = re.match(r"- rule: (.*)", line)
        if found:
            name = found.group(1)
        elif re.match(r"  enabled: false", line) and name:
            print(f"- rule: {name}\n  override: {{enabled: replace}}\n"
                  "  enabled: true")
            name = None
END_OF_PYTHON
}
