// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <random>
#include <utility>
#include <vector>

#include "support/rig.hpp"

namespace perun::test {

constexpr std::array curves{"constant", "square", "bursts", "steps", "ramps", "sine"};

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  double between(double a, double b) { return std::uniform_real_distribution<>(a, b)(engine_); }
  double log_between(double a, double b) { return std::exp(between(std::log(a), std::log(b))); }
  bool happens(double share) { return between(0, 1) < share; }
  std::size_t one_of(std::size_t n) { return static_cast<std::size_t>(between(0, static_cast<double>(n))) % n; }
  double waiting(double mean) { return std::exponential_distribution<>(1 / mean)(engine_); }

 private:
  std::mt19937_64 engine_;
};

/// A curve from -1 s on to `length` and a second beyond.
inline Power random_power(Random& random, std::size_t kind, double length) {
  std::vector<std::pair<double, double>> pieces;
  const double low = random.between(2, 80), high = random.between(80, 400), duty = random.between(0.1, 0.9);
  const double period = random.log_between(0.002, 10), all = length + 2;
  const double fine = std::max(std::min(period / 40, all / 200), all / 20'000);
  for (double at = 0; at < all; at += pieces.back().first) {
    const std::size_t i = pieces.size();
    const bool odd = i % 2 == 1;
    switch (kind) {
      case 0:
        pieces.emplace_back(all, high);
        break;
      case 1:
        pieces.emplace_back(period * (odd ? 1 - duty : duty), odd ? low : high);
        break;
      case 2:
        pieces.emplace_back(odd ? period * 0.2 : period * random.between(0.5, 3), odd ? high : low);
        break;
      case 3:
        pieces.emplace_back(random.waiting(period) + 1e-4, random.between(low, high));
        break;
      case 4:
        pieces.emplace_back(fine, low + (high - low) * std::fmod(at, period) / period);
        break;
      default:
        pieces.emplace_back(fine, (low + high) / 2 + (high - low) / 2 * std::sin(2 * std::numbers::pi * at / period));
    }
  }
  return Power(pieces, -1);
}

}  // namespace perun::test
