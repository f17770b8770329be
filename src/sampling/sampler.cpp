// SPDX-License-Identifier: BSD-3-Clause
#include "sampling/sampler.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>

namespace perun {

namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr double greatest_socket_power_W = 1500;

std::size_t sensor_count(std::span<const std::unique_ptr<Backend>> backends) {
  std::size_t n = 0;
  for (const auto& b : backends) n += b->sensors().size();
  return n;
}

/// Room for two seconds of readings, so that a stalled disk costs none of them.
std::size_t ring_capacity(std::size_t sensors, std::int64_t period_ns) {
  const auto ticks = static_cast<std::size_t>(2 * second / std::max<std::int64_t>(period_ns, 1)) + 4;
  return std::clamp<std::size_t>(sensors * ticks, 256, std::size_t{1} << 18);
}

void signal(const Fd& eventfd) noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto n = ::write(eventfd.get(), &one, sizeof one);
}

}  // namespace

std::int64_t guarded_period_ns(double frequency_hz, std::span<const std::unique_ptr<Backend>> backends) noexcept {
  const double period = 1e9 / frequency_hz;
  double guard = period;
  for (const auto& backend : backends)
    for (const Sensor& s : backend->sensors())
      if (s.behavior == Behavior::counter && s.wraps_at > 0) {
        const double power = s.max_power_W > 0 ? s.max_power_W : greatest_socket_power_W;
        guard = std::min(guard, static_cast<double>(s.wraps_at) * s.scale / (4 * power) * 1e9);
      }
  // Nothing is read faster than the greatest allowed rate, however small a range claims to be.
  guard = std::max(guard, 1e9 / 5000);
  return static_cast<std::int64_t>(std::llround(guard < period ? period / std::ceil(period / guard) : period));
}

Sampler::Sampler(std::vector<std::unique_ptr<Backend>> backends, std::int64_t period_ns, const Host& host)
    : backends_(std::move(backends)),
      period_ns_(period_ns),
      now_ns_(host.now_ns),
      ticks_per_signal_(static_cast<std::uint64_t>(std::max<std::int64_t>(1, second / 10 / period_ns))),
      ring_(ring_capacity(sensor_count(backends_), period_ns)) {
  readings_.resize(sensor_count(backends_));
  for (std::uint32_t i = 0; i < readings_.size(); ++i) batch_.push_back({i, {}});
}

Sampler::~Sampler() {
  stop();
}

Status Sampler::start() {
  timer_ = Fd(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  stop_ = Fd(::eventfd(0, EFD_CLOEXEC));
  ready_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  go_ = Fd(::eventfd(0, EFD_CLOEXEC));
  if (!timer_ || !go_ || !stop_ || !ready_) return Error{Errc::io, std::string("cannot make a timer: ") + std::strerror(errno)};
  thread_ = std::thread([this] { run(); });
  read_all();  // unstored: a first, cold read takes ten times as long and would blur the edge
  tick();      // the thread waits until this one is taken
  signal(go_);
  return Ok{};
}

Quality Sampler::stop() noexcept {
  if (thread_.joinable()) {
    signal(stop_);
    thread_.join();
    tick();
    quality_.lost = ring_.lost();
  }
  return quality_;
}

void Sampler::run() noexcept {
  ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  std::uint64_t go = 0;
  while (::read(go_.get(), &go, sizeof go) < 0 && errno == EINTR) {
  }
  Schedule schedule(now_ns_(), period_ns_);
  pollfd fds[] = {{timer_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
  for (;;) {
    const auto deadline = schedule.after(now_ns_());
    itimerspec when{};
    when.it_value = {.tv_sec = deadline / second, .tv_nsec = deadline % second};
    ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
    while (::poll(fds, 2, -1) < 0 && errno == EINTR) {
    }
    if (fds[1].revents != 0) break;
    tick();
    if (quality_.ticks % ticks_per_signal_ == 0) signal(ready_);
  }
  quality_.late = schedule.late();
}

void Sampler::read_all() noexcept {
  std::size_t first = 0;
  for (const auto& backend : backends_) {
    const auto n = backend->sensors().size();
    backend->read(std::span(readings_).subspan(first, n));
    first += n;
  }
}

void Sampler::tick() noexcept {
  const auto begin = now_ns_();
  read_all();
  for (std::size_t i = 0; i < readings_.size(); ++i) batch_[i].reading = readings_[i];
  ring_.push(batch_);  // a whole tick or nothing, so that all series keep the same length
  quality_.reading_ns += now_ns_() - begin;
  ++quality_.ticks;
}

}  // namespace perun
