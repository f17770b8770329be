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
#include <limits>

namespace perun {

namespace {

constexpr std::int64_t second = 1'000'000'000;
/// Between the first reading that waits and the word that it does: half of what a kill may cost, the rest is the scheduler's.
constexpr std::int64_t announced_within_ns = 50'000'000;
constexpr double greatest_socket_power_W = 1500;
constexpr std::int64_t fast_refresh_ns = 2'000'000;  ///< a counter renewed at least this often is waited for at an edge

/// A fast counter without a wrap is a short one that the kernel unwraps when it is read, and by a timer made for 200 W
/// (arch/x86/events/rapl.c): 164 s of a 65.5 kJ range. Read more often, it loses none at any power.
constexpr double unwrapped_elsewhere_ns = 30e9;

constexpr std::int64_t long_wait_ns = 50'000'000;        ///< a read that takes longer is not for the common grid
constexpr std::int64_t last_reading_ns = 5'000'000'000;  ///< how long a slow source is waited for in the end

bool is_fast(const Sensor& s) noexcept {
  return s.quantity == Quantity::energy && s.behavior == Behavior::counter && s.kind == Kind::measured && s.refresh_ns > 0 &&
         s.refresh_ns <= fast_refresh_ns;
}

std::size_t sensor_count(std::span<const std::unique_ptr<Backend>> backends) {
  std::size_t n = 0;
  for (const auto& b : backends) n += b->sensors().size();
  return n;
}

/// Room for two seconds of readings, or half a second of hurried ones, so that a stalled disk costs none of them.
std::size_t ring_capacity(std::size_t sensors, std::int64_t period_ns) {
  const auto ticks = static_cast<std::size_t>(2 * second / std::max<std::int64_t>(period_ns, 1)) + 4;
  return std::clamp<std::size_t>(sensors * std::max<std::size_t>(ticks, 100), 256, std::size_t{1} << 18);
}

void signal(const Fd& eventfd) noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto n = ::write(eventfd.get(), &one, sizeof one);
}

}  // namespace

std::int64_t longest_period_ns(std::span<const std::unique_ptr<Backend>> backends) noexcept {
  double guard = 3600e9;
  for (const auto& backend : backends)
    for (const Sensor& s : backend->sensors())
      if (s.behavior == Behavior::counter && s.wraps_at > 0) {
        const double power = s.max_power_W > 0 ? s.max_power_W : greatest_socket_power_W;
        guard = std::min(guard, static_cast<double>(s.wraps_at) * s.scale / (4 * power) * 1e9);
      } else if (is_fast(s)) {
        guard = std::min(guard, unwrapped_elsewhere_ns);
      }
  // Nothing is read faster than the greatest allowed rate, however small a range claims to be.
  return std::llround(std::max(guard, 1e9 / 5000));
}

std::int64_t guarded_period_ns(double frequency_hz, std::span<const std::unique_ptr<Backend>> backends) noexcept {
  const double period = 1e9 / frequency_hz, guard = static_cast<double>(longest_period_ns(backends));
  return static_cast<std::int64_t>(std::llround(guard < period ? period / std::ceil(period / guard) : period));
}

Sampler::Sampler(std::vector<std::unique_ptr<Backend>> backends, std::int64_t period_ns, const Host& host, OverheadLimit limit,
                 std::size_t later)
    : period_ns_(period_ns),
      now_ns_(host.now_ns),
      intake_(std::make_shared<Intake>(ring_capacity(sensor_count(backends) + later, period_ns))),
      overhead_(limit) {
  readings_.resize(sensor_count(backends));
  again_.resize(readings_.size());
  fresh_.resize(readings_.size());
  batch_.reserve(readings_.size());
  lanes_.reserve(backends.size());  // a lane that is added later allocates nothing here
  std::size_t first = 0;
  for (auto& backend : backends) {
    Source source{.backend = std::move(backend), .first = first, .count = 0, .fast = {}};
    for (const Sensor& s : source.backend->sensors()) {
      source.quick = source.quick || (s.quantity == Quantity::energy && s.behavior == Behavior::counter);
      if (is_fast(s)) {
        source.fast.push_back(first);
        patience_ns_ = std::max(patience_ns_, s.refresh_ns * 3 / 2);
      }
      ++first;
    }
    source.count = first - source.first;
    sources_.push_back(std::move(source));
  }
  quality_.period_ns = quality_.period_begin_ns = period_ns;
}

