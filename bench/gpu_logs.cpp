// SPDX-License-Identifier: BSD-3-Clause
// gpu_logs FOLDER...: energy by our formulas from recorded power of GPUs (nvsmi.csv) beside that of a meter in the line
// (pmd_1khz.csv: ms since 1970, W), over the time both have, and beside the sum in which each value holds until the next.
// For the table in docs/accuracy.md; tests/e2e/gpu_logs_test.py holds it to a log made up.
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

/// Each value holds until the next one's time: what most tools make of a log. Times in ms.
double held_J(const Table& table, std::size_t column, double from_ms, double to_ms) {
  double joules = 0;
  for (std::size_t i = 0; i + 1 < table.rows.size(); ++i) {
    const double a = std::max(table.rows[i][0], from_ms), b = std::min(table.rows[i + 1][0], to_ms);
    if (b > a) joules += table.rows[i][column] * (b - a) * 1e-3;
  }
  return joules;
}

/// What the columns of a log say of the board: since Ampere "draw" is the mean of a second, and stands there once more by
/// that name. Where only the moment has a column of its own it is an A100, which looks for 25 of every 100 ms.
std::int64_t averaging_ns(const Table& gpu, const std::string& column) {
  const auto has = [&](const char* name) { return std::find(gpu.names.begin(), gpu.names.end(), name) != gpu.names.end(); };
  if (has("power.draw.average")) return column == "power.draw.instant" ? 0 : 1'000'000'000;
  return has("power.draw.instant") ? 25'000'000 : 0;
}

void compare(const std::filesystem::path& folder) {
  const Table gpu = read(folder / "nvsmi.csv"), meter = read(folder / "pmd_1khz.csv");
  if (gpu.rows.size() < 2 || meter.rows.size() < 2) {
    fmt::print(stderr, "{}: no nvsmi.csv and pmd_1khz.csv with rows\n", folder.string());
    return;
  }
  const double from_ms = std::max(gpu.rows.front()[0], meter.rows.front()[0]);
  const double to_ms = std::min(gpu.rows.back()[0], meter.rows.back()[0]);
  const double truth = held_J(meter, 1, from_ms, to_ms);
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
    sensor.averaging_ns = averaging_ns(gpu, gpu.names[column]);
    Series series;
    for (const auto& row : gpu.rows)
      series.push({static_cast<std::int64_t>((row[0] - from_ms) * 1e6) + 1'000'000'000,
                   static_cast<std::int64_t>(row[column] * 1e3), 0});
    const auto length_ns = static_cast<std::int64_t>((to_ms - from_ms) * 1e6);
    const Energy e = energy_between(sensor, series, {1'000'000'000, 1'000'000'000 + length_ns});
    const double held = held_J(gpu, column, from_ms, to_ms);
    fmt::print("| {} | {} | {:.1f} | {:.1f} | {:.1f} | {:.1f} +- {:.1f} | {:+.1f} % | {} |\n", folder.filename().string(),
               gpu.names[column], static_cast<double>(length_ns) * 1e-9, truth, held, e.joules, e.uncertainty_J,
               100 * (e.joules / truth - 1), std::abs(e.joules - truth) <= e.uncertainty_J + 0.05 * e.joules ? "yes" : "no");
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "gpu_logs FOLDER... with nvsmi.csv and pmd_1khz.csv each\n");
    return 2;
  }
  fmt::print(
      "| log | column | s | meter, J | held, J | ours, J | off | within +- and 5 % |\n|---|---|---|---|---|---|---|---|\n");
  for (int i = 1; i < argc; ++i) compare(argv[i]);
}
