// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <cmath>
#include <string>
#include <vector>

#include "analysis/statistics.hpp"
#include "base/units.hpp"
#include "report/document.hpp"
#include "report/writer.hpp"

namespace perun {

namespace {

/// What github-action-benchmark (customSmallerIsBetter) takes: an array of names, units and values. Names hold no run, units no
/// prefix, so that a series goes on from commit to commit; an estimate has a name of its own and never continues a measured
/// series, and what is not available is left out.
class Series {
 public:
  /// A value of one run, with the half width of its own error.
  void add(const std::string& name, std::string_view unit, Kind kind, double value, double error) {
    if (kind == Kind::unavailable || !std::isfinite(value)) return;
    const std::string full = kind == Kind::measured ? name : name + " (estimated)";
    for (Line& line : lines_)
      if (line.name == full) return line.values.push_back(value);
    lines_.push_back({full, std::string(unit), {value}, error});
  }

  [[nodiscard]] Json document(const std::string& place) const {
    Json out = Json::array();
    for (const Line& line : lines_) {
      const auto sample = statistics::sample_of(line.values);
      const double error = sample.count > 1 ? std::sqrt(sample.variance) : line.error;
      Json one;
      one["name"] = json_words(line.name);
      one["unit"] = line.unit;
      one["value"] = json_number(sample.mean);
      std::string extra = fmt::format("n = {}; {}", sample.count, place);
      if (error > 0) {
        one["range"] = "+- " + units::significant(error, 3);
        extra += sample.count > 1 ? "; range: standard deviation" : "; range: 95 % interval of the reading";
      }
      one["extra"] = json_words(extra);
      out.push_back(std::move(one));
    }
    return out;
  }

 private:
  struct Line {
    std::string name, unit;
    std::vector<double> values;
    double error;
  };
  std::vector<Line> lines_;
};

/// "gpu07, EPYC 7763"
std::string place_of(const RunSummary& run) {
  if (run.nodes.size() != 1) return fmt::format("{} nodes", run.nodes.size());
  std::string out = run.nodes.front().host;
  for (const auto& [key, value] : run.nodes.front().attributes)
    if (key == "cpu_model") out += ", " + value;
  return out;
}

std::string write(const Summary& summary, const Style&) {
  Series series;
  for (const auto& run : summary.runs) {
    const std::string app = run.app.empty() ? summary.app : run.app;
    const Amount& e = run.usage.energy;
    series.add(app + " - energy", "J", e.kind, e.joules(), e.uncertainty_J);
    series.add(app + " - time", "s", Kind::measured, run.usage.duration_s, 0);
    for (const auto& w : run.regions.work)
      if (w.joules_per_unit > 0)
        series.add(fmt::format("{} - energy per {}", app, w.name), "J", e.kind, w.joules_per_unit, w.uncertainty_J);
    for (const auto& r : run.regions.regions) {
      const std::string name = app + " / " + r.name;
      series.add(name + " - energy", "J", r.resolved ? r.energy.kind : Kind::unavailable, r.energy.joules(),
                 r.energy.uncertainty_J);
      series.add(name + " - time", "s", Kind::measured, r.wall_s, 0);
    }
  }
  return series.document(summary.runs.empty() ? "" : place_of(summary.runs.front())).dump(2) + "\n";
}

}  // namespace

extern const ReportWriter bench_writer{"bench", "values for github-action-benchmark; also the suffix .bench.json", &write};

}  // namespace perun
