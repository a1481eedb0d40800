# SPDX-License-Identifier: Apache-2.0
#
# How every part of the tree is declared:
#
#   bailiff_library(NAME SOURCES a.cpp… [DEPS bailiff_x…] [PUBLIC_LIBS lib…]
#                   [PRIVATE_LIBS lib…])
#       A static library, or an interface one when it has no sources. DEPS are
#       ours; *_LIBS are other people's, by the target names further down. A
#       folder includes a third-party header only in its .cpp files wherever
#       that can be, and then says PRIVATE_LIBS.
#
#   bailiff_binary(NAME SOURCES main.cpp… [DEPS …] [PRIVATE_LIBS …]
#                  [DESTINATION folder] [STATIC])
#       A program, built to BUILD/bin and installed to bin/ or DESTINATION.
#       STATIC: needs no shared library, and so starts in a fraction of the
#       time; not with sanitizers, which are shared libraries themselves.
#
#   bailiff_bpf_object(NAME file.bpf.c [DEPENDS header…])
#       BUILD/generated/<folder>/NAME.skel.h, made by clang and bpftool, for
#       whoever has bailiff_bpf_NAME among its DEPS; included as
#       "<folder>/NAME.skel.h". BUILD/bpf/NAME.bpf.o is the object itself.
#
#   bailiff_bpf_code(NAME file.bpf.c)
#       BUILD/generated/<folder>/NAME.inc: the instructions of the function NAME,
#       alone in its section 'code/NAME', 8 bytes each. It must refer to
#       nothing outside: there is nobody to link it. For whoever has
#       bailiff_bpf_NAME among its DEPS.
#
#   bailiff_subdirectories()
#       Adds each folder below this one that has a CMakeLists.txt.

include_guard(GLOBAL)
include(GNUInstallDirs)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

option(BAILIFF_WERROR "Warnings of our own code are errors" ON)
set(BAILIFF_SANITIZE "" CACHE STRING
  "Sanitizers for all of our code, as -fsanitize= takes them")
option(BAILIFF_HARDEN "Full RELRO, stack protector, _FORTIFY_SOURCE" OFF)

