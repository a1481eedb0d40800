# SPDX-License-Identifier: Apache-2.0
"""Words that do not belong in the tree, and names that say nothing."""

import re

import tree

# What is looked for in every text file.
ANYWHERE = [
    (re.compile(r"(?<![\w.$}/-])/(?:work|root|home)/[\w.-]"),
     "a path of somebody's machine"),
    (re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b(?!\(#\d+\))"),
     "unfinished work without the number of its issue: TODO(#12)"),
    (re.compile(r"^(?:<{7}|>{7}) "), "a merge conflict"),
]
# In code outside the tests.
IN_PROGRAMS = [
    (re.compile(r"\.\./shared\b"), "a folder only tests may look for"),
]
# Where such a word is the subject.
EXEMPT = {"tests/check/words.py", "LICENSE", "CONTRIBUTING.md",
          "tests/e2e/triggers/container.tsv"}

EMPTY_NAME = r"(?:Utils?|Manager|Helpers?|Data|Info)"
DECLARATION = re.compile(
    r"^\s*(?:class|struct|enum class|using)\s+(?:\[\[\w+\]\]\s*)?"
    rf"(\w*{EMPTY_NAME})\b(?!\s*\w+\s*[=;(])")
FILE_NAME = re.compile(r"(?:^|_)(?:utils?|manager|helpers?|data|info)\.")


def check(options):
    for path in tree.files(options.root):
        if str(path) in EXEMPT:
            continue
        text = tree.text(options.root, path)
        if text is None:
            continue
        is_code = path.suffix in tree.CODE
        words = list(ANYWHERE)
        if path.parts[0] in tree.TOPS:
            words += IN_PROGRAMS
        if is_code and FILE_NAME.search(path.name):
            yield f"{path}:1: a file name that says nothing"
        for number, line in enumerate(text.splitlines(), start=1):
            for pattern, what in words:
                if pattern.search(line):
                    yield f"{path}:{number}: {what}: {line.strip()[:80]}"
            if is_code and (found := DECLARATION.search(line)):
                yield (f"{path}:{number}: '{found[1]}' is a name that says "
                       "nothing")


if __name__ == "__main__":
    tree.run(check, __doc__)
