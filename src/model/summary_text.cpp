// SPDX-License-Identifier: BSD-3-Clause
#include "model/summary_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <iterator>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>

#include "base/json.hpp"

namespace perun {

namespace {

constexpr const char* schema = "perun-summary/1";

/// The type itself, const or not: one list of fields serves writing and reading.
template <class S, class T>
concept Is = std::same_as<std::remove_const_t<S>, T>;

template <class F>
void fields(F& f, Is<Amount> auto& s) {
  f("measured_J", s.measured_J), f("estimated_J", s.estimated_J), f("uncertainty_J", s.uncertainty_J);
  f("lower_J", s.lower_J), f("upper_J", s.upper_J), f("kind", s.kind, kind_names);
}

template <class F>
void fields(F& f, Is<Usage> auto& s) {
  f("energy", s.energy), f("duration_s", s.duration_s), f("mean_W", s.power_mean_W), f("max_W", s.power_max_W);
}

template <class F>
void fields(F& f, Is<DeviceSummary> auto& s) {
  f("id", s.id), f("label", s.label), f("source", s.source), f("note", s.note), f("domain", s.domain, domain_names);
  f("kind", s.kind, kind_names), f("counted", s.counted), f("part_of", s.part_of), f("usage", s.usage);
  f("share", s.share), f("share_uncertainty", s.share_uncertainty), f("systematic_percent", s.systematic_percent);
  f("wraps", s.wraps), f("read_errors", s.read_errors), f("invalid", s.invalid);
}

template <class F>
void fields(F& f, Is<Activity> auto& s) {
  f("cpu_utilization", s.cpu_utilization), f("memory_used_max_bytes", s.memory_used_max_bytes);
  f("disk_read_bytes", s.disk_read_bytes), f("disk_written_bytes", s.disk_written_bytes);
  f("network_received_bytes", s.network_received_bytes), f("network_sent_bytes", s.network_sent_bytes);
  f("cpu_frequency_mean_Hz", s.cpu_frequency_mean_Hz), f("cpu_temperature_max_C", s.cpu_temperature_max_C);
  f("cpu_power_limit_W", s.cpu_power_limit_W), f("throttle_events", s.throttle_events);
  f("gpu_utilization", s.gpu_utilization), f("gpu_memory_used_max_bytes", s.gpu_memory_used_max_bytes);
  f("gpu_temperature_max_C", s.gpu_temperature_max_C), f("gpu_power_capped", s.gpu_power_capped), f("gpu_slowed", s.gpu_slowed);
}

template <class F>
void fields(F& f, Is<Inside> auto& s) {
  f("joules", s.joules), f("uncertainty_J", s.uncertainty_J), f("devices", s.devices);
}

template <class F>
void fields(F& f, Is<VisibleGpus> auto& s) {
  f("gpus", s.gpus), f("gpus_of_node", s.gpus_of_node), f("joules", s.joules), f("joules_of_node", s.joules_of_node);
}

template <class F>
void fields(F& f, Is<Net> auto& s) {
  f("baseline_J", s.baseline_J), f("net_J", s.net_J);
  f("baseline_uncertainty_J", s.baseline_uncertainty_J), f("uncertainty_J", s.uncertainty_J);
}

template <class F>
void fields(F& f, Is<Attribution> auto& s) {
  f("run_J", s.run_J), f("others_J", s.others_J), f("idle_J", s.idle_J), f("unattributed_J", s.unattributed_J);
  f("run_uncertainty_J", s.run_uncertainty_J), f("run_cpu_s", s.run_cpu_s), f("others_cpu_s", s.others_cpu_s);
  f("idle_cpu_s", s.idle_cpu_s), f("by_baseline", s.by_baseline), f("above_energy", s.above_energy);
  f("kind", s.kind, kind_names);
}

template <class F>
void fields(F& f, Is<CpuScope> auto& s) {
  f("node_cpus", s.node_cpus), f("usable_cpus", s.usable_cpus), f("quota_cpus", s.quota_cpus), f("cgroup", s.cgroup);
}

template <class F>
void fields(F& f, Is<Baseline> auto& s) {
  f("power_W", s.power_W), f("spread_W", s.spread_W), f("reading_W", s.reading_W), f("cpu_W", s.cpu_W);
  f("blocks", s.blocks), f("seconds", s.seconds), f("cpu_busy", s.cpu_busy), f("real_ns", s.real_ns);
  f("kind", s.kind, kind_names), f("host", s.host), f("origin", s.origin), f("sensors", s.sensors);
}

template <class F>
void fields(F& f, Is<BlockedSource> auto& s) {
  f("backend", s.backend), f("reason", s.reason), f("hint", s.hint);
}

template <class F>
void fields(F& f, Is<Quality> auto& s) {
  f("ticks", s.ticks), f("late", s.late), f("lost", s.lost), f("reading_ns", s.reading_ns);
  f("agent_cpu_ns", s.agent_cpu_ns), f("launcher_cpu_ns", s.launcher_cpu_ns), f("latency_p50_ns", s.latency_p50_ns);
  f("latency_p99_ns", s.latency_p99_ns), f("period_ns", s.period_ns), f("period_begin_ns", s.period_begin_ns);
}

template <class F>
void fields(F& f, Is<CallSpread> auto& s) {
  f("calls", s.calls), f("shortest_s", s.shortest_s), f("median_s", s.median_s), f("p95_s", s.p95_s);
  f("longest_s", s.longest_s), f("least_J", s.least_J), f("most_J", s.most_J);
}

template <class F>
void fields(F& f, Is<RegionThread> auto& s) {
  f("rank", s.rank), f("pid", s.pid), f("tid", s.tid), f("calls", s.calls), f("time_s", s.time_s);
  f("exclusive_s", s.exclusive_s), f("energy_J", s.energy_J), f("exclusive_J", s.exclusive_J);
}

template <class F>
void fields(F& f, Is<RegionSummary> auto& s) {
  f("name", s.name), f("calls", s.calls), f("time_s", s.time_s), f("exclusive_s", s.exclusive_s), f("wall_s", s.wall_s);
  f("energy", s.energy), f("exclusive", s.exclusive), f("mean_W", s.power_mean_W), f("share", s.share);
  f("resolved", s.resolved), f("call_s", s.call_s), f("update_s", s.update_s), f("pooled", s.pooled);
  f("spread", s.spread), f("threads", s.threads);
}

template <class F>
void fields(F& f, Is<WorkSummary> auto& s) {
  f("name", s.name), f("amount", s.amount), f("stated", s.stated), f("joules_per_unit", s.joules_per_unit);
  f("uncertainty_J", s.uncertainty_J);
}

template <class F>
void fields(F& f, Is<MarkLosses> auto& s) {
  f("marks", s.marks), f("names", s.names), f("threads", s.threads), f("deep", s.deep), f("unmatched", s.unmatched);
  f("unended", s.unended);
}

template <class F>
void fields(F& f, Is<RegionReport> auto& s) {
  f("regions", s.regions), f("unmarked", s.unmarked), f("unmarked_s", s.unmarked_s), f("work", s.work);
  f("losses", s.losses), f("holes", s.holes), f("moments", s.moments), f("spawned", s.spawned);
}

template <class F>
void fields(F& f, Is<ClockAhead> auto& s) {
  f("s", s.s), f("error_s", s.error_s), f("drift_s", s.drift_s);
}

template <class F>
void fields(F& f, Is<NodeSummary> auto& s) {
  f("host", s.host), f("attributes", s.attributes), f("usage", s.usage), f("scope", s.scope), f("baseline", s.baseline);
  f("net", s.net), f("attributed", s.attributed), f("inside", s.inside), f("gpus_visible", s.gpus_visible);
  f("devices", s.devices), f("activity", s.activity);
  f("regions", s.regions);
  f("blocked", s.blocked), f("quality", s.quality), f("frequency_achieved_Hz", s.frequency_achieved_hz);
  f("longest_gap_s", s.longest_gap_s), f("readings", s.readings), f("repeated", s.repeated);
  f("own_energy_J", s.own_energy_J), f("overhead_J", s.overhead_J), f("clock_error_s", s.clock_error_s);
  f("clock_ahead", s.clock_ahead);
}

template <class F>
void fields(F& f, Is<Moment> auto& s) {
  f("mono_ns", s.mono_ns), f("real_ns", s.real_ns);
}

template <class F>
void fields(F& f, Is<RankRecord> auto& s) {
  f("rank", s.rank), f("node", s.node), f("status", s.status, rank_status_names), f("exit_code", s.exit_code);
  f("signal", s.signal), f("pid", s.pid), f("begin", s.begin), f("end", s.end), f("user_s", s.user_s);
  f("system_s", s.system_s), f("max_rss_bytes", s.max_rss_bytes), f("app", s.app), f("command", s.command);
}

template <class F>
void fields(F& f, Is<JobRecord> auto& s) {
  f("launcher", s.launcher), f("key", s.key), f("size", s.size), f("ranks", s.ranks), f("scheduler", s.scheduler);
}

template <class F>
void fields(F& f, Is<Footprint> auto& s) {
  f("facility_kWh", s.facility_kWh), f("co2e_kg", s.co2e_kg), f("cost_cent", s.cost_cent);
}

template <class F>
void fields(F& f, Is<FactorStep> auto& s) {
  f("real_ns", s.real_ns), f("value", s.value);
}

template <class F>
void fields(F& f, Is<Factors> auto& s) {
  f("pue", s.pue), f("emissions_kg_per_kWh", s.emissions_kg_per_kWh), f("price_cent_per_kWh", s.price_cent_per_kWh);
  f("pue_source", s.pue_source), f("emissions_source", s.emissions_source), f("price_source", s.price_source);
  f("overhead_power_W", s.overhead_power_W), f("overhead_source", s.overhead_source);
  f("embodied_kg", s.embodied_kg), f("lifespan_years", s.lifespan_years), f("resource_share", s.resource_share);
  f("embodied_source", s.embodied_source), f("lifespan_source", s.lifespan_source), f("resource_source", s.resource_source);
  f("emissions_over_time", s.emissions_over_time), f("price_over_time", s.price_over_time);
}

template <class F>
void fields(F& f, Is<Note> auto& s) {
  f("caveat", s.caveat, caveat_names), f("text", s.text);
}

template <class F>
void fields(F& f, Is<Outcome> auto& s) {
  f("finished", s.finished), f("exit_code", s.exit_code), f("signal", s.signal), f("interrupted_by", s.interrupted_by);
  f("user_s", s.user_s), f("system_s", s.system_s), f("max_rss_bytes", s.max_rss_bytes);
}

/// Without what can be changed later and therefore stands apart: title, tags and the note about other factors.
template <class F>
void fields(F& f, Is<RunSummary> auto& s) {
  f("made_by", s.made_by), f("number", s.number), f("id", s.id), f("app", s.app), f("perun_version", s.perun_version);
  f("origin", s.origin), f("provenance", s.provenance), f("overhead_J", s.overhead_J);
  f("cwd", s.cwd), f("round_id", s.round_id), f("command", s.command), f("round", s.round);
  f("frequency_Hz", s.frequency_hz), f("begin_real_ns", s.begin_real_ns), f("end_real_ns", s.end_real_ns);
  f("outcome", s.outcome), f("usage", s.usage), f("net", s.net), f("attributed", s.attributed);
  f("footprint", s.footprint), f("factors", s.factors), f("nodes", s.nodes), f("notes", s.notes);
  f("regions", s.regions), f("job", s.job), f("rank_energies_J", s.rank_energies_J);
}

/// Writes the text of one object itself: as a tree of JSON the summary of thousands of nodes would take ten times the memory.
class Writer {
 public:
  explicit Writer(std::string& to) : to_(to) {}

