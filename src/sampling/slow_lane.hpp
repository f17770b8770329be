// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>

#include "backends/backend.hpp"
#include "sampling/intake.hpp"

namespace perun {

/// Reads one backend in a thread of its own, so that nobody waits for it: at once, then on a grid of its own, and
/// once more when it is to end. A backend that never answers is left behind with its thread.
class SlowLane {
 public:
  /// `first` is the backend's first sensor among all. `period_ns` is what was asked for; a source is not read more
  /// often than it is renewed (10 Hz where that is not known). `recalls`: begins with what was read while it was probed.
  SlowLane(std::unique_ptr<Backend> backend, std::size_t first, std::int64_t period_ns, std::int64_t (*now_ns)(),
           std::shared_ptr<Intake> intake, bool recalls = false);
  ~SlowLane();
  SlowLane(SlowLane&&) = default;
  SlowLane& operator=(SlowLane&&) = delete;

  /// Nothing on success; the backend when no thread could be had.
  std::unique_ptr<Backend> start() noexcept;

  void ask_to_end() noexcept;

  /// Waits for the last reading, until `until_ns` at most.
  void finish(std::int64_t until_ns) noexcept;

 private:
  struct State;
  static void run(State& state) noexcept;

  std::shared_ptr<State> state_;  // the thread's too, which may outlive this
  std::thread thread_;
};

}  // namespace perun
