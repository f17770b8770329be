// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/json.hpp"

namespace perun::page {

/// Rows of numbers on their way into a page: the difference of each to the one before, its sign in the lowest bit, in as
/// few bytes as the largest needs; all lowest bytes first, then all next ones. gzip over everything, as base64.
class Columns {
 public:
  /// Where the row is: {"at": its first byte, "n": how many numbers, "w": bytes of each}. Times that are the same as those
  /// given before them are not kept twice.
  [[nodiscard]] Json add(std::span<const std::int64_t> numbers);
  [[nodiscard]] Json add_times(std::span<const std::int64_t> numbers);

  /// Empty when there are no numbers.
  [[nodiscard]] std::string base64() const;

 private:
  std::string bytes_;
  std::vector<std::int64_t> last_times_;
  Json last_place_;
};

}  // namespace perun::page
