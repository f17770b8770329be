// SPDX-License-Identifier: BSD-3-Clause
#include "cli/factors.hpp"

#include <fmt/format.h>

#include <list>
#include <utility>
#include <vector>

#include "base/units.hpp"
#include "cli/factor_series.hpp"

namespace perun {

namespace {

Error nothing_known(std::string_view name, std::int64_t real_ns) {
  return {Errc::invalid, fmt::format("'{}' tells no factor for {}", name, units::iso8601(real_ns)),
          "a series must have values for the time of the run"};
}

/// "mean of grid.csv by energy (command line)", and how much of the run it does not know.
std::string source(std::string_view name, std::string_view place, double covered) {
  constexpr double all = 0.9999;
  const std::string rest =
      covered < all ? fmt::format(", which knows {} % of it", units::significant(covered * 100, 2)) : std::string();
  return fmt::format("mean of {} over the run's energy{}; {}", name, rest, place);
}

}  // namespace

Result<FactorChoice> FactorChoice::of(const Resolved& resolved, Layer weakest) {
  FactorChoice choice;
  choice.resolved_ = resolved;
  choice.weakest_ = weakest;
  const auto take = [&](std::string_view key, const std::filesystem::path& file, FactorKind kind, Series& to) -> Status {
    const auto origin = resolved.origin.find(key);
    if (file.empty() || origin == resolved.origin.end() || origin->second.layer < weakest) return Ok{};
    auto series = read_factor_series(file, kind);
    if (!series) return Error{series.error().code, fmt::format("{}: {}", key, series.error().what), series.error().hint};
    to = {file.string(), origin->second.place, *std::move(series)};
    return Ok{};
  };
  const Config& c = resolved.config;
  if (auto ok = take("emissions-factor", c.emissions_file, FactorKind::emissions, choice.emissions_); !ok) return ok.error();
  if (auto ok = take("price-factor", c.price_file, FactorKind::price, choice.price_); !ok) return ok.error();
  return choice;
}

Result<Factors> FactorChoice::at(std::int64_t real_ns) const {
  Factors out = factors(resolved_);
  const auto take = [&](const Series& series, double& value, std::string& from) -> Status {
    if (!series.values) return Ok{};
    const auto now = series.values->at(real_ns);
    if (!now) return nothing_known(series.name, real_ns);
    value = *now;
    from = fmt::format("{} as the run began; {}", series.name, series.place);
    return Ok{};
  };
  if (auto ok = take(emissions_, out.emissions_kg_per_kWh, out.emissions_source); !ok) return ok.error();
  if (auto ok = take(price_, out.price_cent_per_kWh, out.price_source); !ok) return ok.error();
  return out;
}

Factors FactorChoice::folded(const Run& run, std::span<Readings* const> readings) const {
  Factors out = run.factors;
  const auto take = [&](const Series& series, double& value, std::string& from, std::vector<FactorStep>& over_time) {
    if (!series.values) return;
    Folded folded = perun::fold(run, readings, *series.values);
    if (folded.covered <= 0) return;
    value = folded.mean;
    from = source(series.name, series.place, folded.covered);
    over_time = std::move(folded.steps);
  };
  take(emissions_, out.emissions_kg_per_kWh, out.emissions_source, out.emissions_over_time);
  take(price_, out.price_cent_per_kWh, out.price_source, out.price_over_time);
  return out;
}

Factors FactorChoice::folded(const Run& run) const {
  std::list<SeriesInMemory> in_memory;
  std::vector<Readings*> readings;
  for (const NodeRecord& node : run.nodes) readings.push_back(&in_memory.emplace_back(node.series));
  return folded(run, readings);
}

Result<Factors> FactorChoice::replace(const Factors& own, const LoadRun& load) const {
  Factors out = replace_factors(own, resolved_, weakest_);
  if (!folds()) return out;
  auto run = load();
  if (!run) return run.error();
  run->factors = out;
  for (const auto* series : {&emissions_, &price_})
    if (series->values && perun::fold(*run, *series->values).covered <= 0)
      return nothing_known(series->name, run->begin.real_ns);
  return folded(*run);
}

}  // namespace perun
