// SPDX-License-Identifier: BSD-3-Clause
#include "sampling/watch.hpp"

#include <time.h>

#include <algorithm>
#include <cerrno>

#include "host/clock.hpp"

namespace perun {

namespace {

void sleep_until(std::int64_t t_ns) noexcept {
  const timespec until{t_ns / 1'000'000'000, t_ns % 1'000'000'000};
  while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) == EINTR) {
  }
}

}  // namespace

std::vector<Series> watch(std::span<const std::unique_ptr<Backend>> backends, std::int64_t period_ns, std::int64_t length_ns) {
  std::size_t sensors = 0;
  for (const auto& backend : backends) sensors += backend->sensors().size();
  std::vector<Series> series(sensors);
  std::vector<Reading> readings(sensors);
  const auto read = [&](bool keep) {
    std::size_t at = 0;
    for (const auto& backend : backends) {
      const auto part = std::span(readings).subspan(at, backend->sensors().size());
      backend->read(part);
      at += part.size();
    }
    for (std::size_t i = 0; keep && i < sensors; ++i) series[i].push(readings[i]);
  };
  read(false);  // a first, cold read is slow
  const std::int64_t begin = monotonic_ns(), end = begin + length_ns;
  read(true);
  for (std::int64_t next = begin + period_ns; next < end; next = std::max(next + period_ns, monotonic_ns())) {
    sleep_until(next);
    read(true);
  }
  sleep_until(end);
  read(true);
  return series;
}

}  // namespace perun
