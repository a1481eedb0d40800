# SPDX-License-Identifier: Apache-2.0
"""Who may include whom.

ALLOWED has a line for each folder: what it may include besides itself.
A name that ends in '/*' stands for all folders below. Only what is listed is
allowed, so a new folder fails until it has its line here.
"""

import re

import tree

BASE = {"rules/abi", "rules/base"}
# The phases of the compiler, in order: each may include those before it.
PHASES = ["rules/document", "rules/syntax", "rules/fields", "rules/types",
          "rules/resolve", "rules/policy", "rules/lower", "rules/emit"]

ALLOWED = {"rules/abi": set(), "rules/base": {"rules/abi"}}
for index, phase in enumerate(PHASES):
    ALLOWED[phase] = BASE | set(PHASES[:index])
ALLOWED |= {
    # The oracle of the compiler: it must not know what the compiler does.
    "rules/eval": BASE | {"rules/fields", "rules/types", "rules/policy"},
    "rules/load": BASE | set(PHASES[:PHASES.index("rules/lower")]),
    "rules/cli": {"rules/*"},
    "oci/sys": BASE,
    "oci/spec": BASE | {"oci/sys"},
    "oci/policy": {"rules/*", "oci/sys", "oci/spec"},
    "oci/inject": {"rules/*", "oci/sys", "oci/spec", "oci/policy"},
    "oci/install": {"rules/*", "oci/sys", "oci/spec", "oci/inject"},
    "oci/wrapper": {"rules/*", "oci/sys", "oci/spec", "oci/policy",
                    "oci/inject"},
    "hook/bpf": {"rules/abi"},
    "hook/kernel": {"rules/*", "oci/sys", "oci/spec", "hook/bpf"},
    "hook/attach": {"rules/*", "oci/sys", "oci/spec", "oci/policy", "hook/kernel",
                    "hook/bpf"},
    "hook": {"rules/*", "oci/*", "hook/*"},
    "sidecar": {"rules/*", "oci/*", "hook/*", "sidecar/*"},
}
# Each folder of the sidecar may use the layers below, and its neighbours.
EACH_BELOW = {"sidecar": {"rules/*", "oci/*", "hook/attach", "hook/kernel",
                          "sidecar/*"}}

# rules/ is a function: no system call, no clock, no stream, no libbpf.
PURE = "rules"
IMPURE_FOLDERS = {"rules/cli"}
IMPURE = re.compile(
    r"^(?:unistd\.h|fcntl\.h|poll\.h|signal\.h|spawn\.h|time\.h|ctime|chrono|"
    r"thread|mutex|atomic|future|filesystem|fstream|iostream|"
    r"random|sys/.*|bpf/.*|netdb\.h|pthread\.h|dirent\.h|spdlog/.*)$")

# Each third-party library is included by the folders named, and no others:
# what a library does to us is then seen in one place.
LIBRARIES = [
    (r"yaml-cpp/", {"rules/document"}),
    (r"xxhash\.h", {"rules/base"}),
    (r"re2/", {"rules/types"}),
    (r"CLI/", {"rules/cli", "sidecar/cli", "sidecar", "hook"}),
    (r"bpf/(?!bpf_)", {"hook/kernel"}),
    (r"bpf/bpf_", {"hook/bpf"}),
    (r"seccomp\.h", {"oci/inject"}),
    (r"sqlite3\.h", {"sidecar/store"}),
    (r"httplib\.h", {"sidecar/http"}),
    (r"curl/", {"sidecar/alert", "sidecar/feed"}),
    (r"openssl/", {"sidecar/alert", "sidecar/evidence"}),
    (r"archive", {"sidecar/evidence"}),
    (r"zstd\.h", {"sidecar/evidence"}),
    (r"spdlog/", {"oci/wrapper", "hook", "sidecar", "sidecar/service"}),
    # JSON is spoken at each border of the program.
    (r"nlohmann/", {"rules/cli", "oci/spec", "sidecar/alert",
                    "sidecar/evidence", "sidecar/http", "sidecar/cli",
                    "sidecar/injector"}),
]
LIBRARIES = [(re.compile(pattern), who) for pattern, who in LIBRARIES]

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def covers(patterns, folder):
    return any(
        pattern == folder
        or (pattern.endswith("/*")
            and (folder + "/").startswith(pattern[:-1]))
        for pattern in patterns)


def allowed_for(folder):
    if folder in ALLOWED:
        return ALLOWED[folder]
    return EACH_BELOW.get(folder.split("/")[0])


def check_ours(folder, target):
    allowed = allowed_for(folder)
    if allowed is None:
        return f"'{folder}' has no line in tests/check/layers.py"
    included = target.rsplit("/", 1)[0]
    if included == folder or covers(allowed, included):
        return None
    if target.split("/")[0] not in tree.TOPS:
        return f"'{target}' is not rooted at the repository"
    return f"'{folder}' may not include '{target}'"


def check_foreign(folder, target):
    for pattern, who in LIBRARIES:
        if pattern.match(target) and folder not in who:
            return f"<{target}> is included by {', '.join(sorted(who))} only"
    if (folder.split("/")[0] == PURE and folder not in IMPURE_FOLDERS
            and IMPURE.match(target)):
        return f"'{folder}' is pure and may not include <{target}>"
    return None


def check(options):
    for path in tree.code(options.root, tree.TOPS):
        folder = str(path.parent)
        text = tree.text(options.root, path)
        for found in INCLUDE.finditer(text):
            quote, target = found.groups()
            if quote == "<":
                complaint = check_foreign(folder, target)
            else:
                complaint = check_ours(folder, target)
            if complaint:
                number = text.count("\n", 0, found.start(1)) + 1
                yield f"{path}:{number}: {complaint}"


if __name__ == "__main__":
    tree.run(check, __doc__)
