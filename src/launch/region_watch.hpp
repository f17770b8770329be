// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "launch/control.hpp"
#include "launch/inquiries.hpp"
#include "launch/live_energy.hpp"
#include "model/marks.hpp"
#include "regions/collector.hpp"
#include "sampling/sampler.hpp"

namespace perun {

/// Where the program of a rank marks and asks: in shared memory, else in the run's folder.
struct RegionPaths {
  std::filesystem::path marks, sock;
};
[[nodiscard]] std::vector<RegionPaths> region_paths(const std::filesystem::path& run_folder, std::string_view run_key,
                                                    int rank);

/// Gives the program its PERUN_MARKS, PERUN_SOCK, PERUN_RUN and PERUN_ACTIVE: the first of `paths` that is there. For the
/// launcher, before the program starts; variables of a perun around this one are replaced. A library that is to be loaded
/// first stands before those of LD_PRELOAD.
void export_region_paths(std::span<const RegionPaths> paths, std::string_view run_key, const std::string& preload);

/// Removes what an agent that was killed left of them.
void forget_region_paths(std::span<const RegionPaths> paths) noexcept;

/// All that the agent does for the regions of the programs it measures. One thread.
class RegionWatch {
 public:
  /// While programs mark, counters of energy are read so often; 0: as all sensors.
  RegionWatch(std::vector<Sensor> sensors, double frequency_hz);

  /// Makes the files of one program. Without marks the run is measured all the same: the error is for the user.
  Status open(std::span<const RegionPaths> paths, int rank);

  /// Goes on with the files of a program whose agent was killed.
  Status adopt(std::span<const RegionPaths> paths, int rank);

  /// Takes marks from a named pipe too. After open().
  Status open_control(const std::filesystem::path& fifo);

  /// Readable when a program has said something.
  [[nodiscard]] int fd() const noexcept { return inquiries_.fd(); }
  [[nodiscard]] int control_fd() const noexcept { return control_.fd(); }
  /// Errors: a line of the pipe that is not understood.
  Status hear(Sampler& sampler);

  /// The node has other sensors from now on: the first are those it had.
  void join(std::vector<Sensor> sensors) { live_.join(std::move(sensors)); }

  /// Every reading that the sampler took; a question is answered with one that is younger than it.
  void add(std::span<const RingSample> samples);
  void answer(std::int64_t begin_ns) noexcept;

  /// New marks, if any. The sampling is quickened with the first.
  Marks drain(Sampler& sampler, std::int64_t now_ns);
  /// The last of one rank's program, whose files are gone then.
  Marks leave(int rank, std::int64_t end_ns) { return collector_.leave(rank, end_ns); }
  /// The last of it; the files are gone then.
  Marks finish(std::int64_t end_ns);

  /// How long the agent may sleep before the rings want to be looked at, ms; -1: as long as it likes.
  [[nodiscard]] int patience_ms() const noexcept { return quickened_ ? 50 : -1; }

 private:
  void quicken(Sampler& sampler);

  std::filesystem::path marks_;
  MarksCollector collector_;
  Control control_;
  Inquiries inquiries_;
  LiveEnergy live_;
  std::int64_t period_ns_;
  bool quickened_ = false;
  std::int64_t asked_ns_ = 0;  ///< 0: nobody waits
};

}  // namespace perun
