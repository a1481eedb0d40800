// SPDX-License-Identifier: Apache-2.0
// tests/unit/sidecar/evidence/unpacked.h
// An archive as its members.
#pragma once

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <map>
#include <string>

namespace bailiff::sidecar {

// Content by name.  Fails the test for what is no regular file and for a name
// that is there twice.
inline std::map<std::string, std::string> unpacked(const std::string& path) {
  std::map<std::string, std::string> members;
  archive* const in = archive_read_new();
  archive_read_support_format_tar(in);
  archive_read_support_filter_zstd(in);
  EXPECT_EQ(archive_read_open_filename(in, path.c_str(), 65536), ARCHIVE_OK);
  archive_entry* entry = nullptr;
  while (archive_read_next_header(in, &entry) == ARCHIVE_OK) {
    const std::string name = archive_entry_pathname(entry);
    EXPECT_EQ(archive_entry_filetype(entry), static_cast<mode_t>(AE_IFREG));
    EXPECT_EQ(members.count(name), 0U) << name;
    std::string content(static_cast<std::size_t>(archive_entry_size(entry)),
                        '\0');
    EXPECT_EQ(archive_read_data(in, content.data(), content.size()),
              static_cast<la_ssize_t>(content.size()));
    members[name] = std::move(content);
  }
  archive_read_free(in);
  return members;
}

}  // namespace bailiff::sidecar
