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

/// Reads backends on a fixed grid in a thread of its own, and once more at each edge of what is measured. An edge is read
/// where the counters turn: one that is renewed every ms is read until it changes, so that its value is as old as a read
/// takes and not up to a refresh. Calls in this order: start, read_first, go, stop.
class Sampler {
 public:
  Sampler(std::vector<std::unique_ptr<Backend>> backends, std::int64_t period_ns, const Host& host);
  ~Sampler();
  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;

  /// Makes everything ready and reads once unstored, since a first, cold read is slow.
  Status start();

  /// Takes the first reading; what is to be measured begins when it returns. At most 1.5 refreshes of the slowest fast
  /// counter (3 ms).
  void read_first() noexcept;

  /// Starts the grid. The last reading is taken as soon as `program` (a pidfd; -1: none) is readable, else by stop().
  void go(int program) noexcept;

  Quality stop() noexcept;  ///< safe to call twice

  /// When the program was seen to end, by the host's clock; 0: it was not. After stop().
  [[nodiscard]] std::int64_t program_ended_ns() const noexcept { return program_ended_ns_; }

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
  /// A backend with counters that are worth waiting for at an edge.
  struct FastSource {
    Backend* backend;
    std::size_t first;                 ///< its first sensor among all
    std::vector<std::size_t> sensors;  ///< the fast ones, among all
  };

  void run() noexcept;
  void read_all() noexcept;
  void tick() noexcept;
  void edge() noexcept;
  void push() noexcept;

  std::vector<std::unique_ptr<Backend>> backends_;
  std::int64_t period_ns_;
  std::int64_t (*now_ns_)();
  std::uint64_t ticks_per_signal_;
  SpscRing<RingSample> ring_;
  std::vector<Reading> readings_;  // the sampling thread's; the caller's before start() and after join
  std::vector<RingSample> batch_;  // as above
  Quality quality_;                // as above
  std::vector<FastSource> fast_;
  std::vector<Reading> again_;  // as readings_
  std::vector<char> fresh_;     // as readings_
  std::int64_t patience_ns_ = 0;
  int program_ = -1;                   // set before the thread goes
  std::int64_t program_ended_ns_ = 0;  // as readings_; not 0: the last reading is taken
  Fd timer_, go_, stop_, ready_;
  std::thread thread_;
};

}  // namespace perun
