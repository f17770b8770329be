// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace perun {

/// Text on its way to a descriptor, gathered into large writes. The first failure is kept; all later text is dropped.
class Sink {
 public:
  /// `name` is for messages. The descriptor stays the caller's.
  Sink(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}

  Sink& text(std::string_view s) {
    gathered_ += s;
    if (gathered_.size() >= enough) flush();
    return *this;
  }
  Sink& integer(std::int64_t value);
  /// Shortest text that reads back as the same double.
  Sink& number(double value);

  /// Writes out what is left. Errors: io, denied; `closed` tells that a reader went away, which is no error.
  [[nodiscard]] Status finish();
  /// Nobody reads any more, or the disk is full: whoever makes the text can stop.
  [[nodiscard]] bool failed() const noexcept { return why_ != 0; }

 private:
  static constexpr std::size_t enough = 1 << 16;
  void flush();

  int fd_;
  std::string name_, gathered_;
  int why_ = 0;  ///< errno of the first failure
};

}  // namespace perun
