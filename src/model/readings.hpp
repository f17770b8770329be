// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "model/sensor.hpp"

namespace perun {

class SeriesCursor;

/// The readings of a node's sensors, wherever they are: in memory or in a file that is read page by page.
class Readings {
 public:
  virtual ~Readings() = default;

  /// How many sensors, of the node's and in its order, have a column here, if an empty one.
  [[nodiscard]] virtual std::size_t sensors() const noexcept = 0;
  [[nodiscard]] virtual std::size_t size(std::size_t sensor) const noexcept = 0;

  /// Puts consecutive readings of a sensor, reading `at` among them, into `page`; returns the number of its first. Where
  /// they cannot be read, failed readings stand for them and status() tells why.
  virtual std::size_t fetch(std::size_t sensor, std::size_t at, Series& page) = 0;
  [[nodiscard]] virtual Status status() const { return Ok{}; }

  /// A look at one sensor's readings; must not outlive this.
  [[nodiscard]] virtual SeriesCursor cursor(std::size_t sensor);
};

/// A series seen one reading at a time, cheapest in ascending order. Owns the page it looks at; a copy looks by itself.
class SeriesCursor {
 public:
  /// Of a series in memory, which must stay.
  SeriesCursor(const Series& series) noexcept : whole_(&series), count_(series.size()), size_(series.size()) {}
  SeriesCursor(Readings& readings, std::size_t sensor) : readings_(&readings), sensor_(sensor), size_(readings.size(sensor)) {}

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] Reading operator[](std::size_t i) {
    const auto [page, k] = find(i);
    return {page->t_ns[k], page->raw[k], page->halfwidth_ns[k]};
  }
  [[nodiscard]] std::int64_t raw(std::size_t i) {
    const auto [page, k] = find(i);
    return page->raw[k];
  }

  /// Gives the page back; the next look fetches it again.
  void let_go() {
    if (whole_ != nullptr) return;
    page_ = {};
    count_ = 0;
  }

 private:
  struct Place {
    const Series* page;
    std::size_t at;
  };
  Place find(std::size_t i) {
    if (i - first_ >= count_) {
      first_ = readings_->fetch(sensor_, i, page_);
      count_ = page_.size();
    }
    return {whole_ != nullptr ? whole_ : &page_, i - first_};
  }

  Readings* readings_ = nullptr;
  const Series* whole_ = nullptr;
  std::size_t sensor_ = 0;
  Series page_;
  std::size_t first_ = 0, count_ = 0;  ///< what the page holds
  std::size_t size_ = 0;
};

inline SeriesCursor Readings::cursor(std::size_t sensor) {
  return {*this, sensor};
}

/// Series in memory, as they are in a NodeRecord.
class SeriesInMemory : public Readings {
 public:
  explicit SeriesInMemory(std::span<const Series> series) noexcept : series_(series) {}
  [[nodiscard]] std::size_t sensors() const noexcept override { return series_.size(); }
  [[nodiscard]] std::size_t size(std::size_t sensor) const noexcept override { return series_[sensor].size(); }
  std::size_t fetch(std::size_t sensor, std::size_t, Series& page) override {
    page = series_[sensor];
    return 0;
  }
  [[nodiscard]] SeriesCursor cursor(std::size_t sensor) override { return {series_[sensor]}; }

 private:
  std::span<const Series> series_;
};

/// The same, with the series in it.
class OwnSeries : public SeriesInMemory {
 public:
  explicit OwnSeries(std::vector<Series> series) noexcept : SeriesInMemory(series), own_(std::move(series)) {}

 private:
  std::vector<Series> own_;  // moved, its rows stay where they are
};

}  // namespace perun
