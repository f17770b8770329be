// SPDX-License-Identifier: BSD-3-Clause
#include "cli/timelines.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "analysis/timeline.hpp"
#include "cli/archive.hpp"
#include "exchange/source.hpp"

namespace perun {

namespace {

PastRun past(const RunSummary& run) {
  return {run.number, run.begin_real_ns, run.usage, run.title, run.outcome.finished};
}

Result<std::vector<PastRun>> history_of(const Source& source) {
  std::vector<PastRun> history;
  if (source.store() != nullptr) {
    const auto list = source.store()->list();
    if (!list) return list.error();
    for (const StoredRun& run : *list)
      history.push_back({run.number, run.begin_real_ns, run.usage, run.title, run.outcome.finished});
    return history;
  }
  const auto numbers = source.numbers();
  if (!numbers) return numbers.error();
  for (const int number : *numbers) {
    const auto run = source.load(number);
    if (!run) return run.error();
    history.push_back(past(summarized(*run)));
  }
  return history;
}

/// Of a run of any length, whose readings stay in perun's own file.
Result<Timeline> timeline_from(const Source& source, int number, std::uint64_t most_readings) {
  if (source.store() == nullptr) {
    const auto run = source.load(number);
    if (!run) return run.error();
    return timeline_of(*run, most_readings);
  }
  const auto opened = source.store()->at(number).open();
  if (!opened) return opened.error();
  std::vector<Readings*> readings;
  for (const auto& node : opened->readings) readings.push_back(node.get());
  Timeline timeline = timeline_of(opened->run, readings, most_readings);
  for (const auto& node : opened->readings)
    if (const auto read = node->status(); !read) return read.error();
  return timeline;
}

Status add_from(const Source& source, Summary& summary, const Config& config) {
  auto history = history_of(source);
  if (!history) return history.error();
  summary.history = *std::move(history);
  summary.timelines.resize(summary.runs.size());
  const std::uint64_t each = config.html_max_samples / std::max<std::size_t>(summary.runs.size(), 1);
  for (std::size_t i = 0; i < summary.runs.size(); ++i) {
    if (summary.runs[i].number < 0) continue;
    auto timeline = timeline_from(source, summary.runs[i].number, each);
    if (!timeline) return timeline.error();
    summary.timelines[i] = *std::move(timeline);
  }
  return Ok{};
}

}  // namespace

Status add_timelines(Summary& summary, const std::filesystem::path& file, const Config& config) {
  const auto source = Source::open(file);
  if (!source) return source.error();
  const auto added = add_from(*source, summary, config);
  if (!added) return Error{added.error().code, fmt::format("'{}': {}", file.string(), added.error().what), added.error().hint};
  return Ok{};
}

Result<DrawnRun> drawn_run(const Source& source, int number, std::uint64_t most_readings) {
  auto timeline = timeline_from(source, number, most_readings);
  if (!timeline) return timeline.error();
  if (source.store() != nullptr) {
    auto summary = summary_of(source.store()->at(number));
    if (!summary) return summary.error();
    return DrawnRun{*std::move(summary), *std::move(timeline)};
  }
  const auto run = source.load(number);
  if (!run) return run.error();
  return DrawnRun{summarized(*run), *std::move(timeline)};
}

void add_timeline(Summary& summary, const Run& run, const Config& config) {
  summary.timelines.resize(summary.runs.size());
  summary.timelines.back() = timeline_of(run, config.html_max_samples);
  summary.history.push_back(past(summary.runs.back()));
}

}  // namespace perun
