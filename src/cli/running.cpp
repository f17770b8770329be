// SPDX-License-Identifier: BSD-3-Clause
#include "cli/running.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/summarize.hpp"
#include "base/text.hpp"
#include "cli/archive.hpp"
#include "cli/recovery.hpp"
#include "cli/timelines.hpp"
#include "journal/job_folder.hpp"
#include "journal/join.hpp"
#include "journal/journal.hpp"

namespace perun {

namespace fs = std::filesystem;

namespace {

/// Journals of living writers for `data_out`, in it and in the spool.
std::vector<fs::path> living(const fs::path& data_out, const fs::path& spool) {
  std::vector<fs::path> paths;
  std::error_code none;
  const auto take = [&](const fs::path& folder, bool all) {
    for (const auto& [path, standing] : journal::journals(folder))
      if (standing != journal::Standing::cut_off && (all || fs::equivalent(journal::home_of(path), data_out, none)))
        paths.push_back(path);
  };
  take(data_out, true);
  if (!spool.empty() && !fs::equivalent(spool, data_out, none)) take(spool, false);
  return paths;
}

bool being_written(const fs::path& job) {
  return std::ranges::any_of(journal::parts_of(job), journal::alive);
}

Status add(Summary& summary, Run& run, const Adjust& adjust) {
  run.outcome.running = true;
  run.outcome.interrupted_by.clear();
  const auto factors = adjust(run.factors, [&] { return Result<Run>(run); });
  if (!factors) return factors.error();
  run.factors = *factors;
  summary.runs.push_back(summarize(run));
  const RunSummary& added = summary.runs.back();
  if (summary.app.find(run.app) == std::string::npos) summary.app += (summary.app.empty() ? "" : ", ") + run.app;
  ++summary.runs_in_file;
  summary.total.duration_s += added.usage.duration_s;
  summary.total.energy += added.usage.energy;
  summary.total.power_max_W = std::max(summary.total.power_max_W, added.usage.power_max_W);
  if (summary.total.duration_s > 0) summary.total.power_mean_W = summary.total.energy.joules() / summary.total.duration_s;
  if (added.footprint) {
    auto& sum = summary.total_footprint ? *summary.total_footprint : summary.total_footprint.emplace();
    sum.facility_kWh += added.footprint->facility_kWh;
    sum.co2e_kg += added.footprint->co2e_kg;
    sum.cost_cent += added.footprint->cost_cent;
  }
  return Ok{};
}

}  // namespace

std::vector<RunInProgress> runs_in_progress(const fs::path& data_out, const Config& config) {
  std::vector<RunInProgress> runs;
  for (const auto& path : living(data_out, spool_of(config))) runs.push_back({path.parent_path().filename().string(), {path}});
  for (const auto& name : journal::names_of_jobs(data_out, spool_of(config))) {
    const auto folders = journal::folders_of_job(data_out, spool_of(config), name);
    if (std::ranges::none_of(folders, being_written)) continue;
    RunInProgress run;
    for (const auto& folder : folders) {
      if (run.id.empty())
        if (const auto id = journal::job_run_id(folder)) run.id = *id;
      for (const auto& part : journal::parts_of(folder)) run.journals.push_back(part.path);
    }
    if (!run.id.empty() && !run.journals.empty()) runs.push_back(std::move(run));
  }
  return runs;
}

Result<Summary> summarize_running(const fs::path& place, const Config& config, const Adjust& adjust, bool draw) {
  std::error_code none;
  const bool folder = fs::is_directory(place, none);
  const fs::path data_out = folder ? place : place.has_parent_path() ? place.parent_path() : fs::path(".");
  Summary summary;
  for (const auto& path : living(data_out, spool_of(config))) {
    auto contents = journal::read(path);
    // One that is just being removed is no run in progress any more; one that has not begun is none yet.
    if (!contents || !contents->begun) continue;
    if (!folder && data_file(data_out, contents->run.app).filename() != place.filename()) continue;
    if (auto ok = add(summary, contents->run, adjust); !ok) return ok.error();
    if (draw) add_timeline(summary, contents->run, config);
  }
  for (const auto& name : journal::names_of_jobs(data_out, spool_of(config))) {
    const auto folders = journal::folders_of_job(data_out, spool_of(config), name);
    if (std::ranges::none_of(folders, being_written)) continue;
    auto run = journal::read_job(folders);  // not_found: none of its ranks has begun
    if (!run || (!folder && data_file(data_out, run->app).filename() != place.filename())) continue;
    if (auto ok = add(summary, *run, adjust); !ok) return ok.error();
    if (draw) add_timeline(summary, *run, config);
  }
  if (summary.runs.empty())
    return Error{Errc::not_found, fmt::format("no run is in progress in {}", text::printable(place.string())),
                 "stored runs: perun report without --running"};
  return summary;
}

}  // namespace perun
