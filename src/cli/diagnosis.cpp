// SPDX-License-Identifier: BSD-3-Clause
#include "cli/diagnosis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "cli/instruments.hpp"

namespace perun {

namespace {

/// The first of them, and how many more there are.
std::string joined(std::span<const std::string_view> labels) {
  constexpr std::size_t shown = 8;
  const auto first = labels.subspan(0, std::min(shown, labels.size()));
  return fmt::format("{}{}", fmt::join(first, ", "),
                     labels.size() > shown ? fmt::format(" and {} more", labels.size() - shown) : "");
}

std::string sensors_text(std::span<const Sensor> sensors) {
  std::vector<std::string_view> labels;
  for (const Sensor& s : sensors) labels.push_back(s.label);
  return fmt::format("{} sensor{}: {}", sensors.size(), sensors.size() == 1 ? "" : "s", joined(labels));
}

void add_source(const BackendInfo& info, Probe found, std::vector<Finding>& out) {
  const std::string name(info.name);
  if (const auto* backend = std::get_if<std::unique_ptr<Backend>>(&found)) {
    const bool model = info.use == BackendInfo::Use::fallback;
    out.push_back({model ? Standing::note : Standing::ready, name,
                   sensors_text((*backend)->sensors()) + (model ? "; a model, used where nothing is measured" : "")});
    for (const BlockedSource& b : (*backend)->blocked()) out.push_back({Standing::blocked, b.backend, b.reason, b.hint});
  } else if (const auto* blocked = std::get_if<Blocked>(&found)) {
    out.push_back({Standing::blocked, name, blocked->reason, blocked->hint});
  } else if (const auto* invalid = std::get_if<Invalid>(&found)) {
    out.push_back({Standing::blocked, name, invalid->reason});
  } else {
    out.push_back({Standing::absent, name, fmt::format("not on this machine: {}", info.summary)});
  }
}

std::vector<Finding> look_at_sources(const Patient& patient, const Selection& selection) {
  std::vector<Finding> out;
  for (const BackendInfo* info : backends())
    if (info->use != BackendInfo::Use::on_request) add_source(*info, info->probe({patient.host, "", selection.cpu_tdp_W}), out);
  // What works first, then what could, then what is not there.
  const auto rank = [](const Finding& f) {
    return f.standing == Standing::blocked ? 1 : f.standing == Standing::absent ? 2 : 0;
  };
  std::stable_sort(out.begin(), out.end(), [&](const Finding& a, const Finding& b) { return rank(a) < rank(b); });
  return out;
}

std::string verdict(const Sources& sources) {
  std::vector<std::string_view> measured, estimated;
  for (const Listed& l : sources.listed) {
    if (measures_energy(l)) measured.push_back(l.sensor.label);
    if (l.selected && l.sensor.counted && l.sensor.kind == Kind::estimated) estimated.push_back(l.sensor.label);
  }
  if (!measured.empty())
    return fmt::format("Energy can be measured here: {}.{}", joined(measured),
                       estimated.empty() ? "" : fmt::format(" Estimated: {}.", joined(estimated)));
  if (!estimated.empty()) return "Energy cannot be measured here: figures will be estimates (n/a with --no-estimate).";
  return "Energy cannot be measured here: figures will be n/a.";
}

/// A source whose obstacle is a way that a remedy opens points to that remedy.
void refer_to_remedies(Diagnosis& d) {
  for (Finding& source : d.sources) {
    if (source.standing != Standing::blocked) continue;
    for (const Finding& way : d.ways)
      if (way.remedy != 0 && source.text.find(way.name) != std::string::npos) source.remedy = way.remedy;
  }
}

}  // namespace

Result<Diagnosis> diagnose(const Patient& patient, const Selection& selection) {
  auto sources = open_sources(patient.host, selection);
  if (!sources) return sources.error();
  Diagnosis out;
  out.measurable = std::any_of(sources->listed.begin(), sources->listed.end(), measures_energy);
  out.verdict = verdict(*sources);
  sources->backends.clear();  // their files are free for the second look
  out.sources = look_at_sources(patient, selection);
  look_at_ways(patient, out);
  refer_to_remedies(out);
  out.place = look_around(patient);
  return out;
}

}  // namespace perun
