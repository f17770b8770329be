// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "backends/backend.hpp"
#include "base/fd.hpp"
#include "base/result.hpp"
#include "model/run.hpp"
#include "sampling/intake.hpp"
#include "sampling/latency.hpp"
#include "sampling/overhead.hpp"
#include "sampling/schedule.hpp"
#include "sampling/slow_lane.hpp"

namespace perun {

/// How often to read: the user's period, divided so that no wrapping counter can turn around unseen (a quarter of
/// its range at its greatest power; 1.5 kW where that is unknown). The user's grid points stay on the grid.
[[nodiscard]] std::int64_t guarded_period_ns(double frequency_hz, std::span<const std::unique_ptr<Backend>> backends) noexcept;

/// The longest period at which no counter can turn around unseen; an hour where none wraps.
[[nodiscard]] std::int64_t longest_period_ns(std::span<const std::unique_ptr<Backend>> backends) noexcept;

/// Reads backends on a fixed grid in a thread of its own, and once more at each edge of what is measured. An edge is read
/// where the counters turn: one that is renewed every ms is read until it changes, so that its value is as old as a read
/// takes and not up to a refresh. A backend that may wait for its device, or that took long once, gets a lane of its own
/// and holds up nobody. Calls in this order: start, read_first, go, stop. `later`: how many more sensors there must be room
/// for.
class Sampler {
 public:
  Sampler(std::vector<std::unique_ptr<Backend>> backends, std::int64_t period_ns, const Host& host, OverheadLimit limit = {},
          std::size_t later = 0);
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

  /// From now on, quick counters of energy - read in no time, of what is on the common grid - are also read this often in
  /// between. Any thread, while it goes.
  void quicken(std::int64_t period_ns) noexcept;

  /// Has the quick counters read now, right where they turn; they wait (ready_fd) at most 3 ms later. Any thread.
  void read_now() noexcept;

  /// Reads one more backend from now on, in a lane of its own; its sensors are those from `first` on. By the thread that calls
  /// stop(), before it does.
  void join(std::unique_ptr<Backend> backend, std::size_t first);

  /// Takes the last readings; waits up to 5 s for a slow source's. Safe to call twice.
  Quality stop() noexcept;

  /// When the program was seen to end, by the host's clock; 0: it was not. After stop().
  [[nodiscard]] std::int64_t program_ended_ns() const noexcept { return program_ended_ns_; }

  /// Readable (eventfd) when readings wait: after each tick, or every 50 ms at higher rates.
  [[nodiscard]] int ready_fd() const noexcept { return intake_->ready_fd(); }

  /// Hands what waits to take(span<const RingSample>). Any one thread.
  template <class F>
  void drain(F&& take) {
    intake_->drain(take);
  }

 private:
  /// A backend on the common grid.
  struct Source {
    std::unique_ptr<Backend> backend;
    std::size_t first;              ///< its first sensor among all
    std::size_t count;              ///< of sensors
    std::vector<std::size_t> fast;  ///< counters worth waiting for at an edge, among all
    int long_waits = 0;
    bool quick = false;  ///< has counters of energy, so that reading it more often tells more
  };

  void run() noexcept;
  void read_all() noexcept;
  void read(Source& source, std::vector<Reading>& into) noexcept;
  void part_with_slow_ones() noexcept;
  void tick() noexcept;
  void edge() noexcept;
  void wait_for_turns(std::int64_t begin_ns) noexcept;
  void read_quick() noexcept;
  void hear() noexcept;
  void push() noexcept;
  void push_quick() noexcept;

  std::vector<Source> sources_;  // as readings_
  std::int64_t period_ns_;
  std::int64_t (*now_ns_)();
  std::shared_ptr<Intake> intake_;
  std::vector<Reading> readings_;  // the sampling thread's; the caller's before start() and after join
  std::vector<RingSample> batch_;  // as readings_
  Quality quality_;                // as readings_
  LatencyHistogram latency_;       // as readings_
  Overhead overhead_;              // as readings_
  std::vector<SlowLane> lanes_;    // as readings_
  std::vector<SlowLane> joined_;   // the thread's that calls join() and stop()
  std::vector<Reading> again_;     // as readings_
  std::vector<char> fresh_;        // as readings_
  std::int64_t patience_ns_ = 0;
  int program_ = -1;                   // set before the thread goes
  std::int64_t program_ended_ns_ = 0;  // as readings_; not 0: the last reading is taken
  std::optional<Schedule> quick_;      // the sampling thread's
  std::atomic<std::int64_t> wanted_period_ns_ = 0;
  std::atomic<bool> read_wanted_ = false;
  Fd timer_, go_, stop_, ask_;
  std::thread thread_;
};

}  // namespace perun