Sampler::~Sampler() {
  stop();
}

Status Sampler::start() {
  timer_ = Fd(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  go_ = Fd(::eventfd(0, EFD_CLOEXEC));
  stop_ = Fd(::eventfd(0, EFD_CLOEXEC));
  ask_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!timer_ || !go_ || !stop_ || !ask_ || intake_->ready_fd() < 0)
    return Error{Errc::io, std::string("cannot make a timer: ") + std::strerror(errno)};
  thread_ = std::thread([this] { run(); });  // waits until it may go
  for (Source& source : sources_)
    if (source.backend->may_wait()) source.long_waits = 2;
  part_with_slow_ones();
  read_all();
  part_with_slow_ones();
  return Ok{};
}

void Sampler::read_first() noexcept {
  edge();
}

void Sampler::go(int program) noexcept {
  program_ = program;
  signal(go_);
}

void Sampler::quicken(std::int64_t period_ns) noexcept {
  wanted_period_ns_ = period_ns;
  signal(ask_);
}

void Sampler::read_now() noexcept {
  read_wanted_ = true;
  signal(ask_);
}

void Sampler::join(std::unique_ptr<Backend> backend, std::size_t first) {
  const std::int64_t period_ns = std::min(period_ns_, longest_period_ns(std::span(&backend, 1)));  // it may wrap
  SlowLane lane(std::move(backend), first, period_ns, now_ns_, intake_, true);
  if (lane.start() == nullptr) joined_.push_back(std::move(lane));
}

Quality Sampler::stop() noexcept {
  if (thread_.joinable()) {
    for (SlowLane& lane : joined_) lane.ask_to_end();
    signal(stop_);
    signal(go_);
    thread_.join();
    for (SlowLane& lane : lanes_) lane.ask_to_end();
    if (program_ended_ns_ == 0) edge();
    const auto until_ns = now_ns_() + last_reading_ns;
    for (SlowLane& lane : lanes_) lane.finish(until_ns);
    for (SlowLane& lane : joined_) lane.finish(until_ns);
    quality_.lost = intake_->lost();
    quality_.latency_p50_ns = latency_.quantile(0.5);
    quality_.latency_p99_ns = latency_.quantile(0.99);
  }
  return quality_;
}

void Sampler::run() noexcept {
  ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  std::uint64_t go = 0;
  while (::read(go_.get(), &go, sizeof go) < 0 && errno == EINTR) {
  }
  Schedule schedule(now_ns_(), period_ns_);
  std::int64_t since_signal = 0, next_ns = schedule.after(now_ns_());
  pollfd fds[] = {{timer_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}, {program_, POLLIN, 0}, {ask_.get(), POLLIN, 0}};
  for (;;) {
    const auto deadline = quick_ ? std::min(next_ns, quick_->next_ns()) : next_ns;
    itimerspec when{};
    when.it_value = {.tv_sec = deadline / second, .tv_nsec = deadline % second};
    ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
    while (::poll(fds, 4, -1) < 0 && errno == EINTR) {
    }
    if (fds[2].revents != 0) {
      program_ended_ns_ = now_ns_();
      for (SlowLane& lane : lanes_) lane.ask_to_end();
      edge();
    }
    if (program_ended_ns_ != 0 || fds[1].revents != 0) break;
    if (fds[3].revents != 0) {
      hear();
      continue;
    }
    // A real wait may end a little early by a clock that is not the timer's (tests).
    const bool whole = !quick_ || deadline == next_ns;
    whole ? tick() : read_quick();
    if (quick_ && deadline == quick_->next_ns()) quick_->after(now_ns_());
    since_signal += whole ? schedule.period_ns() : 0;
    if (quick_ && !whole) since_signal += quick_->period_ns();
    const auto coming_ns = quick_ ? std::min(schedule.period_ns(), quick_->period_ns()) : schedule.period_ns();
    if (since_signal + coming_ns > announced_within_ns) {
      intake_->announce();
      since_signal = 0;
    }
    if (!whole) continue;
    part_with_slow_ones();
    if (const auto times = overhead_.slower(now_ns_(), coming_ns); times > 1) {
      schedule.thin_out(times);
      if (quick_) quick_->thin_out(times);
    }
    next_ns = schedule.after(now_ns_());
  }
  quality_.late = schedule.late();
  quality_.period_ns = schedule.period_ns();
}

