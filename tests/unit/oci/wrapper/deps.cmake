# SPDX-License-Identifier: Apache-2.0
# The program itself, for the tests that run it.
if(NOT TARGET bailiff_test_runc)
  add_library(bailiff_test_runc INTERFACE)
  target_compile_definitions(bailiff_test_runc INTERFACE
    BAILIFF_RUNC="$<TARGET_FILE:bailiff-runc>")
  add_dependencies(bailiff_test_runc bailiff-runc)
endif()
set(BAILIFF_TEST_DEPS bailiff_test_runc)
