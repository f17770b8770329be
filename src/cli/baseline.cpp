// SPDX-License-Identifier: BSD-3-Clause
#include "cli/baseline.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <optional>
#include <utility>

#include "analysis/baseline.hpp"
#include "analysis/summarize.hpp"
#include "backends/bounded.hpp"
#include "base/units.hpp"
#include "cli/recovery.hpp"
#include "host/machine.hpp"
#include "host/sysfs.hpp"
#include "sampling/sampler.hpp"
#include "sampling/watch.hpp"
#include "store/store.hpp"

namespace perun {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::seconds patience{5};  ///< with sensors that are slower than the baseline is long
constexpr int readings_per_baseline = 100;
constexpr std::int64_t shortest_period_ns = 10'000'000;

Error unusable(const fs::path& file, std::string_view why) {
  return {Errc::invalid, fmt::format("--baseline: {}: {}", file.string(), why), {}};
}

Result<Baseline> measured(const NodeRecord& node, std::span<const std::unique_ptr<Backend>> backends, std::int64_t ns) {
  const std::int64_t wanted = std::max(ns / readings_per_baseline, shortest_period_ns);
  const std::int64_t period = std::min(wanted, guarded_period_ns(1e9 / static_cast<double>(wanted), backends));
  NodeRecord idle = node;
  const std::int64_t begin = monotonic_ns();
  // A source that hangs is left behind with its thread.
  auto series = within(std::chrono::nanoseconds(ns) + patience, [backends, period, ns] { return watch(backends, period, ns); });
  if (!series)
    return Error{Errc::io,
                 fmt::format("--baseline: a sensor did not answer for {} s while the idle node was measured", patience.count()),
                 "perun sensors tells which are slow; --exclude leaves one out"};
  idle.series = *std::move(series);
  // The middle of the first reading and of the last: what lies between was seen.
  Window window{begin, begin + ns};
  for (const Series& s : idle.series)
    if (s.size() > 1) window = {std::max(window.from_ns, s.t_ns.front()), s.t_ns.back()};
  auto baseline = baseline_of(idle, window);
  if (!baseline) return Error{baseline.error().code, "--baseline: " + baseline.error().what, baseline.error().hint};
  baseline->real_ns = now().real_ns;
  baseline->origin = "measured before the run";
  return baseline;
}

/// The node's counted sensors are those of the baseline.
bool same_sensors(const NodeRecord& node, const Baseline& baseline) {
  std::vector<std::string> ids;
  for (const Sensor& s : node.sensors)
    if (s.counted && (s.quantity == Quantity::energy || s.quantity == Quantity::power)) ids.push_back(s.id);
  return ids == baseline.sensors;
}

FindBaseline known(Baseline baseline) {
  return
      [baseline = std::move(baseline)](const NodeRecord& node, std::span<const std::unique_ptr<Backend>>) -> Result<Baseline> {
        if (!baseline.stated() && !same_sensors(node, baseline))
          return Error{Errc::unsupported, "--baseline: it was measured with other sensors than this run's total has",
                       "measure a new one: --baseline 10s"};
        return baseline;
      };
}

/// A baseline from its own file.
Result<Baseline> from_text(const fs::path& file, std::string_view text) {
  auto baseline = decode_baseline(text);
  if (!baseline) return unusable(file, baseline.error().what);
  return baseline;
}

/// The newest run of this node in a data file, taken as idle.
Result<Baseline> from_runs(const fs::path& file) {
  const auto store = Store::open(file);
  if (!store) return unusable(file, store.error().what);
  const auto runs = store->list();
  if (!runs) return unusable(file, runs.error().what);
  const std::string host = host_name();
  for (auto stored = runs->rbegin(); stored != runs->rend(); ++stored) {
    const auto run = store->load(stored->number);
    if (!run) return unusable(file, run.error().what);
    for (const NodeRecord& node : run->nodes) {
      if (node.host != host) continue;
      auto baseline = baseline_of(node, window_of(*run, node));
      if (!baseline) return unusable(file, fmt::format("run {}: {}", stored->number, baseline.error().what));
      baseline->real_ns = run->end.real_ns;
      baseline->origin = fmt::format("run {} in {}", stored->number, file.string());
      return baseline;
    }
  }
  return unusable(file, fmt::format("holds no run of this node, {}", host));
}

Result<Baseline> from_file(const fs::path& file) {
  std::error_code none;
  if (!fs::is_regular_file(file, none)) return unusable(file, "no such file");
  const auto text = sysfs::text(file, 1 << 16);
  if (!text || !text->starts_with('{')) return from_runs(file);
  auto baseline = from_text(file, *text);
  if (!baseline) return baseline;
  if (baseline->host != host_name())
    return unusable(file, fmt::format("is of another node, {}; this is {}", baseline->host, host_name()));
  baseline->origin = "stored in " + file.string();
  return baseline;
}

/// All or nothing, so that no reader sees half of it.
bool keep(const fs::path& file, const Baseline& baseline) {
  if (file.empty()) return false;
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  const fs::path fresh = fmt::format("{}.{}", file.string(), ::getpid());
  const bool written = static_cast<bool>(std::ofstream(fresh, std::ios::trunc) << encode(baseline) << '\n' << std::flush);
  if (written) fs::rename(fresh, file, error);
  if (!written || error) {
    std::error_code none;
    fs::remove(fresh, none);
    return false;
  }
  return true;
}

/// The stored one, if it is young enough and of this host.
std::optional<Baseline> fresh_one(const fs::path& file) {
  const auto text = file.empty() ? std::nullopt : sysfs::text(file, 1 << 16);
  if (!text) return std::nullopt;
  auto baseline = decode_baseline(*text);
  if (!baseline || baseline->stated() || baseline->host != host_name()) return std::nullopt;
  const std::int64_t age = now().real_ns - baseline->real_ns;
  if (age < 0 || age > auto_baseline_age_ns) return std::nullopt;
  baseline->origin = fmt::format("stored {} before", units::duration(static_cast<double>(age) * 1e-9));
  return *std::move(baseline);
}

BaselinePlan automatic() {
  const fs::path file = stored_baseline();
  auto stored = fresh_one(file);
  BaselinePlan plan{{}, auto_baseline_ns, {}};
  if (!stored) plan.notice = "measuring the idle node for 10 s, for the baseline; then the program starts";
  plan.find = [file, stored](const NodeRecord& node, std::span<const std::unique_ptr<Backend>> backends) -> Result<Baseline> {
    if (stored && same_sensors(node, *stored)) return *stored;
    auto baseline = measured(node, backends, auto_baseline_ns);
    if (baseline && !keep(file, *baseline))
      baseline->origin += fmt::format(" (and not stored: cannot write {})", file.string());
    return baseline;
  };
  return plan;
}

}  // namespace