/// What the agent asked for.
void Sampler::hear() noexcept {
  std::uint64_t n = 0;
  while (::read(ask_.get(), &n, sizeof n) < 0 && errno == EINTR) {
  }
  const std::int64_t period_ns = wanted_period_ns_.exchange(0);
  if (period_ns > 0 && period_ns < period_ns_ && !quick_) {
    read_quick();
    quick_.emplace(now_ns_(), period_ns);
    quick_->after(now_ns_());
  }
  if (!read_wanted_.exchange(false)) return;
  const auto begin_ns = now_ns_();
  for (Source& source : sources_)
    if (source.quick) read(source, readings_);
  wait_for_turns(begin_ns);
  push_quick();
  quality_.reading_ns += now_ns_() - begin_ns;
  intake_->announce();
}

void Sampler::read(Source& source, std::vector<Reading>& into) noexcept {
  source.backend->read(std::span(into).subspan(source.first, source.count));
}

void Sampler::read_all() noexcept {
  auto before = now_ns_();
  for (Source& source : sources_) {
    read(source, readings_);
    const auto after = now_ns_();
    if (after - before > long_wait_ns) ++source.long_waits;
    before = after;
  }
}

/// Counters that are worth waiting for are kernel memory: one of those is let go only when it was no single stall of
/// the machine.
void Sampler::part_with_slow_ones() noexcept {
  for (auto source = sources_.begin(); source != sources_.end();) {
    if (source->long_waits < (source->fast.empty() ? 1 : 2)) {
      ++source;
      continue;
    }
    SlowLane lane(std::move(source->backend), source->first, period_ns_, now_ns_, intake_);
    source->backend = lane.start();
    if (source->backend != nullptr) {  // no thread to be had: better late than not at all
      source->long_waits = std::numeric_limits<int>::min();
      continue;
    }
    lanes_.push_back(std::move(lane));
    source = sources_.erase(source);
  }
}

void Sampler::tick() noexcept {
  const auto begin = now_ns_();
  read_all();
  const auto took_ns = now_ns_() - begin;
  push();
  latency_.add(took_ns);
  quality_.reading_ns += took_ns;
}

void Sampler::edge() noexcept {
  const auto begin = now_ns_();
  read_all();
  wait_for_turns(begin);
  push();
  quality_.reading_ns += now_ns_() - begin;
}

/// Reads counters that turn soon until they do.
void Sampler::wait_for_turns(std::int64_t begin) noexcept {
  std::fill(fresh_.begin(), fresh_.end(), char{0});
  std::size_t stale = 0;
  for (const auto& source : sources_) stale += source.fast.size();
  // A counter that does not turn in time keeps its newest reading.
  while (stale > 0 && now_ns_() - begin < patience_ns_) {
    for (auto& source : sources_) {
      if (source.fast.empty()) continue;
      read(source, again_);
      for (const std::size_t i : source.fast) {
        if (fresh_[i] != 0 || again_[i].raw == missing) continue;
        if (again_[i].raw != readings_[i].raw) {
          fresh_[i] = 1;
          --stale;
        }
        readings_[i] = again_[i];
      }
    }
  }
}

void Sampler::read_quick() noexcept {
  const auto begin = now_ns_();
  for (Source& source : sources_)
    if (source.quick) read(source, readings_);
  push_quick();
  quality_.reading_ns += now_ns_() - begin;
}

void Sampler::push_quick() noexcept {
  batch_.clear();
  for (const auto& source : sources_)
    if (source.quick) Intake::gather(std::span(readings_).subspan(source.first, source.count), source.first, batch_);
  intake_->take(batch_);
}

void Sampler::push() noexcept {
  batch_.clear();
  for (const auto& source : sources_)
    Intake::gather(std::span(readings_).subspan(source.first, source.count), source.first, batch_);
  intake_->take(batch_);
  ++quality_.ticks;
}

}  // namespace perun
