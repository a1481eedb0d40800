# SPDX-License-Identifier: Apache-2.0
set(BAILIFF_TEST_DEPS bailiff_oci_inject bailiff_oci_sys)