fs::path stored_baseline() {
  const fs::path state = state_folder();
  if (state.empty()) return {};
  std::string host = host_name();
  std::ranges::replace(host, '/', '_');
  return state / ("baseline-" + host + ".json");
}

Result<BaselinePlan> plan_baseline(const Config& config) {
  const auto wish = parse_baseline(config.baseline);
  if (!wish) return wish.error();
  switch (wish->from) {
    case BaselineWish::From::nothing:
      return BaselinePlan{};
    case BaselineWish::From::stated:
      return BaselinePlan{known(Baseline{.power_W = wish->power_W, .host = host_name(), .origin = "stated"})};
    case BaselineWish::From::automatic:
      return automatic();
    case BaselineWish::From::file: {
      auto baseline = from_file(wish->file);
      if (!baseline) return baseline.error();
      return BaselinePlan{known(*std::move(baseline))};
    }
    case BaselineWish::From::measured:
      break;
  }
  const std::int64_t ns = wish->ns;
  const auto length = units::duration(static_cast<double>(ns) * 1e-9);
  return BaselinePlan{
      [ns](const NodeRecord& node, std::span<const std::unique_ptr<Backend>> backends) { return measured(node, backends, ns); },
      ns, fmt::format("measuring the idle node for {}, for the baseline; then the program starts", length)};
}

}  // namespace perun
