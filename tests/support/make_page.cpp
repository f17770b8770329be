// SPDX-License-Identifier: BSD-3-Clause
// make_page FOLDER: the HTML report of made-up runs, one file for each, for the tests in a browser.
// make_page FOLDER samples N | calls N | names N: of a run with N readings, with 64 ranks that call regions N times, or with N
// regions.
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <random>
#include <string>

#include "analysis/fold.hpp"
#include "analysis/timeline.hpp"
#include "base/missing.hpp"
#include "report/writer.hpp"
#include "support/runs.hpp"

namespace perun::test {
namespace {

constexpr std::uint64_t most_readings = 2'000'000;

void write_page(const std::string& file, const Summary& summary) {
  std::ofstream(file, std::ios::binary) << find_report_writer("html")->write(summary, {});
}

/// The page of a run that is the newest of `others` + 1.
void write_run(const std::string& file, const Run& run, int others = 0) {
  Summary summary = summary_of(run, others + 1);
  summary.timelines = {timeline_of(run, most_readings)};
  for (int i = 0; i <= others; ++i) {
    const RunSummary& shown = summary.runs.front();
    PastRun past{i, shown.begin_real_ns - (others - i) * 3'600'000'000'000, shown.usage, "", true};
    past.usage.energy.measured_J *= 1 + 0.03 * (others - i);
    past.number = i == others ? shown.number : i;
    summary.history.push_back(past);
  }
  write_page(file, summary);
}

/// Names that must stay names.
Run hostile_run() {
  Run run = regions_run();
  const std::string bad =
      "</script><script>document.title='pwned'</script><!--\"'&\xE2\x80\xA8\xE2\x80\xAE"
      "abc\x1B[31m\n\xFF";
  run.app = bad;
  run.command = {bad, "--x=" + bad};
  run.title = bad;
  run.tags = {"<img src=x onerror=alert(1)>"};
  NodeRecord& node = run.nodes.front();
  node.host = bad;
  node.attributes.emplace_back(bad, bad);
  node.sensors[0].label = bad;
  node.sensors[0].id = "rapl:" + bad;
  node.marks.names[2] = bad;
  node.blocked.push_back({bad, bad, bad});
  return run;
}

/// The first `readings` of every sensor.
Run cut_short(Run run, std::size_t readings) {
  for (auto& series : run.nodes.front().series) {
    series.t_ns.resize(std::min(series.size(), readings));
    series.raw.resize(series.t_ns.size());
    series.halfwidth_ns.resize(series.t_ns.size());
  }
  return run;
}

Run all_failed() {
  Run run = measured_run();
  for (auto& series : run.nodes.front().series) series.raw.assign(series.raw.size(), missing);
  return run;
}

/// 100 W + 50 W sin(2 pi t / 100 s) on four packages, together `count` readings at 100 Hz, each up to 200 us late.
Run long_run(std::size_t count) {
  const std::size_t each = count / 4;
  const double length = static_cast<double>(each - 1) / 100;
  Run run = make_run(length);
  run.outcome.user_s = length;
  NodeRecord node = make_node("gpu07", length);
  for (int i = 0; i < 4; ++i) {
    Sensor sensor = package(i);
    Series series;
    std::minstd_rand late(static_cast<unsigned>(i + 1));
    for (std::size_t k = 0; k < each; ++k) {
      const auto t_ns = static_cast<std::int64_t>(k) * 10'000'000 + static_cast<std::int64_t>(late() % 200'000);
      const double t = static_cast<double>(t_ns) * 1e-9, w = 2 * std::acos(-1.0) / 100;
      const double joules = 100 * t + 50 / w * (1 - std::cos(w * t));
      auto raw = static_cast<std::int64_t>(joules / sensor.scale);
      if (sensor.wraps_at > 0) raw %= sensor.wraps_at;
      series.push({run_begin_mono + t_ns, raw, 1000});
    }
    node.sensors.push_back(sensor);
    node.series.push_back(std::move(series));
  }
  run.nodes.push_back(std::move(node));
  return run;
}

/// One thread that calls `count` regions, each of another name, one after the other.
Run names_run(std::size_t count) {
  const double length = 100;
  Run run = make_run(length);
  NodeRecord node = make_node("node01", length);
  add_sensor(node, package(0), Power({{30, 80}, {40, 180}, {30, 60}}), 0.1, length);
  Marks& marks = node.marks;
  marks.names = {std::string(other_names)};
  marks.threads.push_back({.number = 0, .rank = 0, .pid = 1000, .tid = 1000});
  for (std::size_t k = 0; k < count; ++k) {
    marks.names.push_back("step " + std::to_string(k));
    const double slot = length / static_cast<double>(count);
    const std::int64_t from = run_begin_mono + ns(slot * static_cast<double>(k)), to = from + ns(slot * 0.8);
    const auto name = static_cast<std::uint32_t>(k + 1);
    marks.timeline.push_back({.t_ns = from, .name = name, .thread = 0, .kind = MarkKind::begin});
    marks.timeline.push_back({.t_ns = to, .name = name, .thread = 0, .kind = MarkKind::end});
  }
  run.nodes.push_back(std::move(node));
  return run;
}

/// 64 ranks that load, compute and write in turn, `count` calls in all.
Run ranks_run(std::size_t count) {
  constexpr int ranks = 64;
  const double length = 100;
  Run run = make_run(length);
  NodeRecord node = make_node("node01", length);
  add_sensor(node, package(0), Power({{30, 80}, {40, 180}, {30, 60}}), 0.1, length);
  Marks& marks = node.marks;
  marks.names = {std::string(other_names), "load", "compute", "write"};
  const auto each = static_cast<std::int64_t>(count / ranks);
  for (int r = 0; r < ranks; ++r) {
    const auto thread = static_cast<std::uint16_t>(r);
    marks.threads.push_back({.number = thread, .rank = r, .pid = 1000 + r, .tid = 1000 + r});
    for (std::int64_t k = 0; k < each; ++k) {
      const double slot = length / static_cast<double>(each);
      const std::int64_t from = run_begin_mono + ns(slot * static_cast<double>(k)), to = from + ns(slot * 0.8);
      const auto name = static_cast<std::uint32_t>(1 + (k + r) % 3);
      marks.timeline.push_back({.t_ns = from, .name = name, .thread = thread, .kind = MarkKind::begin});
      marks.timeline.push_back({.t_ns = to, .name = name, .thread = thread, .kind = MarkKind::end});
    }
  }
  run.nodes.push_back(std::move(node));
  return run;
}

/// Sixteen GPUs, each a gauge with a curve of its own, beside two packages.
Run many_gpus_run() {
  Run run = make_run(30);
  NodeRecord node = make_node("gpu07", 30);
  for (int i = 0; i < 2; ++i) add_sensor(node, package(i), Power({{30, 120.0 + 20 * i}}), 0.1, 30);
  for (int i = 0; i < 16; ++i) {
    Sensor sensor = power_gauge();
    sensor.id = "nvml:gpu-" + std::to_string(i);
    sensor.label = "gpu:" + std::to_string(i) + " A100-SXM4-80GB";
    sensor.source = "nvml power";
    sensor.domain = Domain::gpu;
    const double busy = 300 + 7 * i;
    add_sensor(node, sensor, Power({{2 + 0.5 * i, 60}, {8, busy}, {4, 90}, {8, busy - 40}, {20, 60}}), 0.1, 30);
  }
  run.nodes.push_back(std::move(node));
  return run;
}

/// 173 W for a second, 373 W for two; factors that change twice, one of them not known from 0.5 to 1 s, and embodied emissions.
Run changing_factors_run() {
  Run run = measured_run();
  const auto at = [](double seconds) { return run_begin_real + ns(seconds); };
  const FactorSeries emissions{{{at(-60), 0.1}, {at(0.5), std::nullopt}, {at(1), 0.5}, {at(2), 0.2}, {at(60), std::nullopt}}};
  const FactorSeries price{{{at(-60), -20}, {at(1.5), 40}, {at(60), std::nullopt}}};
  Factors& f = run.factors;
  f.overhead_power_W = 27;  // so that it is 200 W, then 400 W
  f.overhead_source = f.embodied_source = f.resource_source = "command line";
  f.embodied_kg = 2500;
  f.resource_share = 0.5;
  const Folded carbon = fold(run, emissions), cost = fold(run, price);
  f.emissions_kg_per_kWh = carbon.mean;
  f.emissions_over_time = carbon.steps;
  f.emissions_source = "mean of grid.csv over the run's energy";
  f.price_cent_per_kWh = cost.mean;
  f.price_over_time = cost.steps;
  f.price_source = "mean of price.csv over the run's energy";
  run.work = {{"rows", 10}};
  return run;
}

void write_all(const std::string& folder) {
  const auto at = [&](const char* name) { return folder + "/" + name + ".html"; };
  write_run(at("measured"), measured_run(), 4);
  write_run(at("mixed"), mixed_run());
  write_run(at("estimated"), estimated_run());
  write_run(at("unavailable"), unavailable_run());
  write_run(at("interrupted"), interrupted_run());
  write_run(at("nodes"), nodes_run());
  write_run(at("job"), job_run());
  write_run(at("regions"), regions_run());
  write_run(at("baseline"), baseline_run());
  write_run(at("awkward"), awkward_run());
  write_run(at("hostile"), hostile_run());
  write_run(at("no_samples"), cut_short(measured_run(), 0));
  write_run(at("one_sample"), cut_short(measured_run(), 1));
  write_run(at("all_gaps"), all_failed());
  write_run(at("ranks"), ranks_run(6400));
  write_run(at("factors"), changing_factors_run());
  write_run(at("gpus"), many_gpus_run());
  write_page(at("no_timeline"), summary_of(measured_run(), 1));
}

}  // namespace
}  // namespace perun::test

int main(int argc, char** argv) {
  using namespace perun::test;
  const std::string folder = argc > 1 ? argv[1] : "";
  if (argc == 2) {
    write_all(folder);
  } else if (argc == 4) {
    const auto count = static_cast<std::size_t>(std::atoll(argv[3]));
    const std::string what = argv[2];
    write_run(folder + "/" + what + ".html", what == "calls"   ? ranks_run(count)
                                             : what == "names" ? names_run(count)
                                                               : long_run(count));
  } else {
    std::cerr << "usage: make_page FOLDER [samples|calls|names N]\n";
    return 2;
  }
  return 0;
}
