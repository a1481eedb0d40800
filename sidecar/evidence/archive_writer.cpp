// SPDX-License-Identifier: Apache-2.0
#include "sidecar/evidence/archive_writer.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <utility>

#include "oci/sys/errno_error.h"
#include "sidecar/evidence/sha256.h"

namespace bailiff::sidecar {
namespace {

constexpr std::size_t kChunk = std::size_t{64} * 1024;
// zstd's own default: about 300 MB/s, and a third of the size.
constexpr char kCompression[] = "3";

}  // namespace

struct ArchiveWriter::State {
  int fd = -1;
  std::int64_t time = 0;
  archive* out = nullptr;
  archive_entry* entry = nullptr;
  Sha256 hash;  // of the compressed bytes
  std::uint64_t bytes = 0;
  bool open = false;

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (entry != nullptr) archive_entry_free(entry);
    // Without an archive_write_close() this gives up what was not written.
    if (out != nullptr) {
      if (open) archive_write_fail(out);
      archive_write_free(out);
    }
  }

  Error failure(const std::string& what) const {
    const char* why = archive_error_string(out);
    const int number = archive_errno(out);
    if (number > 0) return errno_error(what, number);
    return Error{Code::kIo, what + ": " + (why != nullptr ? why : "unknown")};
  }

  static la_ssize_t write(archive* out, void* self, const void* bytes,
                          std::size_t size) {
    auto* state = static_cast<State*>(self);
    const ssize_t written = ::write(state->fd, bytes, size);
    if (written < 0) {
      archive_set_error(out, errno, "write");
      return -1;
    }
    state->hash.add(
        {static_cast<const char*>(bytes), static_cast<std::size_t>(written)});
    state->bytes += static_cast<std::uint64_t>(written);
    return written;
  }
};

ArchiveWriter::ArchiveWriter(std::unique_ptr<State> state)
    : state_(std::move(state)) {}
ArchiveWriter::~ArchiveWriter() = default;

Result<std::unique_ptr<ArchiveWriter>> ArchiveWriter::create(
    int fd, std::int64_t time) {
  auto state = std::make_unique<State>();
  state->fd = fd;
  state->time = time;
  state->out = archive_write_new();
  state->entry = archive_entry_new();
  if (state->out == nullptr || state->entry == nullptr) {
    return Error{Code::kExhausted, "make an archive: out of memory"};
  }
  // Names longer than ustar has room for are pax headers.
  const bool ready =
      archive_write_set_format_pax_restricted(state->out) == ARCHIVE_OK &&
      archive_write_add_filter_zstd(state->out) == ARCHIVE_OK &&
      archive_write_set_filter_option(state->out, "zstd", "compression-level",
                                      kCompression) == ARCHIVE_OK &&
      archive_write_set_bytes_in_last_block(state->out, 1) == ARCHIVE_OK &&
      archive_write_open(state->out, state.get(), nullptr, &State::write,
                         nullptr) == ARCHIVE_OK;
  if (!ready) return state->failure("begin an archive");
  state->open = true;
  return std::unique_ptr<ArchiveWriter>(new ArchiveWriter(std::move(state)));
}

Status ArchiveWriter::begin(const std::string& name, std::uint64_t bytes) {
  archive_entry* entry = archive_entry_clear(state_->entry);
  archive_entry_set_pathname(entry, name.c_str());
  archive_entry_set_filetype(entry, AE_IFREG);
  archive_entry_set_perm(entry, S_IRUSR | S_IWUSR);
  archive_entry_set_uid(entry, 0);
  archive_entry_set_gid(entry, 0);
  archive_entry_set_mtime(entry, static_cast<time_t>(state_->time), 0);
  archive_entry_set_size(entry, static_cast<la_int64_t>(bytes));
  if (archive_write_header(state_->out, entry) != ARCHIVE_OK) {
    return state_->failure("write to the archive");
  }
  return Ok{};
}

Status ArchiveWriter::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const la_ssize_t written =
        archive_write_data(state_->out, bytes.data(), bytes.size());
    if (written <= 0) return state_->failure("write to the archive");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return Ok{};
}

Status ArchiveWriter::add(const std::string& name, std::string_view content) {
  RETURN_IF_ERROR(begin(name, content.size()));
  RETURN_IF_ERROR(write(content));
  members_.push_back({name, content.size(), sha256_of(content)});
  return Ok{};
}

Result<ArchiveWriter::Copied> ArchiveWriter::add_file(const std::string& name,
                                                      int file,
                                                      std::uint64_t bytes) {
  RETURN_IF_ERROR(begin(name, bytes));
  Copied copied;
  Sha256 hash;
  std::array<char, kChunk> chunk{};
  std::uint64_t at = 0;
  while (at < bytes) {
    const auto want = static_cast<std::size_t>(
        std::min<std::uint64_t>(chunk.size(), bytes - at));
    std::size_t got = want;
    if (!copied.ended_early) {
      const ssize_t read =
          ::pread(file, chunk.data(), want, static_cast<off_t>(at));
      if (read < 0 && errno == EINTR) continue;
      if (read < 0) copied.read_error = errno_error("read");
      if (read <= 0) {
        copied.ended_early = true;
        chunk.fill('\0');
      } else {
        got = static_cast<std::size_t>(read);
      }
    }
    const std::string_view part(chunk.data(), got);
    hash.add(part);
    RETURN_IF_ERROR(write(part));
    at += got;
  }
  copied.member = {name, bytes, hash.hex()};
  members_.push_back(copied.member);
  return copied;
}

Result<ArchiveDigest> ArchiveWriter::finish() {
  state_->open = false;
  if (archive_write_close(state_->out) != ARCHIVE_OK) {
    return state_->failure("end the archive");
  }
  return ArchiveDigest{state_->bytes, state_->hash.hex()};
}

}  // namespace bailiff::sidecar
