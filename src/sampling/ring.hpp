// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <span>
#include <vector>

namespace perun {

/// Fixed-size queue between exactly one writing and one reading thread. Never blocks and never
/// allocates; what does not fit is counted as lost.
template <class T>
class SpscRing {
 public:
  explicit SpscRing(std::size_t capacity) : slots_(std::bit_ceil(capacity)), mask_(slots_.size() - 1) {}

  /// Writer only: all of `items`, or none of them.
  bool push(std::span<const T> items) noexcept {
    const auto head = head_.load(std::memory_order_relaxed);
    if (slots_.size() - (head - tail_.load(std::memory_order_acquire)) < items.size()) {
      lost_.fetch_add(items.size(), std::memory_order_relaxed);
      return false;
    }
    for (std::size_t i = 0; i < items.size(); ++i) slots_[(head + i) & mask_] = items[i];
    head_.store(head + items.size(), std::memory_order_release);
    return true;
  }

  /// Reader only: hands the waiting items to take(span), oldest first, in at most two pieces.
  template <class F>
  std::size_t drain(F&& take) {
    const auto tail = tail_.load(std::memory_order_relaxed);
    const auto head = head_.load(std::memory_order_acquire);
    for (auto at = tail; at != head;) {
      const auto from = at & mask_;
      const auto n = std::min(head - at, slots_.size() - from);
      take(std::span<const T>(slots_.data() + from, n));
      at += n;
    }
    tail_.store(head, std::memory_order_release);
    return head - tail;
  }

  [[nodiscard]] std::size_t lost() const noexcept { return lost_.load(std::memory_order_relaxed); }

 private:
  std::vector<T> slots_;
  std::size_t mask_;
  alignas(64) std::atomic<std::size_t> head_{0};
  alignas(64) std::atomic<std::size_t> tail_{0};
  std::atomic<std::size_t> lost_{0};
};

}  // namespace perun
