// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

namespace perun {

/// What `work()` returns, or nothing when it takes longer than `limit`: a driver that never answers is left behind in a
/// thread of its own, with all that `work` holds. Without a thread to be had the work is done here, unbounded.
template <class F>
[[nodiscard]] auto within(std::chrono::nanoseconds limit, F work) -> std::optional<decltype(work())> {
  struct Shared {
    explicit Shared(F&& f) : work(std::move(f)) {}
    F work;
    std::mutex mutex = {};
    std::condition_variable changed = {};
    std::optional<decltype(work())> result = {};  // with the mutex
  };
  const auto shared = std::make_shared<Shared>(std::move(work));
  const auto run = [shared] {
    auto result = shared->work();
    const std::lock_guard lock(shared->mutex);
    shared->result.emplace(std::move(result));
    shared->changed.notify_all();
  };
  try {
    std::thread(run).detach();
  } catch (const std::system_error&) {
    run();
  }
  std::unique_lock lock(shared->mutex);
  shared->changed.wait_for(lock, limit, [&] { return shared->result.has_value(); });
  return std::move(shared->result);
}

}  // namespace perun