find_program(BAILIFF_CCACHE ccache)
if(BAILIFF_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # One cache for every build folder and every clone.
  set(bailiff_launcher "${CMAKE_COMMAND}" -E env
    "CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}" CCACHE_NOHASHDIR=1
    "${BAILIFF_CCACHE}")
  set(CMAKE_C_COMPILER_LAUNCHER ${bailiff_launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${bailiff_launcher})
endif()

# Third-party libraries, one target each, always with these names.
find_package(PkgConfig REQUIRED)
function(bailiff_pkg target module)
  string(MAKE_C_IDENTIFIER "${target}" prefix)
  pkg_check_modules(${prefix} REQUIRED QUIET IMPORTED_TARGET GLOBAL ${module})
  add_library(bailiff::${target} ALIAS PkgConfig::${prefix})
endfunction()
bailiff_pkg(archive libarchive)
bailiff_pkg(crypto libcrypto)
bailiff_pkg(curl libcurl)
bailiff_pkg(httplib cpp-httplib)
bailiff_pkg(seccomp libseccomp)
bailiff_pkg(spdlog spdlog)
bailiff_pkg(sqlite sqlite3)
bailiff_pkg(ssl openssl)
bailiff_pkg(zstd libzstd)
# By their archives, for the programs a runtime starts for each container: to
# load and relocate shared libraries took half of the hook's time.
function(bailiff_archives target)
  add_library(bailiff_archives_${target} INTERFACE)
  foreach(name IN LISTS ARGN)
    find_library(BAILIFF_ARCHIVE_${name} NAMES lib${name}.a REQUIRED)
    target_link_libraries(bailiff_archives_${target} INTERFACE
      "${BAILIFF_ARCHIVE_${name}}")
  endforeach()
  add_library(bailiff::${target} ALIAS bailiff_archives_${target})
endfunction()
bailiff_archives(bpf bpf elf z)
bailiff_archives(re2 re2)
bailiff_archives(xxhash xxhash)
bailiff_archives(yaml yaml-cpp)
find_package(CLI11 REQUIRED)
add_library(bailiff::cli11 ALIAS CLI11::CLI11)
find_package(nlohmann_json REQUIRED)
add_library(bailiff::json ALIAS nlohmann_json::nlohmann_json)
find_package(Threads REQUIRED)

add_library(bailiff_options INTERFACE)
target_include_directories(bailiff_options INTERFACE
  "${PROJECT_SOURCE_DIR}" "${PROJECT_BINARY_DIR}/generated")
target_compile_definitions(bailiff_options INTERFACE
  BAILIFF_VERSION="${PROJECT_VERSION}" _GNU_SOURCE)
target_link_libraries(bailiff_options INTERFACE Threads::Threads)
set(bailiff_cxx_warnings -Wnon-virtual-dtor -Woverloaded-virtual
  -Wold-style-cast -Wextra-semi)
target_compile_options(bailiff_options INTERFACE
  -Wall -Wextra -Wshadow -Wswitch -Wimplicit-fallthrough -Wformat=2
  -Wcast-qual -Wpointer-arith -Wundef -Wvla
  "$<$<COMPILE_LANGUAGE:CXX>:${bailiff_cxx_warnings}>"
  # Designated initialisers name what differs from the default.
  -Wno-missing-field-initializers
  $<$<BOOL:${BAILIFF_WERROR}>:-Werror>
  # Equal paths in debug information and __FILE__ wherever the tree lies.
  "-ffile-prefix-map=${PROJECT_SOURCE_DIR}/=")
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # No `default:` in a switch over an enumeration.
  target_compile_options(bailiff_options INTERFACE -Wcovered-switch-default)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports moved-from std::string and std::variant storage as
  # uninitialised or overrun once inlined: false positives of that release.
  target_compile_options(bailiff_options INTERFACE
    -Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow)
endif()

if(BAILIFF_SANITIZE)
  target_compile_options(bailiff_options INTERFACE
    -fsanitize=${BAILIFF_SANITIZE} -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  target_link_options(bailiff_options INTERFACE
    -fsanitize=${BAILIFF_SANITIZE})
endif()

if(BAILIFF_HARDEN)
  target_compile_options(bailiff_options INTERFACE
    -fstack-protector-strong -fstack-clash-protection
    $<$<STREQUAL:${CMAKE_SYSTEM_PROCESSOR},x86_64>:-fcf-protection>
    -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -D_GLIBCXX_ASSERTIONS)
  target_link_options(bailiff_options INTERFACE
    -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
endif()
# Executables are position independent where the linker can do it.
include(CheckPIESupported)
check_pie_supported(LANGUAGES C CXX)

# `programs`: all that is installed. `generated`: all that must exist before a
# tool can read a source file without building it.
add_custom_target(programs)
add_custom_target(generated)

function(bailiff_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" ""
    "SOURCES;DEPS;PUBLIC_LIBS;PRIVATE_LIBS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR
      "bailiff_library(${name}): unknown '${arg_UNPARSED_ARGUMENTS}'")
  endif()
  set(compiled ${arg_SOURCES})
  list(FILTER compiled INCLUDE REGEX "\\.(cpp|c)$")
  if(compiled)
    add_library(${name} STATIC ${arg_SOURCES})
    target_link_libraries(${name}
      PUBLIC bailiff_options ${arg_DEPS} ${arg_PUBLIC_LIBS}
      PRIVATE ${arg_PRIVATE_LIBS})
  else()
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE
      bailiff_options ${arg_DEPS} ${arg_PUBLIC_LIBS} ${arg_PRIVATE_LIBS})
  endif()
  bailiff_remember_deps(${name} ${arg_DEPS})
endfunction()

function(bailiff_binary name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "STATIC" "DESTINATION"
    "SOURCES;DEPS;PRIVATE_LIBS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR
      "bailiff_binary(${name}): unknown '${arg_UNPARSED_ARGUMENTS}'")
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE
    bailiff_options ${arg_DEPS} ${arg_PRIVATE_LIBS})
  if(arg_STATIC AND NOT BAILIFF_SANITIZE)
    # The property would add -pie, which takes -static-pie back.
    set_property(TARGET ${name} PROPERTY POSITION_INDEPENDENT_CODE)
    target_compile_options(${name} PRIVATE -fPIE)
    target_link_options(${name} PRIVATE -static-pie)
  endif()
  if(NOT arg_DESTINATION)
    set(arg_DESTINATION ${CMAKE_INSTALL_BINDIR})
  endif()
  install(TARGETS ${name} RUNTIME DESTINATION ${arg_DESTINATION})
  add_dependencies(programs ${name})
  bailiff_remember_deps(${name} ${arg_DEPS})
endfunction()

function(bailiff_bpf_object name source)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "DEPENDS")
  find_program(BAILIFF_BPF_CLANG NAMES clang-14 clang REQUIRED)
  find_program(BAILIFF_LLVM_STRIP NAMES llvm-strip-14 llvm-strip REQUIRED)
  # Debian puts bpftool in /usr/sbin, which not everyone's PATH has.
  find_program(BAILIFF_BPFTOOL bpftool PATHS /usr/sbin /sbin REQUIRED)
  cmake_path(RELATIVE_PATH CMAKE_CURRENT_SOURCE_DIR
    BASE_DIRECTORY "${PROJECT_SOURCE_DIR}" OUTPUT_VARIABLE folder)
  set(object "${PROJECT_BINARY_DIR}/bpf/${name}.bpf.o")
  set(skeleton "${PROJECT_BINARY_DIR}/generated/${folder}/${name}.skel.h")
  set(depends ${arg_DEPENDS})
  list(TRANSFORM depends PREPEND "${PROJECT_SOURCE_DIR}/"
    REGEX "^[^/]")
  set(arch_x86_64 x86)
  set(arch_aarch64 arm64)
  file(MAKE_DIRECTORY "${PROJECT_BINARY_DIR}/bpf"
    "${PROJECT_BINARY_DIR}/generated/${folder}")
  # -g gives BTF, which CO-RE needs; the DWARF beside it is stripped again.
  add_custom_command(
    OUTPUT "${object}"
    COMMAND "${BAILIFF_BPF_CLANG}" -target bpf -mcpu=v3 -O2 -g -std=gnu11
      -Wall -Wextra -Wshadow -Werror -Wno-unused-parameter
      -D__TARGET_ARCH_${arch_${CMAKE_SYSTEM_PROCESSOR}}
      "-I${PROJECT_SOURCE_DIR}"
      -idirafter "/usr/include/${CMAKE_LIBRARY_ARCHITECTURE}"
      "-ffile-prefix-map=${PROJECT_SOURCE_DIR}/="
      -MD -MF "${object}.d" -MT "${object}"
      -c "${CMAKE_CURRENT_SOURCE_DIR}/${source}" -o "${object}"
    COMMAND "${BAILIFF_LLVM_STRIP}" -g "${object}"
    DEPENDS "${source}" ${depends}
    DEPFILE "${object}.d"
    COMMENT "Building BPF object ${folder}/${source}"
    VERBATIM)
  add_custom_command(
    OUTPUT "${skeleton}"
    COMMAND "${BAILIFF_BPFTOOL}" gen skeleton "${object}" name ${name}
      > "${skeleton}"
    DEPENDS "${object}"
    COMMENT "Generating ${folder}/${name}.skel.h"
    VERBATIM)
  add_custom_target(bpf_${name} DEPENDS "${skeleton}")
  add_dependencies(generated bpf_${name})
  add_library(bailiff_bpf_${name} INTERFACE)
  target_link_libraries(bailiff_bpf_${name} INTERFACE
    bailiff_options bailiff::bpf)
  # The skeleton is bpftool's code: its casts are not ours to warn about.
  target_include_directories(bailiff_bpf_${name} SYSTEM INTERFACE
    "${PROJECT_BINARY_DIR}/generated")
  add_dependencies(bailiff_bpf_${name} bpf_${name})
endfunction()

function(bailiff_bpf_code name source)
  find_program(BAILIFF_BPF_CLANG NAMES clang-14 clang REQUIRED)
  find_program(BAILIFF_LLVM_OBJCOPY NAMES llvm-objcopy-14 llvm-objcopy REQUIRED)
  cmake_path(RELATIVE_PATH CMAKE_CURRENT_SOURCE_DIR
    BASE_DIRECTORY "${PROJECT_SOURCE_DIR}" OUTPUT_VARIABLE folder)
  set(object "${PROJECT_BINARY_DIR}/bpf/${name}.bpf.o")
  set(include "${PROJECT_BINARY_DIR}/generated/${folder}/${name}.inc")
  file(MAKE_DIRECTORY "${PROJECT_BINARY_DIR}/bpf"
    "${PROJECT_BINARY_DIR}/generated/${folder}")
  # -mcpu=v2: what Linux 5.3 and our disassembler know.
  add_custom_command(
    OUTPUT "${include}"
    COMMAND "${BAILIFF_BPF_CLANG}" -target bpf -mcpu=v2 -O2 -std=gnu11
      -Wall -Wextra -Wshadow -Werror
      "-I${PROJECT_SOURCE_DIR}"
      -idirafter "/usr/include/${CMAKE_LIBRARY_ARCHITECTURE}"
      -MD -MF "${object}.d" -MT "${include}"
      -c "${CMAKE_CURRENT_SOURCE_DIR}/${source}" -o "${object}"
    COMMAND "${CMAKE_COMMAND}" "-DOBJCOPY=${BAILIFF_LLVM_OBJCOPY}"
      "-DOBJECT=${object}" "-DSECTION=code/${name}" "-DOUTPUT=${include}"
      -P "${PROJECT_SOURCE_DIR}/cmake/bpf_code.cmake"
    DEPENDS "${source}" "${PROJECT_SOURCE_DIR}/cmake/bpf_code.cmake"
    DEPFILE "${object}.d"
    COMMENT "Building BPF code ${folder}/${source}"
    VERBATIM)
  add_custom_target(bpf_${name} DEPENDS "${include}")
  add_dependencies(generated bpf_${name})
  add_library(bailiff_bpf_${name} INTERFACE)
  add_dependencies(bailiff_bpf_${name} bpf_${name})
endfunction()

macro(bailiff_subdirectories)
  file(GLOB bailiff_children LIST_DIRECTORIES false CONFIGURE_DEPENDS
    RELATIVE "${CMAKE_CURRENT_SOURCE_DIR}" "*/CMakeLists.txt")
  list(SORT bailiff_children)
  foreach(child IN LISTS bailiff_children)
    cmake_path(GET child PARENT_PATH child)
    add_subdirectory(${child})
  endforeach()
endmacro()

# A misspelled DEPS entry would otherwise become '-lbailiff_…' at link time.
function(bailiff_remember_deps name)
  foreach(dep IN LISTS ARGN)
    set_property(GLOBAL APPEND PROPERTY BAILIFF_DEPS "${name}:${dep}")
  endforeach()
endfunction()

function(bailiff_check_targets)
  get_property(edges GLOBAL PROPERTY BAILIFF_DEPS)
  foreach(edge IN LISTS edges)
    string(REGEX MATCH "^([^:]+):(.+)$" unused "${edge}")
    set(user "${CMAKE_MATCH_1}")
    set(dep "${CMAKE_MATCH_2}")
    if(NOT TARGET ${dep})
      message(SEND_ERROR "'${user}' depends on '${dep}', which no folder has")
    endif()
  endforeach()
endfunction()
