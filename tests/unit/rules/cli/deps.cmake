# SPDX-License-Identifier: Apache-2.0
set(BAILIFF_TEST_DEPS bailiff::cli11)
