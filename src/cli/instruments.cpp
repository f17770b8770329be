// SPDX-License-Identifier: BSD-3-Clause
#include "cli/instruments.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "backends/select.hpp"
#include "host/machine.hpp"
#include "model/domains.hpp"

namespace perun {

namespace {

bool measures(const Listed& listed) {
  const Sensor& s = listed.sensor;
  return listed.selected && s.kind == Kind::measured && s.counted && is_meter(s);
}

/// Why nothing can be measured and what would help, in one line.
std::string notice_without_sensor(const Sources& sources, const Config& config) {
  std::string why, remedy = "perun sensors shows what was tried";
  for (const auto& b : sources.blocked) {
    why += fmt::format("{}{}: {}", why.empty() ? "" : "; ", b.backend, b.reason);
    if (!b.hint.empty()) remedy = b.hint;
  }
  if (why.empty()) why = processors(host_of(config)).virtual_machine ? "virtual machine: no RAPL here" : "no RAPL here";
  const bool estimated = std::any_of(sources.listed.begin(), sources.listed.end(), [](const Listed& l) {
    return l.selected && l.sensor.counted && l.sensor.kind == Kind::estimated;
  });
  return fmt::format("no power sensor can be read ({}){}. To measure: {}{}", why,
                     estimated ? "; figures are model estimates" : "", remedy, estimated ? ". Off: --no-estimate" : "");
}

}  // namespace

Host host_of(const Config& config) {
  return host_at(config.sysfs, config.procfs);
}

Selection selection_of(const Config& config) {
  return {.backends = config.backends,
          .sensors = config.sensors,
          .exclude = config.exclude,
          .count = config.count,
          .no_count = config.no_count,
          .estimates = config.no_estimate ? Estimates::off : Estimates::on,
          .cpu_tdp_W = config.cpu_tdp_W};
}

Result<Instruments> open_instruments(const Config& config) {
  auto sources = open_sources(host_of(config), selection_of(config));
  if (!sources) return sources.error();
  Instruments instruments{std::move(sources->backends), sources->blocked, {}};
  if (std::none_of(sources->listed.begin(), sources->listed.end(), measures)) {
    instruments.notice = notice_without_sensor(*sources, config);
    if (config.strict) return Error{Errc::unsupported, instruments.notice, "--strict: the program was not started"};
  }
  return instruments;
}

}  // namespace perun
