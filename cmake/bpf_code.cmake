# SPDX-License-Identifier: Apache-2.0
#
# Writes the bytes of one section of a BPF object as groups of 8 bytes,
# for a C++ array. -DOBJCOPY -DOBJECT -DSECTION -DOUTPUT
set(bytes "${OBJECT}.code")
execute_process(
  COMMAND "${OBJCOPY}" -O binary "--only-section=${SECTION}" "${OBJECT}"
    "${bytes}"
  COMMAND_ERROR_IS_FATAL ANY)
file(READ "${bytes}" hex HEX)
if(hex STREQUAL "")
  message(FATAL_ERROR "'${OBJECT}' has no section '${SECTION}'")
endif()
# An instruction is 8 bytes; the compiler of this machine made them, so they lie
# as this machine reads them.
string(REGEX REPLACE "(..)(..)(..)(..)(..)(..)(..)(..)"
  "{0x\\1, 0x\\2, 0x\\3, 0x\\4, 0x\\5, 0x\\6, 0x\\7, 0x\\8},\n" lines "${hex}")
file(WRITE "${OUTPUT}" "${lines}")
