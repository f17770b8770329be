// SPDX-License-Identifier: BSD-3-Clause
// gpu_logs FOLDER...: energy by our formulas from recorded power of GPUs (nvsmi.csv) beside that of a meter in the line
// (pmd_1khz.csv: ms since 1970, W), over the time both have. For the table in docs/accuracy.md.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "analysis/energy.hpp"
#include "base/text.hpp"

namespace {

using namespace perun;

/// Columns by name; the first is the time.
struct Table {
  std::vector<std::string> names;
  std::vector<std::vector<double>> rows;
};

Table read(const std::filesystem::path& path) {
  Table table;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const auto cells = text::split(line, ',');
    if (table.names.empty()) {
      for (const auto cell : cells) table.names.emplace_back(text::trim(cell));
      continue;
    }
    std::vector<double> row;
    for (const auto cell : cells) row.push_back(text::number(text::trim(cell)).value_or(-1));
    if (row.size() == table.names.size()) table.rows.push_back(std::move(row));
  }
  return table;
}

void compare(const std::filesystem::path& folder) {
  const Table gpu = read(folder / "nvsmi.csv"), meter = read(folder / "pmd_1khz.csv");
  if (gpu.rows.size() < 2 || meter.rows.size() < 2) return;
  const double from_ms = std::max(gpu.rows.front()[0], meter.rows.front()[0]);
  const double to_ms = std::min(gpu.rows.back()[0], meter.rows.back()[0]);
  double truth = 0;
  for (std::size_t i = 0; i + 1 < meter.rows.size(); ++i) {
    const double a = std::max(meter.rows[i][0], from_ms), b = std::min(meter.rows[i + 1][0], to_ms);
    if (b > a) truth += meter.rows[i][1] * (b - a) * 1e-3;
  }
  Sensor sensor;
  sensor.quantity = Quantity::power;
  sensor.behavior = Behavior::gauge;
  sensor.domain = Domain::gpu;
  sensor.scale = 1e-3;
  sensor.resolution = 10;
  sensor.refresh_ns = 100'000'000;
  sensor.max_power_W = 1000;
  for (std::size_t column = 1; column < gpu.names.size(); ++column) {
    if (!gpu.names[column].starts_with("power.draw")) continue;
    // Since Ampere, but for the A100, "draw" is the mean of a second, and the log has the same once more by that name.
    const bool mean = std::find(gpu.names.begin(), gpu.names.end(), "power.draw.average") != gpu.names.end();
    sensor.averaging_ns = mean && gpu.names[column] != "power.draw.instant" ? 1'000'000'000 : 0;
    Series series;
    for (const auto& row : gpu.rows)
      series.push({static_cast<std::int64_t>((row[0] - from_ms) * 1e6) + 1'000'000'000,
                   static_cast<std::int64_t>(row[column] * 1e3), 0});
    const auto length_ns = static_cast<std::int64_t>((to_ms - from_ms) * 1e6);
    const Energy e = energy_between(sensor, series, {1'000'000'000, 1'000'000'000 + length_ns});
    fmt::print("| {} | {} | {:.1f} | {:.1f} | {:.1f} +- {:.1f} | {:+.1f} % | {} |\n", folder.filename().string(),
               gpu.names[column], static_cast<double>(length_ns) * 1e-9, truth, e.joules, e.uncertainty_J,
               100 * (e.joules / truth - 1), std::abs(e.joules - truth) <= e.uncertainty_J + 0.05 * e.joules ? "yes" : "no");
  }
}

}  // namespace

int main(int argc, char** argv) {
  fmt::print("| log | column | s | meter, J | ours, J | off | within +- and 5 % |\n|---|---|---|---|---|---|---|\n");
  for (int i = 1; i < argc; ++i) compare(argv[i]);
}
