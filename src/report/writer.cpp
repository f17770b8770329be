// SPDX-License-Identifier: BSD-3-Clause
#include "report/writer.hpp"

#include <fmt/format.h>

#include "base/units.hpp"
#include "report/layout.hpp"
#include "report/wording.hpp"

namespace perun {

const ReportWriter* find_report_writer(std::string_view name) noexcept {
  for (const ReportWriter* writer : report_writers())
    if (writer->name == name) return writer;
  return nullptr;
}

std::string one_line(const Summary& summary, const RunSummary& run) {
  const Usage& usage = run.usage;
  const double s = usage.duration_s;
  const std::string time = s >= 9.95 ? fmt::format("{:.1f} s", s) : units::si(s, "s");
  const std::string place =
      summary.file.empty() ? ""
                           : " " + layout::printable(summary.file) + (run.number < 0 ? "" : fmt::format("#{}", run.number));
  if (usage.energy.kind == Kind::unavailable) return fmt::format("perun: energy n/a {}{}\n", time, place);
  const auto tag = wording::tag(usage.energy.kind);
  return fmt::format("perun: {}{} {} {}{} {}CO2e{}{}\n", wording::joules(usage.energy.joules()), tag, time,
                     wording::watts(usage.power_mean_W), tag, run.footprint ? wording::co2e(run.footprint->co2e_kg) : "n/a ",
                     tag, place);
}

}  // namespace perun
