// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "model/sensor.hpp"

namespace perun::live {

/// A table that loses its last columns where the screen is narrow, and its last rows where it is low, but says so. The first
/// column is aligned left, all others right. Rows that are estimated say so.
class Columns {
 public:
  explicit Columns(std::size_t width) : width_(width) {}
  void heading(std::initializer_list<std::string> cells) { rows_.push_back({cells, ""}); }
  void row(std::initializer_list<std::string> cells, Kind kind, std::string remark = "");

  [[nodiscard]] std::size_t size() const noexcept { return rows_.size(); }
  /// At most `most` lines and whether each is the heading.
  [[nodiscard]] std::vector<std::pair<std::string, bool>> lines(std::size_t most) const;

 private:
  struct Row {
    std::vector<std::string> cells;
    std::string remark;
  };
  std::size_t width_;
  std::vector<Row> rows_;
};

/// Lines for each of several tables out of `room`: all where there is enough, else shares, small tables first.
[[nodiscard]] std::vector<std::size_t> share_room(const std::vector<std::size_t>& wanted, std::size_t room);

}  // namespace perun::live
