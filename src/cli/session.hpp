// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <optional>
#include <string>

#include "launch/measure.hpp"

namespace perun {

/// The process that runs `perun session` and has a part of itself measured. Lines of JSON go both ways, perun's on stdout:
///   perun  {"ready": ROUND, "environment": {..}}   the first readings are taken; variables for the caller and its children
///   caller {"end": {"mono_ns": T, "exit_code": 0, "user_s": .., "system_s": .., "max_rss_bytes": ..}}
/// and after the last round perun writes the report as one JSON document. Times are CLOCK_MONOTONIC, resources those used
/// since "ready". A caller that closes its side before "end" is gone: the run is stored as interrupted.
class CallerLine {
 public:
  /// The parent process, over stdin and stdout. This process goes on in the background: its parent, which did not start it
  /// to have a child, can wait for it at once.
  static Result<CallerLine> answer();

  /// For measure_caller(); this object must outlive it.
  [[nodiscard]] Caller caller();

 private:
  explicit CallerLine(pid_t pid) : pid_(pid) {}
  void go();
  std::optional<Ending> hear();

  pid_t pid_;
  int round_ = 0;
  std::string heard_;  ///< the beginning of a line
};

/// What a line from the caller says, if it says that the measured part is over. Hostile lines end it as interrupted.
[[nodiscard]] Ending ending_from(std::string_view line, const Moment& now);

}  // namespace perun
