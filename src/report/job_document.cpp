// SPDX-License-Identifier: BSD-3-Clause
#include "report/job_document.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/text.hpp"
#include "base/units.hpp"
#include "model/outside.hpp"
#include "report/document.hpp"

namespace perun {

namespace {

Json time_or_null(const Moment& m) {
  return m.mono_ns == 0 ? Json(nullptr) : Json(units::iso8601(m.real_ns));
}

/// By what part the highest is above the mean; nothing of fewer than two that are known.
Json most_over_mean(const std::vector<double>& values) {
  double sum = 0, most = 0;
  std::size_t known = 0;
  for (const double v : values) {
    if (!std::isfinite(v)) continue;
    sum += v;
    most = std::max(most, v);
    ++known;
  }
  return known < 2 || sum <= 0 ? Json(nullptr) : json_number(most * static_cast<double>(known) / sum - 1);
}

Json imbalance_of(const RunSummary& run) {
  constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> nodes, cpu;
  for (const auto& n : run.nodes) nodes.push_back(n.usage.energy.kind == Kind::unavailable ? unknown : n.usage.energy.joules());
  for (const auto& r : run.job->ranks)
    if (r.status == RankStatus::ok || r.status == RankStatus::failed) cpu.push_back(r.user_s + r.system_s);
  if (from_outside(*run.job)) cpu.clear();
  return {{"node_energy", most_over_mean(nodes)},
          {"rank_energy", most_over_mean(run.rank_energies_J)},
          {"rank_cpu", most_over_mean(cpu)}};
}

Json rank_of(const RunSummary& run, std::size_t number) {
  const RankRecord& r = run.job->ranks[number];
  Json out;
  const auto i = static_cast<std::size_t>(r.node);
  out["rank"] = r.rank;
  out["host"] = r.node >= 0 && i < run.nodes.size() ? Json(text::to_utf8(run.nodes[i].host)) : Json(nullptr);
  out["status"] = name(r.status);
  const bool ended = r.status == RankStatus::ok || r.status == RankStatus::failed;
  const bool seen = ended && !from_outside(*run.job);
  out["exit_code"] = ended ? Json(r.exit_code) : Json(nullptr);
  out["signal"] = r.signal != 0 ? Json(r.signal) : Json(nullptr);
  out["begin"] = time_or_null(r.begin);
  out["end"] = time_or_null(r.end);
  out["user_s"] = seen ? Json(r.user_s) : Json(nullptr);
  out["system_s"] = seen ? Json(r.system_s) : Json(nullptr);
  out["max_rss_bytes"] = seen ? Json(r.max_rss_bytes) : Json(nullptr);
  constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
  const double joules = number < run.rank_energies_J.size() ? run.rank_energies_J[number] : unknown;
  const double of_node = r.node >= 0 && i < run.nodes.size() ? run.nodes[i].usage.energy.joules() : 0;
  out["energy_J"] = json_number(joules);
  out["node_share"] = json_number(of_node > 0 ? joules / of_node : unknown);
  return out;
}

}  // namespace

Json job_of(const RunSummary& run) {
  const JobRecord& job = *run.job;
  Json out;
  out["launcher"] = text::to_utf8(job.launcher);
  out["key"] = text::to_utf8(job.key);
  out["size"] = job.size;
  out["scheduler"] = Json::object();
  for (const auto& [key, value] : job.scheduler) out["scheduler"][text::to_utf8(key)] = text::to_utf8(value);
  out["clock_errors_s"] = Json::array();
  for (const auto& node : run.nodes)
    out["clock_errors_s"].push_back(node.clock_error_s ? Json(*node.clock_error_s) : Json(nullptr));
  out["clocks_ahead"] = Json::array();
  for (const auto& node : run.nodes)
    out["clocks_ahead"].push_back(node.clock_ahead ? Json{{"ahead_s", node.clock_ahead->s},
                                                          {"error_s", node.clock_ahead->error_s},
                                                          {"drift_s", node.clock_ahead->drift_s}}
                                                   : Json(nullptr));
  out["imbalance"] = imbalance_of(run);
  out["ranks"] = Json::array();
  for (std::size_t i = 0; i < job.ranks.size(); ++i) out["ranks"].push_back(rank_of(run, i));
  return out;
}

}  // namespace perun
