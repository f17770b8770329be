// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "host/lock_file.hpp"
#include "journal/encode.hpp"
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
  /// Makes the folders and FOLDER/.perun/RUN_KEY/HOST.journal, which must not exist, and writes who writes it. `home` is
  /// the data folder that the run belongs to, if that is another.
  static Result<Writer> create(const std::filesystem::path& folder, const Run& run, const std::filesystem::path& home = {});

  /// The same under a name of its own, for one part of a job.
  static Result<Writer> create_at(const std::filesystem::path& path, const Run& run, const std::filesystem::path& home,
                                  const Part* part = nullptr);

  /// Opens a journal whose writer died, and which nobody else can open until this writer is gone: cuts a torn tail and
  /// continues behind the last whole frame. Errc::busy when its writer is alive, or may be on another machine, or when
  /// somebody else takes it over; not_found when that has been done.
  static Result<Writer> reopen(const std::filesystem::path& path);

  /// Continues in another folder (a disk is full, a folder was deleted): what the file holds and what gathered is
  /// written there and synced, and the journal here is removed. On failure everything stays as it was.
  Status move_to(const std::filesystem::path& folder);
  Status move_as(const std::filesystem::path& target);  ///< the same, to a file of that name

  /// Whether path() still leads to what is written here.
  [[nodiscard]] bool in_place() const noexcept;

  void samples(std::span<const Sample> samples);
  void marks(const Marks& marks);  ///< what came since the last call; never dropped, the collector bounds it
  /// Sensors that came later: those of `all` from `first` on. Before their first reading.
  void joined(std::span<const Sensor> all, std::size_t first, std::span<const BlockedSource> blocked,
              const Attributes& attributes);
  void clock(const Moment& moment);
  void begin(const Moment& moment);
  void outcome(const Outcome& outcome, const Moment& end);
  void quality(const Quality& quality);
  void rank(const RankRecord& rank);
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
  static Result<Writer> make(const std::filesystem::path& path);  ///< folders and the hidden, locked, empty file
  void json(FrameType type, const std::string& text);
  void moment(FrameType type, const Moment& m);

  std::filesystem::path path_;
  Fd file_;
  std::uint64_t size_;               ///< bytes of whole frames in the file
  std::vector<std::byte> gathered_;  ///< whole frames not yet written
  std::vector<std::byte> payload_;   ///< scratch
  std::uint32_t mark_names_ = 0;     ///< written so far
  std::uint64_t dropped_ = 0;        ///< readings that never reached the file
  bool name_synced_ = false;
  std::optional<LockFile> claim_;  ///< of one who took it over where there is no flock
};

/// What a journal holds, up to its last whole frame.
struct Contents {
  Run run;                                    ///< outcome.finished is false unless the writer saw the program end
  bool begun = false;                         ///< the program was let go
  bool ended = false;                         ///< the writer finished its work
  bool committing = false;                    ///< the run may be in its data file already
  std::uint64_t whole = 0;                    ///< bytes up to the end of the last whole frame
  WriterFacts writer = {};                    ///< who wrote it, and where the run belongs
  std::optional<Part> part = {};              ///< of a job
  std::int64_t last_reading_ns = 0;           ///< of any sensor; 0: there is none
  std::vector<RankRecord> ranks = {};         ///< as they were written: of one rank the last with the highest status counts
  std::unique_ptr<Recording> recording = {};  ///< of open(): what the run's node points to
};

/// Puts what a frame says, but for header and readings, into `contents`; one that makes no sense is skipped like unknown ones.
void apply(const Frame& frame, Contents& contents);

/// Reads a journal, also one that is still being written. Errc::format when there is not even a header frame.
[[nodiscard]] Result<Contents> read(const std::filesystem::path& path);

/// The same for journals of any length: the readings stay in the file, and `run.nodes.front().recording` runs through them.
/// `by_name`: the file is opened for each run through them, since there may be more journals than a process can have open.
enum class Hold : unsigned char { open, by_name };
[[nodiscard]] Result<Contents> open(const std::filesystem::path& path, Hold hold = Hold::open);

/// How it stands with a journal, told without disturbing its writer. The rule is docs/format.md, "Whose journal".
enum class Standing : unsigned char {
  written,    ///< its writer lives
  elsewhere,  ///< its writer is on another machine, or was, and wrote not long ago
  cut_off,    ///< its writer is gone
};
struct Found {
  std::filesystem::path path;
  Standing standing;
};
[[nodiscard]] Standing standing(const std::filesystem::path& journal);
/// The same, but a writer that was killed is waited for until it is gone, for 10 s at most.
[[nodiscard]] Standing standing_after_kill(const std::filesystem::path& journal);
/// The same, by what came of a try to lock it and by what it says of its writer.
[[nodiscard]] Standing standing_of(Flock lock, const Owner& writer, const std::filesystem::path& journal);

/// The journals below FOLDER/.perun, oldest run first. What a writer left that died before its journal had a name is
/// removed.
[[nodiscard]] std::vector<Found> journals(const std::filesystem::path& folder);

/// Those of them whose writer is gone: runs that never reached their data file.
[[nodiscard]] std::vector<std::filesystem::path> abandoned(const std::filesystem::path& folder);

/// The data folder that the run of a journal belongs to; empty when it does not say.
[[nodiscard]] std::filesystem::path home_of(const std::filesystem::path& journal);

/// Removes a journal, its folder and DATA_OUT/.perun when they are empty then.
void discard(const std::filesystem::path& journal) noexcept;

}  // namespace perun::journal
