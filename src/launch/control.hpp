// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "regions/shell.hpp"

namespace perun {

/// A named pipe from which lines are taken as marks (--control fifo:PATH), for programs that can do no more than print.
class Control {
 public:
  Control() = default;
  /// Makes the pipe, unless there is one, and takes it away in the end if it made it.
  static Result<Control> open(const std::filesystem::path& path, const std::filesystem::path& marks);
  ~Control();
  Control(Control&&) = default;
  Control& operator=(Control&& other) noexcept;

  [[nodiscard]] int fd() const noexcept { return fifo_.get(); }

  /// Sets the marks of the whole lines that wait. The first line that is not understood comes back as an error; the others
  /// are only counted.
  Status collect();

 private:
  std::filesystem::path made_;
  Fd fifo_;
  std::string rest_;  ///< of a line whose end is to come
  ShellMarks marks_;
  bool complained_ = false;
};

}  // namespace perun
