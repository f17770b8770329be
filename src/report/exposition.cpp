// SPDX-License-Identifier: BSD-3-Clause
#include "report/exposition.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "base/text.hpp"

namespace perun {

namespace {

struct Row {
  std::string_view name, type, help;
};
/// By Metric.
constexpr std::array<Row, 16> rows{{
    {"perun_energy_joules_total", "counter",
     "Energy since the begin of the run, each joule once: the sum over devices is the node."},
    {"perun_domain_energy_joules_total", "counter", "Energy by meter, in detail: domains overlap, do not add them up."},
    {"perun_power_watts", "gauge", "Power over about the last second; of a run that has ended its mean."},
    {"perun_power_limit_watts", "gauge", "Power that may not be exceeded."},
    {"perun_temperature_celsius", "gauge", "Temperature."},
    {"perun_utilization_ratio", "gauge", "How busy it is, 0 to 1."},
    {"perun_memory_used_bytes", "gauge", "Memory in use; of a run that has ended the most."},
    {"perun_emissions_grams_total", "counter", "CO2e of the energy, with PUE and the emissions factor of the run."},
    {"perun_region_energy_joules_total", "counter", "Energy by region; of a run in progress what its node used meanwhile."},
    {"perun_run_duration_seconds", "gauge", "How long the run has lasted."},
    {"perun_samples_total", "counter", "Readings of sensors."},
    {"perun_samples_missed_total", "counter", "Readings that failed."},
    {"perun_backend_up", "gauge", "Whether a source of readings can be used."},
    {"perun_run_info", "gauge", "The run that the other metrics are of."},
    {"perun_build_info", "gauge", "The perun that wrote this."},
    {"perun_scrape_duration_seconds", "gauge", "How long putting this together took."},
}};

std::string escaped(std::string_view value) {
  std::string out;
  for (const char c : text::to_utf8(value)) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out;
}

}  // namespace

void Exposition::add(Metric metric, const Labels& labels, double value) {
  if (!std::isfinite(value)) return;
  std::string& out = values_[metric];
  out += rows[static_cast<std::size_t>(metric)].name;
  char before = '{';
  for (const auto& [name, text] : labels) {
    out += fmt::format("{}{}=\"{}\"", before, name, escaped(text));
    before = ',';
  }
  out += fmt::format("{} {:.12g}\n", labels.empty() ? "" : "}", value);
}

std::string Exposition::text() const {
  std::string out;
  for (const auto& [metric, values] : values_) {
    const Row& row = rows[static_cast<std::size_t>(metric)];
    out += fmt::format("# HELP {} {}\n# TYPE {} {}\n{}", row.name, row.help, row.name, row.type, values);
  }
  return out;
}

void add_build(Exposition& out, std::string_view version) {
  out.add(Metric::build_info, {{"version", std::string(version)}}, 1);
}

}  // namespace perun
