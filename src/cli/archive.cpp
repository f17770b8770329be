// SPDX-License-Identifier: BSD-3-Clause
#include "cli/archive.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "analysis/summarize.hpp"
#include "base/text.hpp"
#include "journal/job_folder.hpp"
#include "journal/journal.hpp"
#include "launch/job.hpp"
#include "store/store.hpp"

namespace perun {

namespace fs = std::filesystem;

namespace {

constexpr int store_wait_ms = 10'000;

/// Which of the stored runs `which` means.
Result<std::vector<int>> choose(const Store& store, std::string_view which, const fs::path& file) {
  const auto runs = store.list();
  if (!runs) return runs.error();
  std::vector<int> numbers;
  for (const auto& run : *runs) numbers.push_back(run.number);
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

using Adjust = std::function<Factors(const Factors&)>;

Footprint& operator+=(Footprint& sum, const Footprint& f) {
  sum.facility_kWh += f.facility_kWh;
  sum.co2e_kg += f.co2e_kg;
  sum.cost_cent += f.cost_cent;
  return sum;
}

Result<Summary> summarize_runs(const Store& store, const fs::path& file, std::span<const int> numbers, const Adjust& adjust) {
  bool adjusted = false;
  Summary summary;
  summary.app = store.app();
  summary.file = file.string();
  for (const int number : numbers) {
    auto run = store.load(number);
    if (!run) return run.error();
    const Factors own = std::exchange(run->factors, adjust(run->factors));
    adjusted = adjusted || own != run->factors;
    summary.runs.push_back(summarize(*run));
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

fs::path data_file(const fs::path& data_out, std::string_view app) {
  return data_out / (std::string(app) + ".hdf5");
}

StoreRun storing_into(const fs::path& data_out) {
  return [data_out](const Run& run, Presence presence) -> Result<Stored> {
    StoredTotals totals;
    const auto number = append_run(data_file(data_out, run.app), run, summarize(run), presence == Presence::perhaps_there,
                                   store_wait_ms, &totals);
    if (!number) return number.error();
    return Stored{*number, totals.runs, totals.usage, totals.footprint};
  };
}

namespace {

/// The same for the jobs, of which no part is written to any more.
void recover_jobs(const fs::path& data_out, std::vector<std::string>& lines) {
  for (const auto& folder : journal::job_folders(data_out)) {
    const auto stored = commit_job(folder, storing_into(data_out));
    const auto name = folder.filename().string();
    if (stored)
      lines.push_back(fmt::format("recovered a job that had been cut off, as run {} ({})", stored->number, name));
    else if (stored.error().code == Errc::unsupported)
      lines.push_back(stored.error().what + ": " + stored.error().hint);
    else if (stored.error().code != Errc::busy && stored.error().code != Errc::not_found)
      lines.push_back(fmt::format("a job that was cut off is kept in {} and could not be stored: {}", folder.string(),
                                  stored.error().what));
  }
}

}  // namespace

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
  recover_jobs(data_out, lines);
  return lines;
}

Result<Summary> summarize_file(const fs::path& file, std::string_view which, const Adjust& adjust) {
  const auto store = Store::open(file);
  if (!store) return store.error();
  const auto numbers = choose(*store, which, file);
  if (!numbers) return numbers.error();
  return summarize_runs(*store, file, *numbers, adjust);
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
