// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <sys/timex.h>
#include <time.h>

#include <cstdint>
#include <optional>

namespace perun {

inline std::int64_t clock_ns(clockid_t clock) noexcept {
  timespec t{};
  ::clock_gettime(clock, &t);
  return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

/// The time base of everything perun stores: CLOCK_MONOTONIC in nanoseconds.
inline std::int64_t monotonic_ns() noexcept {
  return clock_ns(CLOCK_MONOTONIC);
}

/// One moment on both clocks; two of them map a node's monotonic time to wall time.
struct Moment {
  std::int64_t mono_ns = 0;
  std::int64_t real_ns = 0;
  friend bool operator==(const Moment&, const Moment&) = default;
};

inline Moment now() noexcept {
  const std::int64_t before = monotonic_ns();
  const std::int64_t real = clock_ns(CLOCK_REALTIME);
  return {before + (monotonic_ns() - before) / 2, real};
}

/// How far CLOCK_REALTIME may be off, s, as the kernel's clock discipline tells; nothing when it is not synchronized.
inline std::optional<double> wall_clock_error_s() noexcept {
  timex t{};
  if (::adjtimex(&t) < 0 || (t.status & STA_UNSYNC) != 0) return std::nullopt;
  return static_cast<double>(t.maxerror) * 1e-6;
}

}  // namespace perun
