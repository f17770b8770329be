// SPDX-License-Identifier: BSD-3-Clause
#include "cli/archive.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "analysis/summarize.hpp"
#include "base/text.hpp"
#include "model/summary_text.hpp"
#include "version.hpp"

namespace perun {

namespace fs = std::filesystem;

namespace {

constexpr int store_wait_ms = 10'000;

/// The run that one of the words means.
Result<int> choose_one(const Source& source, const std::vector<int>& numbers, std::string_view word, const fs::path& file) {
  const auto absent = [&](std::string_view why) {
    return Error{Errc::not_found, fmt::format("{} has no run '{}'{}", file.string(), text::to_utf8(word), why),
                 fmt::format("it holds {} runs, {} to {}; also: last, last~1, all, the beginning of an id", numbers.size(),
                             numbers.front(), numbers.back())};
  };
  if (word == "last" || word.starts_with("last~")) {
    const auto back = word == "last" ? std::optional<std::int64_t>(0) : text::integer(word.substr(5));
    if (!back || *back < 0 || *back >= static_cast<std::int64_t>(numbers.size())) return absent("");
    return numbers[numbers.size() - 1 - static_cast<std::size_t>(*back)];
  }
  if (const auto number = text::integer(word))
    if (std::find(numbers.begin(), numbers.end(), *number) != numbers.end()) return static_cast<int>(*number);
  std::vector<int> found;
  if (!word.empty())
    for (const int number : numbers) {
      const auto id = source.id(number);
      if (!id) return id.error();
      if (id->starts_with(word)) found.push_back(number);
    }
  if (found.size() > 1) return absent(fmt::format(": the ids of {} runs begin like that", found.size()));
  if (found.empty()) return absent("");
  return found.front();
}

RunSummary summarized(const Run& run, std::span<Readings* const> readings) {
  RunSummary summary = summarize(run, readings);
  summary.made_by = made_by(version);
  return summary;
}

/// Of files that perun only reads there is never a summary stored.
Result<RunSummary> summary_of(const Source& source, int number, Figures figures) {
  if (source.store() != nullptr) return summary_of(source.store()->at(number), figures);
  const auto loaded = source.load(number);
  if (!loaded) return loaded.error();
  return summarized(*loaded);
}

Footprint& operator+=(Footprint& sum, const Footprint& f) {
  sum.facility_kWh += f.facility_kWh;
  sum.co2e_kg += f.co2e_kg;
  sum.cost_cent += f.cost_cent;
  return sum;
}

/// What the runs of a file that keeps no totals add up to.
Status add_totals(const Source& source, std::span<const int> numbers, const Adjust& adjust, Summary& summary) {
  summary.runs_in_file = static_cast<int>(numbers.size());
  for (const int number : numbers) {
    auto run = summary_of(source, number, Figures::recomputed);
    if (!run) return run.error();
    const auto factors = adjust(run->factors, [&] { return source.load(number); });
    if (!factors) return factors.error();
    look_through(*run, *factors);
    summary.total.duration_s += run->usage.duration_s;
    if (run->usage.energy.kind != Kind::unavailable) summary.total.energy += run->usage.energy;
    summary.total.power_max_W = std::max(summary.total.power_max_W, run->usage.power_max_W);
    if (run->footprint)
      (summary.total_footprint ? *summary.total_footprint : summary.total_footprint.emplace()) += *run->footprint;
  }
  if (summary.total.duration_s > 0) summary.total.power_mean_W = summary.total.energy.joules() / summary.total.duration_s;
  return Ok{};
}

Result<Summary> summarize_runs(const Source& source, const fs::path& file, std::span<const int> numbers, const Adjust& adjust,
                               Figures figures) {
  bool adjusted = false;
  Summary summary;
  summary.app = source.app();
  summary.file = file.string();
  for (const int number : numbers) {
    auto run = summary_of(source, number, figures);
    if (!run) return Error{run.error().code, fmt::format("'{}': {}", file.string(), run.error().what), run.error().hint};
    run->app = source.app();  // which may have been renamed since
    const auto factors = adjust(run->factors, [&] { return source.load(number); });
    if (!factors) return factors.error();
    if (*factors != run->factors) {
      look_through(*run, *factors);
      adjusted = true;
    }
    summary.runs.push_back(*std::move(run));
  }
  if (source.store() == nullptr) {
    const auto all = source.numbers();
    if (!all) return all.error();
    if (const auto added = add_totals(source, *all, adjust, summary); !added) return added.error();
    return summary;
  }
  const auto totals = source.store()->totals();
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

RunSummary summarized(const Run& run) {
  RunSummary summary = summarize(run);
  summary.made_by = made_by(version);
  return summary;
}

Result<RunSummary> summary_of(const RunInFile& run, Figures figures) {
  if (figures == Figures::stored_if_current)
    if (auto stored = run.summary(); stored && stored->made_by == made_by(version)) return *std::move(stored);
  const auto opened = run.open();
  if (!opened) return opened.error();
  std::vector<Readings*> readings;
  for (const auto& node : opened->readings) readings.push_back(node.get());
  auto summary = summarized(opened->run, readings);
  for (std::size_t i = 0; i < opened->readings.size(); ++i)
    if (const auto read = opened->readings[i]->status(); !read)
      return Error{read.error().code,
                   fmt::format("run {}, node '{}': {}", opened->run.number, opened->run.nodes[i].host, read.error().what)};
  return summary;
}

fs::path data_file(const fs::path& data_out, std::string_view app) {
  return data_out / (std::string(app) + ".hdf5");
}

Result<Factors> own_factors(const Factors& own, const LoadRun&) {
  return own;
}

StoreRun storing_into(const fs::path& data_out, const FactorChoice& choice) {
  return [data_out, choice](const Run& run, Presence presence) -> Result<Stored> {
    StoredTotals totals;
    std::string text;
    const auto file = data_file(data_out, run.app);
    const auto and_keep = [&](const Run& stored, std::span<Readings* const> readings) {
      RunSummary summary = summarized(stored, readings);
      if (choice.folds()) look_through(summary, choice.folded(stored, readings));
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

StoreRun storing_nowhere(const FactorChoice& choice) {
  return [choice](const Run& run, Presence) -> Result<Stored> {
    Run whole = run;
    for (NodeRecord& node : whole.nodes) {
      const Recording* recording = std::exchange(node.recording, nullptr);
      if (recording == nullptr) continue;
      node.series.resize(node.sensors.size());
      const auto read = recording->replay([&](std::span<const Sample> samples) {
        for (const Sample& s : samples)
          if (s.sensor < node.series.size()) node.series[s.sensor].push(s.reading);
      });
      if (!read) return read.error();
    }
    if (choice.folds()) whole.factors = choice.folded(whole);
    Stored stored;
    stored.summary = encode(summarized(whole));
    return stored;
  };
}

Result<Summary> summarize_file(const fs::path& file, std::string_view which, const Adjust& adjust, Figures figures) {
  const auto source = Source::open(file);
  if (!source) return source.error();
  const auto numbers = choose_runs(*source, file, which);
  if (!numbers) return numbers.error();
  return summarize_runs(*source, file, *numbers, adjust, figures);
}

Result<std::vector<int>> choose_runs(const Source& source, const fs::path& file, std::string_view which) {
  const auto numbers = source.numbers();
  if (!numbers) return numbers.error();
  if (numbers->empty()) return Error{Errc::not_found, fmt::format("{} holds no runs", file.string())};
  if (which == "all") return numbers;
  std::vector<int> chosen;
  for (const auto word : text::split(which, ',')) {
    const auto one = choose_one(source, *numbers, text::trim(word), file);
    if (!one) return one.error();
    chosen.push_back(*one);
  }
  std::sort(chosen.begin(), chosen.end());
  chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
  return chosen;
}

Result<std::vector<int>> choose_runs(const fs::path& file, std::string_view which) {
  const auto source = Source::open(file);
  if (!source) return source.error();
  return choose_runs(*source, file, which);
}

Result<std::vector<fs::path>> data_files(const fs::path& data_out) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(data_out, error))
    if (entry.path().extension() == ".hdf5" && !entry.path().filename().string().starts_with("."))
      files.push_back(entry.path());
  if (error)
    return Error{Errc::not_found, fmt::format("cannot read {}: {}", data_out.string(), error.message()),
                 "name a FILE, or --data_out"};
  std::sort(files.begin(), files.end());
  return files;
}

Result<fs::path> newest_file(const fs::path& data_out) {
  const auto files = data_files(data_out);
  if (!files) return files.error();
  std::optional<std::pair<fs::file_time_type, fs::path>> newest;
  for (const auto& file : *files) {
    std::error_code none;
    const std::pair candidate{fs::last_write_time(file, none), file};
    if (!none && (!newest || *newest < candidate)) newest = candidate;
  }
  if (!newest)
    return Error{Errc::not_found, fmt::format("no data files in {}", data_out.string()), "name a FILE, or --data_out"};
  return newest->second;
}

}  // namespace perun
