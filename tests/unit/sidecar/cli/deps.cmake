# SPDX-License-Identifier: Apache-2.0
set(BAILIFF_TEST_DEPS bailiff_sidecar_http bailiff::cli11 bailiff::json)
