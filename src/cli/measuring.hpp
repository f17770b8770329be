// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <sys/types.h>

#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "cli/command_line.hpp"

namespace perun {

/// A `perun monitor` that this perun starts to watch it. It is in a process group of its own: signals of the terminal reach it
/// by signal() only. Killed and waited for when this goes. One thread.
class Measuring {
 public:
  enum class Output : unsigned char {
    kept,       ///< what it and its program print is kept, and its input is empty: the terminal is the view's
    to_stderr,  ///< printed on stderr at once
  };
  /// Errors: io.
  static Result<Measuring> start(const std::vector<std::string>& words, Output output);
  ~Measuring();
  Measuring(Measuring&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)),
        status_(other.status_),
        from_(std::move(other.from_)),
        kept_(std::move(other.kept_)),
        lines_(std::move(other.lines_)) {}
  Measuring& operator=(Measuring&&) = delete;

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  /// Readable when it printed something; -1 when nothing is kept or it has ended.
  [[nodiscard]] int fd() const noexcept { return from_.get(); }
  /// Takes what was printed, without waiting.
  void collect();
  /// The newest lines of it.
  [[nodiscard]] std::vector<std::string> lines() const { return {lines_.begin(), lines_.end()}; }
  /// Prints all that was kept, and from now on all that comes; returns the exit status when it has ended.
  int print_and_wait();
  /// As a shell reports it, when it has ended.
  [[nodiscard]] std::optional<int> ended();
  void signal(int number) const noexcept;

 private:
  Measuring(pid_t pid, Fd from, Fd kept) : pid_(pid), from_(std::move(from)), kept_(std::move(kept)) {}
  void keep(std::string_view text);

  pid_t pid_;
  std::optional<int> status_ = {};
  Fd from_, kept_;                        ///< its output; a file without a name that holds it
  std::deque<std::string> lines_ = {""};  ///< the last one is not complete
};

/// The words of a `perun monitor` with the options of this command line, up to the program's.
[[nodiscard]] std::vector<std::string> monitor_words(const CommandLine& line);

}  // namespace perun
