// SPDX-License-Identifier: BSD-3-Clause
#include "cli/archive.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "analysis/summarize.hpp"
#include "base/text.hpp"
#include "journal/journal.hpp"
#include "model/summary_text.hpp"
#include "version.hpp"

namespace perun {

namespace fs = std::filesystem;

namespace {

constexpr int store_wait_ms = 10'000;

/// Which of the stored runs `which` means.
Result<std::vector<int>> choose(const Store& store, std::string_view which, const fs::path& file) {
  const auto stored = store.numbers();
  if (!stored) return stored.error();
  const auto& numbers = *stored;
  if (numbers.empty()) return Error{Errc::not_found, fmt::format("{} holds no runs", file.string())};
  if (which == "all") return numbers;
  const auto absent = [&] {
    return Error{
        Errc::not_found, fmt::format("{} has no run '{}'", file.string(), which),
        fmt::format("it holds {} runs, {} to {}; also: last, last~1, all", numbers.size(), numbers.front(), numbers.back())};
  };
  if (which == "last" || which.starts_with("last~")) {
    const auto back = which == "last" ? std::optional<std::int64_t>(0) : text::integer(which.substr(5));
    if (!back || *back < 0 || *back >= static_cast<std::int64_t>(numbers.size())) return absent();
    return std::vector<int>{numbers[numbers.size() - 1 - static_cast<std::size_t>(*back)]};
  }
  const auto number = text::integer(which);
  if (!number || std::find(numbers.begin(), numbers.end(), *number) == numbers.end()) return absent();
  return std::vector<int>{static_cast<int>(*number)};
}

/// Which analysis computes here, as RunSummary::made_by.
std::string this_analysis() {
  return fmt::format("perun {}, analysis {}", version, analysis_revision);
}

RunSummary summarized(const Run& run, std::span<Readings* const> readings) {
  RunSummary summary = summarize(run, readings);
  summary.made_by = this_analysis();
  return summary;
}

using Adjust = std::function<Factors(const Factors&)>;

Footprint& operator+=(Footprint& sum, const Footprint& f) {
  sum.facility_kWh += f.facility_kWh;
  sum.co2e_kg += f.co2e_kg;
  sum.cost_cent += f.cost_cent;
  return sum;
}

Result<Summary> summarize_runs(const Store& store, const fs::path& file, std::span<const int> numbers, const Adjust& adjust,
                               Figures figures) {
  bool adjusted = false;
  Summary summary;
  summary.app = store.app();
  summary.file = file.string();
  for (const int number : numbers) {
    auto run = summary_of(store.at(number), figures);
    if (!run) return Error{run.error().code, fmt::format("'{}': {}", file.string(), run.error().what), run.error().hint};
    if (const Factors factors = adjust(run->factors); factors != run->factors) {
      look_through(*run, factors);
      adjusted = true;
    }
    summary.runs.push_back(*std::move(run));
  }
  const auto totals = store.totals();
  summary.runs_in_file = totals.runs;
  summary.total = totals.usage;
  summary.total_footprint = totals.footprint;
  if (adjusted) {
    summary.total_footprint.reset();
    if (static_cast<int>(summary.runs.size()) == totals.runs)
      for (const auto& run : summary.runs)
        if (run.footprint)
          (summary.total_footprint ? *summary.total_footprint : summary.total_footprint.emplace()) += *run.footprint;
  }
  return summary;
}

}  // namespace

Result<RunSummary> summary_of(const RunInFile& run, Figures figures) {
  if (figures == Figures::stored_if_current)
    if (auto stored = run.summary(); stored && stored->made_by == this_analysis()) return *std::move(stored);
  const auto opened = run.open();
  if (!opened) return opened.error();
  std::vector<Readings*> readings;
  for (const auto& node : opened->readings) readings.push_back(node.get());
  auto summary = summarized(opened->run, readings);
  for (const auto& node : opened->readings)
    if (auto read = node->status(); !read) return read.error();
  return summary;
}

fs::path data_file(const fs::path& data_out, std::string_view app) {
  return data_out / (std::string(app) + ".hdf5");
}

StoreRun storing_into(const fs::path& data_out) {
  return [data_out](const Run& run, Presence presence) -> Result<Stored> {
    StoredTotals totals;
    std::string text;
    const auto file = data_file(data_out, run.app);
    const auto and_keep = [&](const Run& stored, std::span<Readings* const> readings) {
      RunSummary summary = summarized(stored, readings);
      text = encode(summary);
      return summary;
    };
    const auto number = append_run(file, run, and_keep, presence == Presence::perhaps_there, store_wait_ms, &totals);
    if (!number) return number.error();
    if (text.empty()) {  // it was there already
      const auto store = Store::open(file);
      const auto summary = store ? store->at(*number).summary() : std::nullopt;
      if (summary) text = encode(*summary);
    }
    return Stored{*number, totals.runs, totals.usage, totals.footprint, text};
  };
}

std::vector<std::string> recover(const fs::path& data_out) {
  std::vector<std::string> lines;
  for (const auto& journal : journal::abandoned(data_out)) {
    const auto stored = rescue(journal, std::nullopt, storing_into(data_out));
    if (stored) {
      lines.push_back(fmt::format("recovered a run that had been cut off, as run {} ({})", stored->number,
                                  journal.parent_path().filename().string()));
    } else if (stored.error().code != Errc::busy && stored.error().code != Errc::not_found) {
      lines.push_back(fmt::format("a run that was cut off is kept in {} and could not be stored: {}", journal.string(),
                                  stored.error().what));
    }
  }
  return lines;
}

Result<Summary> summarize_file(const fs::path& file, std::string_view which, const Adjust& adjust, Figures figures) {
  const auto store = Store::open(file);
  if (!store) return store.error();
  const auto numbers = choose(*store, which, file);
  if (!numbers) return numbers.error();
  return summarize_runs(*store, file, *numbers, adjust, figures);
}

Result<std::vector<int>> choose_runs(const fs::path& file, std::string_view which) {
  const auto store = Store::open(file);
  if (!store) return store.error();
  return choose(*store, which, file);
}

Result<fs::path> newest_file(const fs::path& data_out) {
  std::optional<std::pair<fs::file_time_type, fs::path>> newest;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(data_out, error)) {
    if (entry.path().extension() != ".hdf5" || entry.path().filename().string().starts_with(".")) continue;
    std::error_code none;
    const std::pair candidate{entry.last_write_time(none), entry.path()};
    if (!none && (!newest || *newest < candidate)) newest = candidate;
  }
  if (error)
    return Error{Errc::not_found, fmt::format("cannot read {}: {}", data_out.string(), error.message()),
                 "name a FILE, or --data_out"};
  if (!newest)
    return Error{Errc::not_found, fmt::format("no data files in {}", data_out.string()), "name a FILE, or --data_out"};
  return newest->second;
}

}  // namespace perun
