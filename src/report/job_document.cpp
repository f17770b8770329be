// SPDX-License-Identifier: BSD-3-Clause
#include "report/job_document.hpp"

#include "base/text.hpp"
#include "base/units.hpp"
#include "model/outside.hpp"

namespace perun {

namespace {

Json time_or_null(const Moment& m) {
  return m.mono_ns == 0 ? Json(nullptr) : Json(units::iso8601(m.real_ns));
}

Json rank_of(const RunSummary& run, const RankRecord& r) {
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
  out["ranks"] = Json::array();
  for (const auto& r : job.ranks) out["ranks"].push_back(rank_of(run, r));
  return out;
}

}  // namespace perun
