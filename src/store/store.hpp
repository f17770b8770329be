// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "model/readings.hpp"
#include "model/run.hpp"
#include "model/summary.hpp"

namespace perun {

/// One run as a list shows it, read from the stored attributes alone.
struct StoredRun {
  int number = -1;
  std::string id;
  std::int64_t begin_real_ns = 0;
  Usage usage;
  std::optional<Footprint> footprint = {};
  Outcome outcome = {};
  std::string title = {};
  std::vector<std::string> tags = {}, command = {}, nodes = {};
  bool foreign = false;  ///< not measured by perun: Run::origin says by what
};

/// What all runs of a file add up to, kept up to date by every append, so that reading it costs the same whatever the
/// number of runs.
struct StoredTotals {
  int runs = 0;
  Usage usage;                         ///< durations added; power_max_W is the highest of any run
  std::optional<Footprint> footprint;  ///< of the runs that had one
};

/// A stored run whose series stay in the file and are read as they are looked at.
struct OpenRun {
  Run run;
  std::vector<std::unique_ptr<Readings>> readings;  ///< one per node; ask their status() after reading
};

/// One run in an open data file, read as far as it is asked for. Lives as long as the file is open.
class RunInFile {
 public:
  RunInFile(std::int64_t application, int number) noexcept : application_(application), number_(number) {}
  [[nodiscard]] int number() const noexcept { return number_; }

  /// What was computed when it was stored or revised; costs the same whatever the length of the run. Nothing when
  /// there is none that can be read. Whether to believe it says RunSummary::made_by.
  [[nodiscard]] std::optional<RunSummary> summary() const;
  /// Everything, readings included. Errors: not_found, format, io.
  [[nodiscard]] Result<Run> load() const;
  /// The same for runs of any length. Must not outlive the file.
  [[nodiscard]] Result<OpenRun> open() const;

 private:
  std::int64_t application_;  ///< identifier of the group
  int number_;
};

/// One data file DATA_OUT/APP.hdf5 opened for reading. The layout is docs/format.md; layout.hpp holds
/// every name in it. While it lives, writers of the file wait. One thread at a time.
class Store {
 public:
  /// Waits up to `wait_ms` for a writer to finish. Errors: not_found, denied, format (not HDF5, or an HDF5 file
  /// that is not perun's), busy.
  static Result<Store> open(const std::filesystem::path& file, int wait_ms = 10'000);

  [[nodiscard]] const std::string& app() const noexcept;
  [[nodiscard]] Result<std::vector<int>> numbers() const;     ///< of all runs, ascending
  [[nodiscard]] Result<std::vector<StoredRun>> list() const;  ///< ascending by number
  [[nodiscard]] Result<std::string> id(int number) const;
  [[nodiscard]] StoredTotals totals() const;
  [[nodiscard]] Result<Run> load(int number) const;  ///< not_found when there is no such run
  [[nodiscard]] RunInFile at(int number) const;      ///< whether there is one, its members tell; errors name no file

  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();

 private:
  struct File;
  explicit Store(std::unique_ptr<File>) noexcept;
  std::unique_ptr<File> file_;
};

/// The figures of a run and the factors to be stored with it: `readings[i]` are those of node i, in the file already.
using Summarize = std::function<RunSummary(const Run&, std::span<Readings* const>)>;

/// Adds a run to the file, making file and folders when there are none, and returns its number.
/// The cost is that of the new data. Writers of one file wait for each other up to `wait_ms` (flock on the file
/// itself; a killed writer leaves no lock). With `check_present` a run whose id is already there is not added
/// again and its number is returned. Takes the same memory whatever the length of the run. On failure the file is as before.
/// `totals`, if given, receives what the runs of the file add up to afterwards.
[[nodiscard]] Result<int> append_run(const std::filesystem::path& file, const Run& run, const Summarize& summarize,
                                     bool check_present = false, int wait_ms = 10'000, StoredTotals* totals = nullptr);

/// The same with figures that are known.
[[nodiscard]] Result<int> append_run(const std::filesystem::path& file, const Run& run, const RunSummary& summary,
                                     bool check_present = false, int wait_ms = 10'000, StoredTotals* totals = nullptr);

/// What the figures and factors stored with a run shall be.
using Revise = std::function<Result<RunSummary>(const RunInFile&)>;

/// Replaces the figures of all runs, oldest first; samples stay bit for bit. `note` says when and by what, and is kept
/// with each run whose factors change. Works on a copy, which takes the file's place when it is complete on disk: the cost
/// is that of the whole file. On failure the file is as before. Returns what the runs now add up to.
[[nodiscard]] Result<StoredTotals> revise_runs(const std::filesystem::path& file, const Revise& revise, std::string_view note,
                                               int wait_ms = 10'000);

/// Wakes HDF5, which takes some ms, so that a later call need not wait for it. Not beside any other call of the store.
void prepare_store() noexcept;

/// Of the HDF5 library in use: "1.10.8".
[[nodiscard]] std::string hdf5_version();

/// Whether a run could be appended to `file` under `app`: not there at all, or there and perun's and writable.
[[nodiscard]] Status check_appendable(const std::filesystem::path& file, std::string_view app);

}  // namespace perun