  template <class T>
  void operator()(const char* name, const T& value) {
    key(name);
    put(value);
  }
  template <class E, std::size_t N>
  void operator()(const char* name, E value, const std::array<std::string_view, N>& names) {
    key(name);
    put(names[static_cast<std::size_t>(value)]);
  }

 private:
  void key(const char* name) {
    to_ += std::exchange(separator_, ",\"");
    to_ += name;
    to_ += "\":";
  }
  void put(double value) {  // JSON has no such numbers
    if (!std::isfinite(value)) return put(std::string_view(std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf"));
    fmt::format_to(std::back_inserter(to_), "{}", value);
  }
  void put(bool value) { to_ += value ? "true" : "false"; }
  void put(std::string_view text) {
    const auto plain = [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; };
    if (std::all_of(text.begin(), text.end(), plain))
      fmt::format_to(std::back_inserter(to_), "\"{}\"", text);
    else
      to_ += Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  void put(const std::string& text) { put(std::string_view(text)); }
  void put(const std::pair<std::string, std::string>& pair) { put(std::array{pair.first, pair.second}); }
  template <class T>
  void put(const std::optional<T>& value) {
    if (value)
      put(*value);
    else
      to_ += "null";
  }
  template <class T>
  void put(const std::vector<T>& values) {
    put(std::span(values));
  }
  template <class T, std::size_t N>
  void put(const std::array<T, N>& values) {
    put(std::span(values));
  }
  template <class T, std::size_t N>
  void put(std::span<const T, N> values) {
    to_ += '[';
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (i > 0) to_ += ',';
      put(values[i]);
    }
    to_ += ']';
  }
  template <class T>
  void put(const T& value) {
    if constexpr (std::is_class_v<T>) {
      to_ += '{';
      Writer writer(to_);
      fields(writer, value);
      to_ += '}';
    } else {
      fmt::format_to(std::back_inserter(to_), "{}", value);
    }
  }

  std::string& to_;
  const char* separator_ = "\"";
};

/// Throws nlohmann's exceptions for what does not fit.
class Reader {
 public:
  explicit Reader(const Json& from) : from_(from) {}

  template <class T>
  void operator()(const char* name, T& value) {
    read(from_.at(name), value);
  }
  template <class E, std::size_t N>
  void operator()(const char* name, E& value, const std::array<std::string_view, N>& names) {
    const auto found = std::find(names.begin(), names.end(), from_.at(name).get_ref<const std::string&>());
    if (found == names.end()) throw nlohmann::json::other_error::create(599, std::string("no such ") + name, nullptr);
    value = static_cast<E>(found - names.begin());
  }

 private:
  static void read(const Json& from, double& value) {
    if (!from.is_string()) return from.get_to(value), void();
    const auto& word = from.get_ref<const std::string&>();
    using Limits = std::numeric_limits<double>;
    value = word == "inf" ? Limits::infinity() : word == "-inf" ? -Limits::infinity() : Limits::quiet_NaN();
  }
  static void read(const Json& from, std::pair<std::string, std::string>& pair) {
    from.at(0).get_to(pair.first), from.at(1).get_to(pair.second);
  }
  template <class T>
  static void read(const Json& from, std::optional<T>& value) {
    value.reset();
    if (!from.is_null()) read(from, value.emplace());
  }
  template <class T>
  static void read(const Json& from, std::vector<T>& values) {
    values.clear();
    for (const auto& item : from) read(item, values.emplace_back());
  }
  template <class T>
  static void read(const Json& from, T& value) {
    if constexpr (std::is_class_v<T> && !std::is_same_v<T, std::string>) {
      Reader reader(from);
      fields(reader, value);
    } else {
      from.get_to(value);
    }
  }

  const Json& from_;
};

}  // namespace

std::string encode(const RunSummary& summary) {
  std::string text = "{";
  Writer writer(text);
  writer("schema", std::string_view(schema));
  fields(writer, summary);
  return text += '}';
}

Result<RunSummary> decode_summary(std::string_view text) {
  try {
    const Json json = Json::parse(text);
    if (json.value("schema", "") != schema) return Error{Errc::format, "not a summary of this perun", {}};
    RunSummary summary;
    Reader reader(json);
    fields(reader, summary);
    return summary;
  } catch (const nlohmann::json::exception& e) {
    return Error{Errc::format, std::string("not a summary: ") + e.what(), {}};
  }
}

}  // namespace perun
