// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <utility>

#include "config/config.hpp"

namespace perun {

/// One line on the terminal while a program is measured: how long, power, energy. Only where the terminal is nobody else's:
/// neither the program's stdout nor its stderr leads there, as both may print at any time. A process of its own writes it,
/// which reads the run's journal and holds none of the program's files; ended, and the line taken away, when this goes.
class Progress {
 public:
  Progress() = default;
  /// To be called by the launcher of the run, before it starts. Nothing, without an error, where there is no place for it.
  static Progress start(const std::filesystem::path& data_out, const Config& config);
  ~Progress();
  Progress(Progress&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  Progress& operator=(Progress&&) = delete;

 private:
  explicit Progress(pid_t pid) : pid_(pid) {}
  pid_t pid_ = -1;
};

}  // namespace perun
