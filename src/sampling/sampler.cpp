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
constexpr std::int64_t fast_refresh_ns = 2'000'000;  ///< a counter renewed at least this often is waited for at an edge

/// A fast counter without a wrap is a short one that the kernel unwraps when it is read, and by a timer made for 200 W
/// (arch/x86/events/rapl.c): 164 s of a 65.5 kJ range. Read more often, it loses none at any power.
constexpr double unwrapped_elsewhere_ns = 30e9;

bool is_fast(const Sensor& s) noexcept {
  return s.quantity == Quantity::energy && s.behavior == Behavior::counter && s.kind == Kind::measured && s.refresh_ns > 0 &&
         s.refresh_ns <= fast_refresh_ns;
}

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
      } else if (is_fast(s)) {
        guard = std::min(guard, unwrapped_elsewhere_ns);
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
  again_.resize(readings_.size());
  fresh_.resize(readings_.size());
  for (std::uint32_t i = 0; i < readings_.size(); ++i) batch_.push_back({i, {}});
  std::size_t first = 0;
  for (const auto& backend : backends_) {
    FastSource source{backend.get(), first, {}};
    for (const Sensor& s : backend->sensors()) {
      if (is_fast(s)) {
        source.sensors.push_back(first);
        patience_ns_ = std::max(patience_ns_, s.refresh_ns * 3 / 2);
      }
      ++first;
    }
    if (!source.sensors.empty()) fast_.push_back(std::move(source));
  }
}

Sampler::~Sampler() {
  stop();
}

Status Sampler::start() {
  timer_ = Fd(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  go_ = Fd(::eventfd(0, EFD_CLOEXEC));
  stop_ = Fd(::eventfd(0, EFD_CLOEXEC));
  ready_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!timer_ || !go_ || !stop_ || !ready_) return Error{Errc::io, std::string("cannot make a timer: ") + std::strerror(errno)};
  thread_ = std::thread([this] { run(); });
  read_all();  // the thread waits until it may go
  return Ok{};
}

void Sampler::read_first() noexcept {
  edge();
}

void Sampler::go(int program) noexcept {
  program_ = program;
  signal(go_);
}

Quality Sampler::stop() noexcept {
  if (thread_.joinable()) {
    signal(stop_);
    signal(go_);
    thread_.join();
    if (program_ended_ns_ == 0) edge();
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
  pollfd fds[] = {{timer_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}, {program_, POLLIN, 0}};
  for (;;) {
    const auto deadline = schedule.after(now_ns_());
    itimerspec when{};
    when.it_value = {.tv_sec = deadline / second, .tv_nsec = deadline % second};
    ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
    while (::poll(fds, 3, -1) < 0 && errno == EINTR) {
    }
    if (fds[2].revents != 0) {
      program_ended_ns_ = now_ns_();
      edge();
    }
    if (program_ended_ns_ != 0 || fds[1].revents != 0) break;
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
  push();
  quality_.reading_ns += now_ns_() - begin;
}

void Sampler::edge() noexcept {
  const auto begin = now_ns_();
  read_all();
  std::fill(fresh_.begin(), fresh_.end(), char{0});
  std::size_t stale = 0;
  for (const auto& source : fast_) stale += source.sensors.size();
  // A counter that does not turn in time keeps its newest reading.
  while (stale > 0 && now_ns_() - begin < patience_ns_) {
    for (const auto& source : fast_) {
      source.backend->read(std::span(again_).subspan(source.first, source.backend->sensors().size()));
      for (const std::size_t i : source.sensors) {
        if (fresh_[i] != 0 || again_[i].raw == missing) continue;
        if (again_[i].raw != readings_[i].raw) {
          fresh_[i] = 1;
          --stale;
        }
        readings_[i] = again_[i];
      }
    }
  }
  push();
  quality_.reading_ns += now_ns_() - begin;
}

void Sampler::push() noexcept {
  for (std::size_t i = 0; i < readings_.size(); ++i) batch_[i].reading = readings_[i];
  ring_.push(batch_);  // a whole tick or nothing, so that all series keep the same length
  ++quality_.ticks;
}

}  // namespace perun
