# SPDX-License-Identifier: Apache-2.0
"""clang-tidy, with .clang-tidy's checks, over every header of the product.

All headers in one translation unit take ten seconds; `make tidy` reads the
sources too, which takes minutes.
"""

import subprocess
import tempfile

import tree

PRODUCT = ("hook", "oci", "rules", "sidecar")


def check(options):
    headers = [path for path in tree.code(options.root)
               if path.suffix == ".h" and path.parts[0] in PRODUCT
               # The kernel's names, for programs that run in it.
               and not path.name.endswith(".bpf.h")]
    with tempfile.NamedTemporaryFile("w", suffix=".cpp") as unit:
        unit.writelines(f'#include "{path}"\n' for path in headers)
        unit.flush()
        folders = "|".join(PRODUCT)
        ran = subprocess.run(
            ["clang-tidy-14", "--quiet",
             f"--config-file={tree.REPOSITORY}/.clang-tidy",
             f"--header-filter={options.root}/({folders})/.*", unit.name,
             "--", "-std=c++20", f"-I{options.root}", "-D_GNU_SOURCE",
             '-DBAILIFF_VERSION=""'],
            cwd=options.root, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        yield ran.stdout + ran.stderr


if __name__ == "__main__":
    tree.run(check, __doc__)
