// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "cli/command_line.hpp"
#include "cli/measuring.hpp"
#include "config/config.hpp"
#include "live/watch.hpp"

namespace perun {

/// The run that `perun live` and `perun serve --live` look at: one in progress (--run), a program that is started for it, or
/// this machine itself, measured into a folder that is gone afterwards.
class Watched {
 public:
  /// Errors: not_found (no such run in progress), io.
  static Result<Watched> start(const CommandLine& line, const Config& config, Measuring::Output output);
  ~Watched();
  Watched(Watched&&) = default;
  Watched& operator=(Watched&&) = delete;

  [[nodiscard]] live::Watch& watch() noexcept { return *watch_; }
  /// Where its data go.
  [[nodiscard]] const std::filesystem::path& data_out() const noexcept { return data_out_; }
  /// What was started; null when the run is somebody else's.
  [[nodiscard]] Measuring* measuring() noexcept { return measuring_ ? &*measuring_ : nullptr; }

 private:
  Watched() = default;
  struct RemoveFolder {
    void operator()(const std::filesystem::path* folder) const noexcept;
  };
  std::unique_ptr<const std::filesystem::path, RemoveFolder> scratch_;  ///< outlives what writes there
  std::filesystem::path data_out_;
  std::optional<Measuring> measuring_;
  std::unique_ptr<live::Watch> watch_;
};

/// The journal of the run that this launcher has started, as soon as there is one.
[[nodiscard]] live::Watch::Find journals_of_launcher(std::filesystem::path data_out, Config config, pid_t launcher);

}  // namespace perun
