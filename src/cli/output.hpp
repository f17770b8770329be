// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "config/config.hpp"
#include "report/writer.hpp"

namespace perun {

/// Where reports go: the -o words, else one standard stream. Opened before a program starts, so that a place that
/// cannot be written is told in time; files stay as they are until there is a report to put in.
class Outputs {
 public:
  /// `names`: "-" is stdout, everything else a file whose suffix names the format. None: `otherwise` (a descriptor).
  static Result<Outputs> open(std::span<const std::string> names, const Config& config, int otherwise);

  /// Whether any of them draws: needs Summary::timelines and history.
  [[nodiscard]] bool draw() const noexcept;

  /// Writes the report everywhere, each in its format. The first failure is returned after all were tried.
  Status write(const Summary& summary, const Config& config);

  /// Removes the files that open() made; for when no report will come.
  void abandon() noexcept;

 private:
  struct Target {
    std::string name;  ///< empty: a standard stream
    Fd file;           ///< ours: a duplicate, so that the program's own can be let go
    const ReportWriter* writer;
    bool made;  ///< open() made the file
  };
  std::vector<Target> targets_;
};

}  // namespace perun
