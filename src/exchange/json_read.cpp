// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "exchange/json.hpp"
#include "model/factor_steps.hpp"

namespace perun {

namespace {

/// What is wrong in a document; caught in read_json() and nowhere else.
struct Wrong {
  std::string what;
};

const Json& at(const Json& object, const char* key) {
  if (!object.is_object()) throw Wrong{"an object was expected"};
  const auto found = object.find(key);
  if (found == object.end()) throw Wrong{fmt::format("'{}' is missing", key)};
  return *found;
}

const Json& list_at(const Json& object, const char* key) {
  const Json& list = at(object, key);
  if (!list.is_array()) throw Wrong{fmt::format("'{}' is no array", key)};
  return list;
}

int nibble(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  throw Wrong{"'hex' holds what is no digit"};
}

std::string text_of(const Json& json) {
  if (json.is_string()) return json.get<std::string>();
  if (!json.is_object() || !json.contains("hex") || !json.at("hex").is_string()) throw Wrong{"a text was expected"};
  const auto hex = json.at("hex").get<std::string>();
  if (hex.size() % 2 != 0) throw Wrong{"'hex' has an odd number of digits"};
  std::string out;
  for (std::size_t i = 0; i < hex.size(); i += 2) out += static_cast<char>(nibble(hex[i]) * 16 + nibble(hex[i + 1]));
  return out;
}

template <class T>
T integer_of(const Json& json, const char* what) {
  // Of what does not fit into 64 bits the parser makes a float.
  if (!json.is_number_integer()) throw Wrong{fmt::format("'{}' is no integer", what)};
  using Limits = std::numeric_limits<T>;
  const bool huge = json.is_number_unsigned() && json.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max();
  if (huge && sizeof(T) == 8 && std::is_unsigned_v<T>) return static_cast<T>(json.get<std::uint64_t>());
  const auto value = json.get<std::int64_t>();
  if (huge || std::cmp_greater(value, Limits::max())) throw Wrong{fmt::format("'{}' is too large", what)};
  if (std::cmp_less(value, Limits::min())) throw Wrong{fmt::format("'{}' is too small", what)};
  return static_cast<T>(value);
}

double double_of(const Json& json, const char* what) {
  if (json.is_number()) return json.get<double>();
  if (json == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (json == "inf") return std::numeric_limits<double>::infinity();
  if (json == "-inf") return -std::numeric_limits<double>::infinity();
  throw Wrong{fmt::format("'{}' is no number", what)};
}

void take(const Json& from, const char* key, std::string& to) {
  try {
    to = text_of(at(from, key));
  } catch (const Wrong& wrong) {
    throw Wrong{wrong.what.find(key) == std::string::npos ? fmt::format("'{}': {}", key, wrong.what) : wrong.what};
  }
}
void take(const Json& from, const char* key, double& to) {
  to = double_of(at(from, key), key);
}
void take(const Json& from, const char* key, bool& to) {
  if (!at(from, key).is_boolean()) throw Wrong{fmt::format("'{}' is neither true nor false", key)};
  to = at(from, key).get<bool>();
}
template <std::integral T>
void take(const Json& from, const char* key, T& to) {
  to = integer_of<T>(at(from, key), key);
}

template <class Enum, std::size_t N>
void take(const Json& from, const char* key, const std::array<std::string_view, N>& names, Enum& to) {
  const auto found = std::find(names.begin(), names.end(), text_of(at(from, key)));
  if (found == names.end()) throw Wrong{fmt::format("'{}' is none of {}", key, fmt::join(names, ", "))};
  to = static_cast<Enum>(found - names.begin());
}

std::vector<std::string> texts_at(const Json& from, const char* key) {
  std::vector<std::string> out;
  for (const auto& item : list_at(from, key)) out.push_back(text_of(item));
  return out;
}

Attributes pairs_at(const Json& from, const char* key) {
  Attributes out;
  for (const auto& item : list_at(from, key)) {
    if (!item.is_array() || item.size() != 2) throw Wrong{fmt::format("'{}' holds what is no pair", key)};
    out.emplace_back(text_of(item[0]), text_of(item[1]));
  }
  return out;
}

Moment moment_of(const Json& json, const char* what) {
  if (!json.is_array() || json.size() != 2) throw Wrong{fmt::format("'{}' is no pair of times", what)};
  return {integer_of<std::int64_t>(json[0], what), integer_of<std::int64_t>(json[1], what)};
}

Factors factors_of(const Json& json) {
  Factors f;
  take(json, "pue", f.pue);
  take(json, "pue_source", f.pue_source);
  take(json, "emissions_kg_per_kWh", f.emissions_kg_per_kWh);
  take(json, "emissions_source", f.emissions_source);
  take(json, "price_cent_per_kWh", f.price_cent_per_kWh);
  take(json, "price_source", f.price_source);
  take(json, "overhead_power_W", f.overhead_power_W);
  take(json, "overhead_source", f.overhead_source);
  f.emissions_over_time = factor_steps(json.value("emissions_over_time", Json()));
  f.price_over_time = factor_steps(json.value("price_over_time", Json()));
  if (!json.contains("embodied_kg")) return f;  // older than these
  take(json, "embodied_kg", f.embodied_kg);
  take(json, "embodied_source", f.embodied_source);
  take(json, "lifespan_years", f.lifespan_years);
  take(json, "lifespan_source", f.lifespan_source);
  take(json, "resource_share", f.resource_share);
  take(json, "resource_source", f.resource_source);
  return f;
}

Outcome outcome_of(const Json& json) {
  Outcome o;
  take(json, "finished", o.finished);
  take(json, "exit_code", o.exit_code);
  take(json, "signal", o.signal);
  take(json, "interrupted_by", o.interrupted_by);
  take(json, "user_s", o.user_s);
  take(json, "system_s", o.system_s);
  take(json, "max_rss_bytes", o.max_rss_bytes);
  return o;
}

Quality quality_of(const Json& json) {
  Quality q;
  take(json, "ticks", q.ticks);
  take(json, "late", q.late);
  take(json, "lost", q.lost);
  take(json, "reading_ns", q.reading_ns);
  take(json, "agent_cpu_ns", q.agent_cpu_ns);
  take(json, "launcher_cpu_ns", q.launcher_cpu_ns);
  take(json, "latency_p50_ns", q.latency_p50_ns);
  take(json, "latency_p99_ns", q.latency_p99_ns);
  take(json, "period_ns", q.period_ns);
  take(json, "period_begin_ns", q.period_begin_ns);
  return q;
}

void field(const Json& json, const char* what, double& to) {
  to = double_of(json, what);
}
template <std::integral T>
void field(const Json& json, const char* what, T& to) {
  to = integer_of<T>(json, what);
}
void field(const Json& json, const char* what, MarkKind& to) {
  const auto kind = integer_of<std::uint8_t>(json, what);
  if (kind < 1 || (kind > 5 && kind != 8)) throw Wrong{fmt::format("'{}' holds an unknown kind of mark", what)};
  to = static_cast<MarkKind>(kind);
}

/// One row of numbers, which must have as many as there are fields.
template <class... Fields>
void row(const Json& json, const char* what, Fields&... fields) {
  if (!json.is_array() || json.size() != sizeof...(fields))
    throw Wrong{fmt::format("'{}' holds what is no row of {} numbers", what, sizeof...(fields))};
  std::size_t i = 0;
  (field(json[i++], what, fields), ...);
}

/// Marks name names and threads by number: what is not there would be looked for in vain later.
void check_numbers(const Marks& marks) {
  const auto check = [&](std::uint32_t name, std::uint16_t thread) {
    if (name >= marks.names.size() || thread >= marks.threads.size())
      throw Wrong{"'marks' speak of a name or thread that is not listed"};
  };
  for (const auto& m : marks.timeline) check(m.name, m.thread);
  for (const auto& h : marks.holes) check(h.name, h.thread);
  for (const auto& s : marks.sums) check(s.name, s.thread);
}

Marks marks_of(const Json& json) {
  Marks marks;
  marks.names = texts_at(json, "names");
  for (const auto& item : list_at(json, "threads")) {
    auto& t = marks.threads.emplace_back();
    row(item, "threads", t.number, t.rank, t.pid, t.tid, t.owners);
  }
  for (const auto& item : list_at(json, "timeline")) {
    auto& m = marks.timeline.emplace_back();
    row(item, "timeline", m.t_ns, m.name, m.thread, m.kind, m.value);
  }
  for (const auto& item : list_at(json, "holes")) {
    auto& h = marks.holes.emplace_back();
    row(item, "holes", h.from_ns, h.to_ns, h.name, h.thread, h.inclusive_ns, h.exclusive_ns);
  }
  for (const auto& item : list_at(json, "sums")) {
    auto& s = marks.sums.emplace_back();
    row(item, "sums", s.name, s.thread, s.calls, s.inclusive_ns, s.exclusive_ns, s.shortest_ns, s.longest_ns, s.sum);
  }
  auto& l = marks.losses;
  row(list_at(json, "losses"), "losses", l.marks, l.names, l.threads, l.deep, l.unmatched, l.unended);
  check_numbers(marks);
  return marks;
}

RankRecord rank_of(const Json& json) {
  RankRecord r;
  take(json, "rank", r.rank);
  take(json, "node", r.node);
  take(json, "status", rank_status_names, r.status);
  take(json, "exit_code", r.exit_code);
  take(json, "signal", r.signal);
  take(json, "pid", r.pid);
  r.begin = moment_of(at(json, "begin"), "begin");
  r.end = moment_of(at(json, "end"), "end");
  take(json, "user_s", r.user_s);
  take(json, "system_s", r.system_s);
  take(json, "max_rss_bytes", r.max_rss_bytes);
  take(json, "app", r.app);
  r.command = texts_at(json, "command");
  return r;
}

JobRecord job_of(const Json& json) {
  JobRecord job;
  take(json, "launcher", job.launcher);
  take(json, "key", job.key);
  take(json, "size", job.size);
  job.scheduler = pairs_at(json, "scheduler");
  for (const auto& rank : list_at(json, "ranks")) job.ranks.push_back(rank_of(rank));
  return job;
}

Sensor sensor_of(const Json& json) {
  Sensor s;
  take(json, "id", s.id);
  take(json, "label", s.label);
  take(json, "source", s.source);
  take(json, "quantity", quantity_names, s.quantity);
  take(json, "behavior", behavior_names, s.behavior);
  take(json, "domain", domain_names, s.domain);
  take(json, "kind", kind_names, s.kind);
  take(json, "index", s.index);
  take(json, "scale", s.scale);
  take(json, "resolution", s.resolution);
  take(json, "wraps_at", s.wraps_at);
  take(json, "refresh_ns", s.refresh_ns);
  take(json, "averaging_ns", s.averaging_ns);
  take(json, "part_of", s.part_of);
  take(json, "counted", s.counted);
  take(json, "max_power_W", s.max_power_W);
  take(json, "systematic_percent", s.systematic_percent);
  take(json, "note", s.note);
  return s;
}

template <class T>
std::vector<T> column_at(const Json& json, const char* key) {
  const Json& list = list_at(json, key);
  std::vector<T> out;
  out.reserve(list.size());
  for (const auto& item : list) out.push_back(item.is_null() ? static_cast<T>(missing) : integer_of<T>(item, key));
  return out;
}

Series series_of(const Json& json) {
  Series s{column_at<std::int64_t>(json, "t_ns"), column_at<std::int64_t>(json, "raw"),
           column_at<std::int32_t>(json, "halfwidth_ns")};
  if (s.raw.size() != s.t_ns.size() || s.halfwidth_ns.size() != s.t_ns.size())
    throw Wrong{"'t_ns', 'raw' and 'halfwidth_ns' differ in length"};
  return s;
}

/// Follows a document down, so that an error can say where it is.
class Reader {
 public:
  JsonRuns read(const Json& document) {
    JsonRuns out;
    take(document, "app", out.app);
    each(document, "runs", [&](const Json& json) { out.runs.push_back(run_of(json)); });
    for (auto& run : out.runs) run.app = out.app;
    return out;
  }
  [[nodiscard]] const std::string& place() const noexcept { return place_; }

 private:
  template <class F>
  void each(const Json& json, const char* key, F&& read) {
    const std::string before = place_;
    std::size_t i = 0;
    for (const auto& item : list_at(json, key)) {
      place_ = fmt::format("{}{}{}[{}]", before, before.empty() ? "" : ".", key, i++);
      read(item);
    }
    place_ = before;
  }

  Run run_of(const Json& json) {
    Run run;
    take(json, "number", run.number);
    take(json, "id", run.id);
    take(json, "title", run.title);
    run.tags = texts_at(json, "tags");
    run.command = texts_at(json, "command");
    take(json, "cwd", run.cwd);
    take(json, "perun_version", run.perun_version);
    take(json, "frequency_Hz", run.frequency_hz);
    take(json, "round_id", run.round_id);
    take(json, "round", run.round);
    run.begin = moment_of(at(json, "begin"), "begin");
    run.end = moment_of(at(json, "end"), "end");
    run.outcome = outcome_of(at(json, "outcome"));
    run.factors = factors_of(at(json, "factors"));
    take(json, "postprocessed", run.postprocessed);
    take(json, "origin", run.origin);
    take(json, "config_ini", run.config_ini);
    run.provenance = pairs_at(json, "provenance");
    if (const Json& job = at(json, "job"); !job.is_null()) run.job = job_of(job);
    for (const auto& item : list_at(json, "work")) {
      if (!item.is_array() || item.size() != 2) throw Wrong{"'work' holds what is no pair"};
      run.work.emplace_back(text_of(item[0]), double_of(item[1], "work"));
    }
    each(json, "nodes", [&](const Json& node) { run.nodes.push_back(node_of(node)); });
    return run;
  }

  NodeRecord node_of(const Json& json) {
    NodeRecord node;
    take(json, "host", node.host);
    node.attributes = pairs_at(json, "attributes");
    for (const auto& pair : list_at(json, "clock")) node.clock.push_back(moment_of(pair, "clock"));
    node.quality = quality_of(at(json, "quality"));
    for (const auto& item : list_at(json, "blocked")) {
      auto& blocked = node.blocked.emplace_back();
      take(item, "backend", blocked.backend);
      take(item, "reason", blocked.reason);
      take(item, "hint", blocked.hint);
    }
    node.begin = moment_of(at(json, "begin"), "begin");
    node.end = moment_of(at(json, "end"), "end");
    if (const Json& error = at(json, "clock_error_s"); !error.is_null()) node.clock_error_s = double_of(error, "clock_error_s");
    if (const auto ahead = json.find("clock_ahead"); ahead != json.end() && !ahead->is_null()) {
      auto& a = node.clock_ahead.emplace();
      row(*ahead, "clock_ahead", a.s, a.error_s, a.drift_s);
    }
    if (const Json& marks = at(json, "marks"); !marks.is_null()) node.marks = marks_of(marks);
    if (const Json& scope = at(json, "scope"); !scope.is_null()) node.scope = decoded(decode_scope(scope.dump()));
    if (const Json& baseline = at(json, "baseline"); !baseline.is_null())
      node.baseline = decoded(decode_baseline(baseline.dump()));
    each(json, "sensors", [&](const Json& sensor) {
      node.sensors.push_back(sensor_of(sensor));
      node.series.push_back(series_of(sensor));
    });
    return node;
  }

  template <class T>
  static T decoded(Result<T> read) {
    if (!read) throw Wrong{read.error().what};
    return *std::move(read);
  }

  std::string place_;
};

}  // namespace

Result<JsonRuns> read_json(const Json& document) {
  Reader reader;
  try {
    return reader.read(document);
  } catch (const Wrong& wrong) {
    return Error{Errc::format, fmt::format("{}{}{}", reader.place(), reader.place().empty() ? "" : ": ", wrong.what)};
  }
}

}  // namespace perun
