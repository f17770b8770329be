// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "regions/marks.h"

namespace perun {

/// A mark as a shell sets it.
struct ShellMark {
  enum class Kind : unsigned char { begin, end, cancel, moment, count } kind = Kind::moment;
  std::string name;  ///< end, cancel: may be empty, the innermost open call of all
  double n = 0;      ///< count
};

/// "begin NAME", "end [NAME]", "cancel [NAME]", "count NAME=N", else the words are a text. Errors: invalid.
[[nodiscard]] Result<ShellMark> parse_mark(std::span<const std::string> words);

/// The same as one line, as --control takes it; a text is "mark TEXT" there. Names are the rest of the line.
[[nodiscard]] Result<ShellMark> parse_control_line(std::string_view line);

/// Sets marks for processes that live too short to nest anything: all of them together are one thread (pid and tid 0), whose
/// open calls wait in the marks file.
class ShellMarks {
 public:
  ShellMarks() = default;
  static Result<ShellMarks> open(const std::filesystem::path& marks);
  ~ShellMarks();
  ShellMarks(ShellMarks&& other) noexcept;
  ShellMarks& operator=(ShellMarks&& other) noexcept;

  Status set(const ShellMark& mark);

 private:
  perun_marks map_{};
};

/// Wakes the agent that listens at `sock`, so that it reads its sensors more often from now on. Never waits, never fails.
void announce_marks(const std::filesystem::path& sock) noexcept;

}  // namespace perun
