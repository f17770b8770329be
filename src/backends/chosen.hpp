// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "backends/backend.hpp"

namespace perun {

/// A backend that shows only some of another's sensors, as `sensors` describes them.
class Chosen final : public Backend {
 public:
  /// `index`: where those sensors stand in the other.
  Chosen(std::unique_ptr<Backend> inner, std::vector<std::size_t> index, std::vector<Sensor> sensors)
      : inner_(std::move(inner)), index_(std::move(index)), sensors_(std::move(sensors)), all_(inner_->sensors().size()) {}

  std::span<const Sensor> sensors() const noexcept override { return sensors_; }
  std::span<const BlockedSource> blocked() const noexcept override { return inner_->blocked(); }
  bool may_wait() const noexcept override { return inner_->may_wait(); }

  void read(std::span<Reading> out) noexcept override {
    if (index_.size() == all_.size()) return inner_->read(out);
    inner_->read(all_);
    pick(out);
  }
  void recall(std::span<Reading> out) const noexcept override {
    if (index_.size() == all_.size()) return inner_->recall(out);
    inner_->recall(all_);
    pick(out);
  }

 private:
  void pick(std::span<Reading> out) const noexcept {
    for (std::size_t i = 0; i < index_.size(); ++i) out[i] = all_[index_[i]];
  }

  std::unique_ptr<Backend> inner_;
  std::vector<std::size_t> index_;  // of sensors_ in inner_
  std::vector<Sensor> sensors_;
  mutable std::vector<Reading> all_;
};

/// Whether a sensor is read unless the user names it: what covers no known part may be one of many on a slow bus.
[[nodiscard]] inline bool read_unasked(const Sensor& s) noexcept {
  return s.domain != Domain::rail || !s.part_of.empty();
}

}  // namespace perun
