// SPDX-License-Identifier: BSD-3-Clause
#include "sampling/slow_lane.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <utility>
#include <vector>

#include "sampling/schedule.hpp"

namespace perun {

namespace {

/// CLOCK_MONOTONIC, as steady_clock is.
std::chrono::steady_clock::time_point at(std::int64_t ns) noexcept {
  return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(ns));
}

std::int64_t shortest_period_ns(std::span<const Sensor> sensors) noexcept {
  constexpr std::int64_t unknown = 100'000'000;
  std::int64_t shortest = unknown;
  for (const Sensor& s : sensors)
    if (s.refresh_ns > 0) shortest = std::min(shortest, s.refresh_ns);
  return shortest;
}

}  // namespace

struct SlowLane::State {
  std::unique_ptr<Backend> backend;
  std::size_t first;
  std::int64_t period_ns;
  std::int64_t (*now_ns)();
  std::shared_ptr<Intake> intake;
  bool recalls;
  std::vector<Reading> readings = {};  // the thread's
  std::vector<RingSample> tick = {};   // as above
  std::mutex mutex = {};
  std::condition_variable changed = {};
  bool ending = false, done = false;  // with the mutex
};

SlowLane::SlowLane(std::unique_ptr<Backend> backend, std::size_t first, std::int64_t period_ns, std::int64_t (*now_ns)(),
                   std::shared_ptr<Intake> intake, bool recalls)
    : state_(new State{.backend = std::move(backend),
                       .first = first,
                       .period_ns = period_ns,
                       .now_ns = now_ns,
                       .intake = std::move(intake),
                       .recalls = recalls}) {
  const auto sensors = state_->backend->sensors();
  state_->period_ns = std::max(period_ns, shortest_period_ns(sensors));
  state_->readings.resize(sensors.size());
  state_->tick.reserve(sensors.size());
}

SlowLane::~SlowLane() {
  if (!state_) return;  // moved from
  ask_to_end();
  finish(state_->now_ns());
}

std::unique_ptr<Backend> SlowLane::start() noexcept {
  try {
    thread_ = std::thread([state = state_] { run(*state); });
  } catch (const std::system_error&) {
    return std::move(state_->backend);
  }
  return nullptr;
}

void SlowLane::ask_to_end() noexcept {
  const std::lock_guard lock(state_->mutex);
  state_->ending = true;
  state_->changed.notify_all();
}

void SlowLane::finish(std::int64_t until_ns) noexcept {
  if (!thread_.joinable()) return;
  std::unique_lock lock(state_->mutex);
  const bool done = state_->changed.wait_until(lock, at(until_ns), [this] { return state_->done; });
  lock.unlock();
  if (done)
    thread_.join();
  else
    thread_.detach();
}

void SlowLane::run(State& s) noexcept {
  Schedule schedule(s.now_ns(), s.period_ns);
  for (bool last = false;;) {
    s.backend->read(s.readings);
    if (std::exchange(s.recalls, false)) s.backend->recall(s.readings);
    s.tick.clear();
    Intake::gather(s.readings, s.first, s.tick);
    s.intake->take(s.tick);
    s.intake->announce();
    std::unique_lock lock(s.mutex);
    if (last) {
      s.done = true;
      s.changed.notify_all();
      return;
    }
    last = s.changed.wait_until(lock, at(schedule.after(s.now_ns())), [&s] { return s.ending; });
  }
}

}  // namespace perun
