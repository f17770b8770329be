// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <limits>
#include <mutex>
#include <span>
#include <vector>

#include "base/fd.hpp"
#include "model/sensor.hpp"
#include "sampling/ring.hpp"

namespace perun {

/// One reading of one sensor on its way to the journal.
struct RingSample {
  std::uint32_t sensor;  ///< index over all sensors, in the order of the backends
  Reading reading;
};

/// Where all lanes hand in what they read. A lane waits for another for as long as copying one tick takes; neither
/// allocates nor blocks on the reader.
class Intake {
 public:
  explicit Intake(std::size_t capacity) : ring_(capacity), ready_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  /// Any lane: a whole tick or nothing, so that series that are read together keep the same length.
  void take(std::span<const RingSample> tick) noexcept {
    const std::lock_guard lock(writing_);
    ring_.push(tick);
  }
  void announce() noexcept {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto n = ::write(ready_.get(), &one, sizeof one);
  }

  /// The reading thread: hands what waits to take(span<const RingSample>).
  template <class F>
  void drain(F&& take) {
    std::uint64_t count = 0;
    while (::read(ready_.get(), &count, sizeof count) > 0) {
    }
    ring_.drain(take);
  }
  [[nodiscard]] int ready_fd() const noexcept { return ready_.get(); }
  [[nodiscard]] std::size_t lost() const noexcept { return ring_.lost(); }

  /// Adds one tick's readings of neighbouring sensors. A call whose bracket does not fit (4.3 s) tells nothing.
  static void gather(std::span<const Reading> readings, std::size_t first, std::vector<RingSample>& tick) noexcept {
    for (std::size_t i = 0; i < readings.size(); ++i) {
      tick.push_back({static_cast<std::uint32_t>(first + i), readings[i]});
      if (readings[i].halfwidth_ns == std::numeric_limits<std::int32_t>::max()) tick.back().reading.raw = missing;
    }
  }

 private:
  std::mutex writing_;
  SpscRing<RingSample> ring_;
  Fd ready_;
};

}  // namespace perun
