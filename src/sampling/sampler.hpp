// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <unistd.h>

#include <cstdint>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "backends/backend.hpp"
#include "base/fd.hpp"
#include "base/result.hpp"
#include "model/run.hpp"
#include "sampling/ring.hpp"
#include "sampling/schedule.hpp"

namespace perun {

/// One reading of one sensor on its way to the journal.
struct RingSample {
  std::uint32_t sensor;  ///< index over all sensors, in the order of the backends
  Reading reading;
};

/// How often to read: the user's period, divided so that no wrapping counter can turn around unseen (a quarter of
/// its range at its greatest power; 1.5 kW where that is unknown). The user's grid points stay on the grid.
[[nodiscard]] std::int64_t guarded_period_ns(double frequency_hz, std::span<const std::unique_ptr<Backend>> backends) noexcept;

/// Reads backends on a fixed grid in a thread of its own. It reads once at the very end of start() and once in stop(),
/// so that the first and last reading closely enclose whatever happens between the two calls.
class Sampler {
 public:
  Sampler(std::vector<std::unique_ptr<Backend>> backends, std::int64_t period_ns, const Host& host);
  ~Sampler();
  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;

  Status start();
  Quality stop() noexcept;  ///< safe to call twice

  /// Readable (eventfd) when readings wait: after each tick, or every 100 ms at higher rates.
  [[nodiscard]] int ready_fd() const noexcept { return ready_.get(); }

  /// Hands what waits to take(span<const RingSample>). Any one thread.
  template <class F>
  void drain(F&& take) {
    std::uint64_t count = 0;
    while (::read(ready_.get(), &count, sizeof count) > 0) {
    }
    ring_.drain(take);
  }

 private:
  void run() noexcept;
  void read_all() noexcept;
  void tick() noexcept;

  std::vector<std::unique_ptr<Backend>> backends_;
  std::int64_t period_ns_;
  std::int64_t (*now_ns_)();
  std::uint64_t ticks_per_signal_;
  SpscRing<RingSample> ring_;
  std::vector<Reading> readings_;  // the sampling thread's; the caller's before start() and after join
  std::vector<RingSample> batch_;  // as above
  Quality quality_;                // as above
  Fd timer_, go_, stop_, ready_;
  std::thread thread_;
};

}  // namespace perun
