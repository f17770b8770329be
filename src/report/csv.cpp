// SPDX-License-Identifier: BSD-3-Clause
#include <cmath>
#include <optional>
#include <string>
#include <string_view>

#include "base/text.hpp"
#include "base/units.hpp"
#include "report/document.hpp"
#include "report/writer.hpp"

namespace perun {

namespace {

// One row for each run, node, device and region; a column never changes its meaning or unit, new ones come last.
constexpr std::string_view header =
    "app,run,id,begin,level,node,name,domain,source,counted,kind,energy_J,uncertainty_J,lower_J,upper_J,measured_J,"
    "estimated_J,time_s,power_mean_W,power_max_W,share,calls,facility_kWh,co2e_kg,cost_cent\n";

/// Cells of a row, RFC 4180; what is not available is empty.
class Row {
 public:
  Row& text(std::string_view s) {
    const std::string plain = text::to_utf8(s);
    const bool quoted = plain.find_first_of(",\"\r\n") != std::string::npos;
    std::string cell;
    for (const char c : plain) cell += quoted && c == '"' ? std::string("\"\"") : std::string(1, c);
    return put(quoted ? "\"" + cell + "\"" : cell);
  }
  Row& number(double value) { return put(std::isfinite(value) ? json_number(value).dump() : ""); }
  Row& number_if(bool known, double value) { return known ? number(value) : put(""); }
  Row& skip(int cells) {
    while (cells-- > 0) put("");
    return *this;
  }
  Row& put(std::string_view cell) {
    line_ += (line_.empty() && first_ ? "" : ",") + std::string(cell);
    first_ = false;
    return *this;
  }
  [[nodiscard]] std::string line() const { return line_ + "\n"; }

 private:
  std::string line_;
  bool first_ = true;
};

Row begin(const Summary& summary, const RunSummary& run, std::string_view level, std::string_view node, std::string_view name) {
  Row row;
  row.text(run.app.empty() ? summary.app : run.app).put(run.number < 0 ? "" : std::to_string(run.number)).text(run.id);
  row.put(units::iso8601(run.begin_real_ns)).put(level).text(node).text(name);
  return row;
}

Row& energy(Row& row, const Amount& e) {
  const bool known = e.kind != Kind::unavailable;
  row.put(name(e.kind)).number_if(known, e.joules()).number_if(known, e.uncertainty_J);
  row.number_if(known, e.lower_J).number_if(known, e.upper_J);
  return row.number_if(known, e.measured_J).number_if(known, e.estimated_J);
}

Row& usage(Row& row, const Usage& u) {
  const bool known = u.energy.kind != Kind::unavailable;
  return energy(row, u.energy).number(u.duration_s).number_if(known, u.power_mean_W).number_if(known, u.power_max_W);
}

std::string run_row(const Summary& summary, const RunSummary& run) {
  Row row = begin(summary, run, "run", "", "");
  usage(row.skip(3), run.usage).skip(2);
  const auto& f = run.footprint;
  row.number_if(f.has_value(), f ? f->facility_kWh : 0).number_if(f.has_value(), f ? f->co2e_kg : 0);
  return row.number_if(f.has_value(), f ? f->cost_cent : 0).line();
}

std::string device_row(const Summary& summary, const RunSummary& run, const NodeSummary& node, const DeviceSummary& d) {
  Row row = begin(summary, run, "device", node.host, d.id);
  row.put(name(d.domain)).text(d.source).put(d.counted ? "true" : "false");
  return usage(row, d.usage).number_if(d.counted && d.kind != Kind::unavailable, d.share).skip(4).line();
}

std::string region_row(const Summary& summary, const RunSummary& run, std::string_view node, const RegionSummary& r) {
  Row row = begin(summary, run, "region", node, r.name);
  energy(row.skip(3), r.resolved ? r.energy : Amount{}).number(r.wall_s).number_if(r.resolved, r.power_mean_W).skip(1);
  return row.number_if(r.resolved, r.share).put(std::to_string(r.calls)).skip(3).line();
}

std::string write(const Summary& summary, const Style&) {
  std::string out(header);
  for (const auto& run : summary.runs) {
    out += run_row(summary, run);
    for (const auto& node : run.nodes) {
      Row row = begin(summary, run, "node", node.host, "");
      out += usage(row.skip(3), node.usage).skip(5).line();
      for (const auto& d : node.devices) out += device_row(summary, run, node, d);
    }
    for (const auto& r : run.regions.regions) out += region_row(summary, run, "", r);
    if (run.nodes.size() > 1)
      for (const auto& node : run.nodes)
        for (const auto& r : node.regions.regions) out += region_row(summary, run, node.host, r);
  }
  return out;
}

}  // namespace

extern const ReportWriter csv_writer{"csv", "a row for each run, node, device and region", &write};

}  // namespace perun
