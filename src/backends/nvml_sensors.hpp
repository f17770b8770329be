// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "backends/nvml_gpu.hpp"
#include "base/missing.hpp"
#include "model/run.hpp"

namespace perun::nvml {

inline constexpr std::int64_t state_ns = 1'000'000'000;  ///< between two looks at what explains the energy

/// What is read of one GPU. What comes behind `utilization` is looked at once a second.
enum class Value : unsigned char {
  energy,
  power,
  average,
  module,
  memory_power,
  utilization,
  memory,
  clock,
  temperature,
  limit,
  throttle
};
constexpr std::size_t values = 11;

/// One GPU with the places of its readings.
struct Reader {
  Gpu gpu;
  std::array<int, values> slot{};
  int meter = -1;  ///< the sensor of all that is measured of it
  std::array<FieldValue, 4> fields{};
  int field_count = 0;
  std::array<Reading, values> state{};  ///< the last of those that are looked at once a second
  std::int64_t state_at_ns = missing;

  [[nodiscard]] int at(Value v) const noexcept { return slot[static_cast<std::size_t>(v)]; }
};

/// Writes the sensors of GPUs, one GPU after the other.
class Describer {
 public:
  explicit Describer(const std::vector<Gpu>& gpus);

  void add(Gpu gpu);

  std::vector<Reader> readers;
  std::vector<Sensor> sensors;
  std::vector<BlockedSource> blocked;

 private:
  [[nodiscard]] std::string id(const Gpu& gpu) const;
  Sensor& put(Reader& r, Value value, std::string_view word, std::string label, std::string_view source, Quantity quantity);
  void meters(Reader& r);
  void state(Reader& r);

  std::vector<std::string> uuids_;
};

}  // namespace perun::nvml
