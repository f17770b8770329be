// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <algorithm>

#include "analysis/summarize.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "cli/archive.hpp"
#include "cli/commands.hpp"
#include "cli/recovery.hpp"
#include "cli/terminal.hpp"
#include "report/wording.hpp"
#include "store/store.hpp"
#include "version.hpp"

namespace perun {

namespace {

/// "pue 1.58 -> 1.2 (command line)", for each factor that differs.
std::string changes(const Factors& before, const Factors& after) {
  std::string out;
  const auto add = [&](std::string_view name, double from, double to, std::string_view place) {
    if (from != to)
      out += fmt::format("{}{} {} -> {} ({})", out.empty() ? "" : ", ", name, text::shortest(from), text::shortest(to), place);
  };
  add("pue", before.pue, after.pue, after.pue_source);
  add("emissions-factor", before.emissions_kg_per_kWh, after.emissions_kg_per_kWh, after.emissions_source);
  add("price-factor", before.price_cent_per_kWh, after.price_cent_per_kWh, after.price_source);
  add("overhead-power", before.overhead_power_W, after.overhead_power_W, after.overhead_source);
  add("embodied-kg", before.embodied_kg, after.embodied_kg, after.embodied_source);
  add("lifespan-years", before.lifespan_years, after.lifespan_years, after.lifespan_source);
  add("resource-share", before.resource_share, after.resource_share, after.resource_source);
  return out.empty() ? "factors unchanged" : out;
}

std::string footprint_line(const std::optional<Footprint>& f) {
  return f ? fmt::format("{} CO2e, {}", wording::co2e(f->co2e_kg), wording::cost(f->cost_cent)) : "n/a";
}

}  // namespace

int postprocess(const CommandLine& line, const Resolved& resolved) {
  const std::filesystem::path file = *line.file;
  for (const auto& recovered : recover(file.has_parent_path() ? file.parent_path() : ".", resolved.config)) say(recovered);
  const auto chosen = choose_runs(file, line.run.value_or("all"));
  if (!chosen) {
    complain(chosen.error());
    return 1;
  }
  const auto choice = FactorChoice::of(resolved, Layer::system_file);
  if (!choice) {
    complain(choice.error());
    return 2;
  }
  std::string told;
  const auto revise = [&](const RunInFile& run) -> Result<RunSummary> {
    auto summary = summary_of(run);
    if (!summary || !std::ranges::binary_search(*chosen, run.number())) return summary;
    const Factors own = summary->factors;
    const auto before = summary->footprint;
    const auto factors = choice->replace(own, [&] { return run.load(); });
    if (!factors) return factors.error();
    look_through(*summary, *factors);
    told += fmt::format("run {}: {}; {} -> {}\n", run.number(), changes(own, summary->factors), footprint_line(before),
                        footprint_line(summary->footprint));
    return summary;
  };
  if (line.dry_run) {
    const auto store = Store::open(file);
    if (!store) {
      complain(store.error());
      return 1;
    }
    for (const int number : *chosen) {
      if (const auto revised = revise(store->at(number)); !revised) {
        const Error& error = revised.error();
        complain({error.code, fmt::format("'{}': {}", file.string(), error.what), error.hint});
        return 1;
      }
    }
    return print(told + fmt::format("{}: nothing written (--dry-run)\n", file.string())) ? 0 : 1;
  }
  const auto note = fmt::format("{} by perun {}", units::iso8601(now().real_ns), version);
  const auto totals = revise_runs(file, revise, note);
  if (!totals) {
    complain(totals.error());
    return 1;
  }
  const auto summed = fmt::format("{}: {} runs, together {}, {}\n", file.string(), totals->runs,
                                  wording::joules(totals->usage.energy.joules()), footprint_line(totals->footprint));
  return print(line.quiet ? summed : told + summed) ? 0 : 1;
}

}  // namespace perun
