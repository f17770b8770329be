// SPDX-License-Identifier: BSD-3-Clause
#include "cli/instruments.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>

#include "backends/select.hpp"
#include "cli/grades.hpp"
#include "host/machine.hpp"
#include "model/domains.hpp"

namespace perun {

namespace {

/// Why nothing can be measured and what would help, in one line.
std::string notice_without_sensor(const Sources& sources, const Config& config) {
  std::string why;
  for (const auto& b : sources.blocked) why += fmt::format("{}{}: {}", why.empty() ? "" : "; ", b.backend, b.reason);
  if (why.empty()) why = processors(host_of(config)).virtual_machine ? "virtual machine: no RAPL here" : "no RAPL here";
  const bool estimated = std::any_of(sources.listed.begin(), sources.listed.end(), [](const Listed& l) {
    return l.selected && l.sensor.counted && l.sensor.kind == Kind::estimated;
  });
  return fmt::format("no power sensor can be read ({}){}. To measure: perun doctor{}", why,
                     estimated ? "; figures are model estimates" : "", estimated ? ". Off: --no-estimate" : "");
}

/// --strict: what was asked for by name must be there, all of it, and something must measure energy.
Status check_strictly(const Sources& sources, const Config& config) {
  std::vector<std::string> reasons;
  std::string hint;
  const auto refuse = [&](const BlockedSource& b) {
    reasons.push_back(fmt::format("{}: {}", b.backend, b.reason));
    if (hint.empty()) hint = b.hint;
  };
  const bool measured = std::any_of(sources.listed.begin(), sources.listed.end(), measures_energy);
  // Backends that nobody named may be blocked as long as another measures.
  if (!measured || !config.backends.empty()) std::ranges::for_each(sources.blocked, refuse);
  if (measured && reasons.empty()) return Ok{};
  if (!measured) reasons.insert(reasons.begin(), "no power sensor can be read");
  return Error{Errc::unsupported, fmt::format("--strict: the program was not started: {}", fmt::join(reasons, "; ")),
               hint.empty() ? "perun doctor says what can be done" : hint + "; more by perun doctor"};
}

}  // namespace

void raise_file_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

bool measures_energy(const Listed& listed) {
  const Sensor& s = listed.sensor;
  return listed.selected && s.kind == Kind::measured && s.counted && is_meter(s);
}

Host host_of(const Config& config) {
  return host_at(config.sysfs, config.procfs);
}

namespace {
bool wants_baseline(const Config& config) {
  const auto wish = parse_baseline(config.baseline);
  return wish && wish->from != BaselineWish::From::nothing;
}
}  // namespace

Selection selection_of(const Config& config) {
  std::optional<GpuEstimate> gpu;
  if (auto parsed = parse_gpu_estimate(config.estimate); parsed) gpu = *std::move(parsed);
  return {.backends = config.backends,
          .extra = config.sensor,
          .sensors = config.sensors,
          .exclude = config.exclude,
          .count = config.count,
          .no_count = config.no_count,
          .estimates = config.no_estimate ? Estimates::off : Estimates::on,
          .cpu_tdp_W = config.cpu_tdp_W,
          .gpu = std::move(gpu),
          .proved = config.sysfs == "/sys" ? load_grades(grades_file()) : decltype(Selection::proved){}};
}

Result<Instruments> open_instruments(const Config& config) {
  raise_file_limit();  // this is the agent, so that the program keeps its own
  Selection selection = selection_of(config);
  // Who names sensors, or wants to be sure of them or of what they show at rest, waits for all.
  selection.late = config.sensors.empty() && config.exclude.empty() && config.count.empty() && config.no_count.empty() &&
                   !config.strict && !wants_baseline(config) && !selection.gpu;
  auto sources = open_sources(host_of(config), selection);
  if (!sources) return sources.error();
  if (config.strict)
    if (const Status strict = check_strictly(*sources, config); !strict) return strict.error();
  Instruments instruments{std::move(sources->backends), sources->blocked, std::move(sources->attributes)};
  instruments.late = sources->late;
  instruments.proved = std::move(selection.proved);
  if (!sources->late && std::none_of(sources->listed.begin(), sources->listed.end(), measures_energy))
    instruments.notice = notice_without_sensor(*sources, config);
  return instruments;
}

}  // namespace perun
