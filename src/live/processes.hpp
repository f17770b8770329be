// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "live/view.hpp"

namespace perun::live {

/// The processes of a run on this machine: those whose environment names the run. Looking costs one file for each process of
/// the run, and one for each process of the machine that was not there before. One thread.
class Processes {
 public:
  /// `processors`: of the machine. `proc`: where /proc is.
  explicit Processes(unsigned processors, std::filesystem::path proc = "/proc")
      : processors_(processors), proc_(std::move(proc)) {}

  /// `run`: what PERUN_RUN says in its processes. `cpu_J`: what the machine's processors have used up to now, where it is
  /// known.
  void look(const std::string& run, std::optional<double> cpu_J, std::int64_t now_ns);

  /// As of the last look, the busiest first.
  [[nodiscard]] std::vector<ProcessView> busiest() const;

 private:
  struct Process {
    std::string name;
    std::int64_t ticks = 0;  ///< of processor time
    double cores = 0, joules = 0;
  };
  void find(const std::string& run);

  unsigned processors_;
  std::filesystem::path proc_;
  std::unordered_set<int> others_;  ///< that are there and not of the run
  std::map<int, Process> own_;
  std::optional<double> cpu_J_;
  bool energy_ = false;
  std::int64_t looked_ns_ = 0;
};

}  // namespace perun::live
