// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

namespace perun::test {

/// A clock that a test moves by hand: host.now_ns = &Clock::read.
struct Clock {
  static inline std::int64_t now = 0;   ///< what the next look shows
  static inline std::int64_t step = 0;  ///< how far each look moves it
  static std::int64_t read() {
    const std::int64_t shown = now;
    now += step;
    return shown;
  }
  static void set(std::int64_t at_ns, std::int64_t step_ns = 0) {
    now = at_ns;
    step = step_ns;
  }
};

}  // namespace perun::test
