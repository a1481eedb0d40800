// SPDX-License-Identifier: Apache-2.0
// sidecar/evidence/archive_writer.h
// A tar file, compressed with zstd, of regular files only: whatever the
// container had, unpacking makes no link, no device and nothing outside the
// folder it is unpacked in.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/base/result.h"

namespace bailiff::sidecar {

struct Member {
  std::string name;
  std::uint64_t bytes = 0;
  std::string sha256;  // hexadecimal
};

struct ArchiveDigest {
  std::uint64_t bytes = 0;  // compressed
  std::string sha256;
};

// One thread.
class ArchiveWriter {
 public:
  // Borrows `fd`, which is written to as it comes.  Members get the time and
  // mode 0600 of root.
  static Result<std::unique_ptr<ArchiveWriter>> create(int fd,
                                                       std::int64_t time);
  ~ArchiveWriter();
  ArchiveWriter(const ArchiveWriter&) = delete;
  ArchiveWriter& operator=(const ArchiveWriter&) = delete;

  // A failure is that of the whole archive: the disk is full.
  Status add(const std::string& name, std::string_view content);

  struct Copied {
    Member member;
    // The file had fewer bytes than `bytes` when they were read: the rest is
    // zeros.
    bool ended_early = false;
    std::optional<Error> read_error;  // as ended_early
  };
  // The first `bytes` of a file, which somebody may be changing.  Borrows
  // `file`, which is read from its start.
  Result<Copied> add_file(const std::string& name, int file,
                          std::uint64_t bytes);

  // Writes the end.  Once.
  Result<ArchiveDigest> finish();

  const std::vector<Member>& members() const { return members_; }

 private:
  struct State;
  explicit ArchiveWriter(std::unique_ptr<State> state);
  Status begin(const std::string& name, std::uint64_t bytes);
  Status write(std::string_view bytes);

  std::unique_ptr<State> state_;
  std::vector<Member> members_;
};

}  // namespace bailiff::sidecar
