// SPDX-License-Identifier: BSD-3-Clause
#include "exchange/python_tree.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <set>

#include "base/json.hpp"
#include "base/text.hpp"
#include "model/domains.hpp"

namespace perun {

namespace {

/// What all of these files have in common.
constexpr std::string_view origin_text =
    "measured by the Python perun{}, not by this one. Its file does not tell failed readings from zeros, when the program "
    "began "
    "and ended (the first and last reading are taken for it), its exit status, gaps, lost readings, or the readings' errors; "
    "dates have no time zone and are taken for UTC; times are kept to single precision of the seconds since the start";

std::string meta(const PythonNode& node, const std::string& key) {
  const auto found = node.metadata.find(key);
  return found == node.metadata.end() ? "" : found->second;
}

/// A setting as it was in force when the rounds ran, kept as "section.option".
std::optional<double> setting(const PythonNode& rounds, const std::string& key) {
  return text::number(text::trim(meta(rounds, key)));
}

Factors factors_of(const PythonNode& rounds) {
  constexpr const char* source = "its own configuration";
  Factors f;
  if (const auto pue = setting(rounds, "post-processing.pue")) f.pue = *pue, f.pue_source = source;
  if (const auto g = setting(rounds, "post-processing.emissions_factor"))
    f.emissions_kg_per_kWh = *g / 1000, f.emissions_source = source;
  if (const auto euro = setting(rounds, "post-processing.price_factor"))
    f.price_cent_per_kWh = *euro * 100, f.price_source = source;
  if (const auto watt = setting(rounds, "post-processing.power_overhead"); watt && *watt > 0)
    f.overhead_power_W = *watt, f.overhead_source = source;
  return f;
}

std::vector<std::int64_t> times_of(const PythonRow& row, std::int64_t begin_ns) {
  std::vector<std::int64_t> t_ns;
  for (std::size_t k = 0; k < row.size(); ++k) {
    const double s = row.mag * (row.whole ? static_cast<double>(row.integers[k]) : row.numbers[k]);
    t_ns.push_back(begin_ns + (std::isfinite(s) && std::abs(s) < 1e9 ? std::llround(s * 1e9) : 0));
  }
  return t_ns;
}

/// All sensors below, whatever groups they are in.
void collect(const PythonNode& below, std::int64_t begin_ns, NodeRecord& node) {
  for (const auto& child : below.nodes) {
    if (child.type == PythonNode::Type::sensor && child.values.size() > 0) {
      node.sensors.push_back(python_sensor(child.id, child.device_type, child.values));
      node.series.push_back(python_series(child.values, times_of(child.timesteps, begin_ns)));
    }
    collect(child, begin_ns, node);
  }
}

/// The ranks of a host, as it says; of an only one all there are.
std::vector<int> ranks_of(const PythonNode& host, const PythonNode& run) {
  std::set<int> ranks;
  const std::string text = meta(host, "mpi_ranks");
  const Json said = Json::parse(text.starts_with('[') ? text : "[" + text + "]", nullptr, false);
  if (said.is_array())
    for (const Json& rank : said)
      if (rank.is_number_integer()) ranks.insert(rank.get<int>());
  const auto hosts = std::ranges::count(run.nodes, PythonNode::Type::node, &PythonNode::type);
  if (ranks.empty() && hosts == 1)
    for (const auto& [name, by_rank] : run.regions)
      for (const auto& [rank, seconds] : by_rank) ranks.insert(rank);
  return {ranks.begin(), ranks.end()};
}

NodeRecord node_of(const PythonNode& from, const PythonNode& run, std::int64_t begin_ns) {
  NodeRecord node;
  node.host = from.id;
  collect(from, begin_ns, node);
  node.marks = python_marks(run.regions, ranks_of(from, run), begin_ns);
  const auto verdicts = judge_total(node.sensors);
  for (std::size_t i = 0; i < verdicts.size(); ++i) node.sensors[i].counted = verdicts[i].counted;
  for (const auto* source : {&run, &from})
    for (const auto& [key, value] : source->metadata) node.attributes.emplace_back(key, value);
  return node;
}

Run run_of(const PythonNode& app, const PythonNode& rounds, const PythonNode& round) {
  Run run;
  run.app = app.id;
  run.id = fmt::format("{}/{}/{}", app.id, rounds.id, round.id);
  run.command = {meta(rounds, "app_name").empty() ? app.id : meta(rounds, "app_name")};
  run.perun_version = meta(rounds, "perun_version");
  run.origin = fmt::format(fmt::runtime(origin_text), run.perun_version.empty() ? "" : " " + text::to_utf8(run.perun_version));
  if (const auto period = setting(rounds, "monitor.sampling_period"); period && *period > 0) run.frequency_hz = 1 / *period;
  run.factors = factors_of(rounds);
  if (rounds.nodes.size() > 1) run.round_id = rounds.id;
  for (std::size_t i = 0; i < rounds.nodes.size(); ++i)
    if (&rounds.nodes[i] == &round) run.round = static_cast<int>(i);
  const std::int64_t begin_ns = python_date_ns(meta(rounds, "execution_dt"));
  std::int64_t end_ns = begin_ns;
  for (const auto& node : round.nodes) {
    if (node.type != PythonNode::Type::node) continue;
    auto& made = run.nodes.emplace_back(node_of(node, round, begin_ns));
    for (const auto& series : made.series)
      if (series.size() > 0) end_ns = std::max(end_ns, series.t_ns.back());
  }
  for (auto& node : run.nodes) node.clock = {{begin_ns, begin_ns}, {end_ns, end_ns}};
  run.begin = {begin_ns, begin_ns};
  run.end = {end_ns, end_ns};
  run.outcome.finished = true;
  return run;
}

}  // namespace

Result<JsonRuns> runs_of(const PythonNode& app) {
  if (app.type != PythonNode::Type::app) return Error{Errc::format, "begins with no application of the Python perun"};
  JsonRuns out;
  out.app = app.id;
  for (const auto& rounds : app.nodes)
    for (const auto& round : rounds.nodes) {
      if (round.type != PythonNode::Type::run) continue;
      out.runs.push_back(run_of(app, rounds, round));
      out.runs.back().number = static_cast<int>(out.runs.size()) - 1;
    }
  return out;
}

std::int64_t python_date_ns(const std::string& text) {
  const std::string_view s = text::trim(text);
  const auto part = [&](std::size_t at, std::size_t count) -> std::optional<int> {
    if (s.size() < at + count) return std::nullopt;
    const auto digits = s.substr(at, count);
    const auto n = digits.find_first_not_of("0123456789") == std::string_view::npos ? text::integer(digits) : std::nullopt;
    return n ? std::optional(static_cast<int>(*n)) : std::nullopt;
  };
  const auto y = part(0, 4), mon = part(5, 2), d = part(8, 2), h = part(11, 2), min = part(14, 2), sec = part(17, 2);
  if (!y || !mon || !d || !h || !min || !sec || *y < 1970 || *y > 2261) return 0;
  const std::chrono::year_month_day date{std::chrono::year(*y), std::chrono::month(static_cast<unsigned>(*mon)),
                                         std::chrono::day(static_cast<unsigned>(*d))};
  if (!date.ok()) return 0;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const std::int64_t seconds = ((days * 24 + *h) * 60 + *min) * 60 + *sec;
  const auto micros = s.size() > 20 && s[19] == '.' ? part(20, std::min<std::size_t>(6, s.size() - 20)) : std::nullopt;
  const double scale = micros ? std::pow(10, 9 - static_cast<double>(std::min<std::size_t>(6, s.size() - 20))) : 0;
  return seconds * 1'000'000'000 + std::llround(micros.value_or(0) * scale);
}

}  // namespace perun
