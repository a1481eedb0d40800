# SPDX-License-Identifier: Apache-2.0
# What runtimes make filters with.
set(BAILIFF_TEST_DEPS bailiff::seccomp)
