// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "journal/frames.hpp"
#include "model/run.hpp"

namespace perun::journal {

/// A name for a run that no other run has, on any machine: UTC time and 64 random bits.
[[nodiscard]] std::string new_run_key();

/// DATA_OUT/.perun/RUN_KEY: where a run lives until it is in its data file.
[[nodiscard]] std::filesystem::path run_folder(const std::filesystem::path& data_out, std::string_view run_key);

/// The journal of one node in it.
[[nodiscard]] std::filesystem::path path_of(const std::filesystem::path& data_out, std::string_view run_key,
                                            std::string_view host);

/// Appends to one node's journal. Frames gather in memory until flush(), which is one write(2); what was flushed
/// survives the death of every process. One thread. The file stays flock'd exclusively while the writer lives.
class Writer {
 public:
  /// Makes the folder and DATA_OUT/.perun/RUN_KEY/HOST.journal, which must not exist, and writes the header frame.
  static Result<Writer> create(const std::filesystem::path& data_out, const Run& run);

  /// Opens a journal whose writer died: cuts a torn tail and continues behind the last whole frame.
  /// Errc::busy when its writer is alive.
  static Result<Writer> reopen(const std::filesystem::path& path);

  void samples(std::span<const Sample> samples);
  void clock(const Moment& moment);
  void begin(const Moment& moment);
  void outcome(const Outcome& outcome, const Moment& end);
  void quality(const Quality& quality);
  void provenance(const Attributes& facts);
  void end();
  void committing();

  /// Writes out what gathered. After a failure (disk full, quota) the file is cut back to its whole frames, and the
  /// frames stay gathered for the next try; beyond 1 MiB the readings among them are dropped and counted.
  Status flush();
  Status sync();  ///< flush and fdatasync

  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  Writer(std::filesystem::path path, Fd file, std::uint64_t size)
      : path_(std::move(path)), file_(std::move(file)), size_(size) {}
  void json(FrameType type, const std::string& text);
  void moment(FrameType type, const Moment& m);

  std::filesystem::path path_;
  Fd file_;
  std::uint64_t size_;               ///< bytes of whole frames in the file
  std::vector<std::byte> gathered_;  ///< whole frames not yet written
  std::vector<std::byte> payload_;   ///< scratch
  std::uint64_t dropped_ = 0;        ///< readings that never reached the file
};

/// What a journal holds, up to its last whole frame.
struct Contents {
  Run run;                                    ///< outcome.finished is false unless the writer saw the program end
  bool begun = false;                         ///< the program was let go
  bool ended = false;                         ///< the writer finished its work
  bool committing = false;                    ///< the run may be in its data file already
  std::uint64_t whole = 0;                    ///< bytes up to the end of the last whole frame
  std::unique_ptr<Recording> recording = {};  ///< of open(): what the run's node points to
};

/// Reads a journal, also one that is still being written. Errc::format when there is not even a header frame.
[[nodiscard]] Result<Contents> read(const std::filesystem::path& path);

/// The same for journals of any length: the readings stay in the file, and `run.nodes.front().recording` runs through them.
[[nodiscard]] Result<Contents> open(const std::filesystem::path& path);

/// Journals below DATA_OUT/.perun whose writer is gone: runs that never reached their data file.
[[nodiscard]] std::vector<std::filesystem::path> abandoned(const std::filesystem::path& data_out);

/// Removes a journal, its folder and DATA_OUT/.perun when they are empty then.
void discard(const std::filesystem::path& journal) noexcept;

}  // namespace perun::journal
