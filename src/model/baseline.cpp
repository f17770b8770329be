// SPDX-License-Identifier: BSD-3-Clause
#include "model/baseline.hpp"

#include <algorithm>
#include <cmath>

#include "base/json.hpp"

namespace perun {

namespace {

constexpr const char* schema = "perun-baseline/1";

std::string dumped(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

std::optional<double> optional_number(const Json& json, const char* key) {
  const auto it = json.find(key);
  return it == json.end() || it->is_null() ? std::nullopt : std::optional(it->get<double>());
}

/// Runs `read` on the object in `text`; what does not fit is a format error.
template <class T, class F>
Result<T> decoded(std::string_view text, std::string_view what, F&& read) {
  try {
    return read(Json::parse(text));
  } catch (const nlohmann::json::exception& e) {
    return Error{Errc::format, "not " + std::string(what) + ": " + e.what()};
  }
}

}  // namespace

std::string encode(const Baseline& b) {
  return dumped({{"schema", schema},
                 {"host", b.host},
                 {"origin", b.origin},
                 {"power_W", b.power_W},
                 {"spread_W", b.spread_W},
                 {"reading_W", b.reading_W},
                 {"cpu_W", or_null(b.cpu_W)},
                 {"blocks", b.blocks},
                 {"seconds", b.seconds},
                 {"cpu_busy", or_null(b.cpu_busy)},
                 {"real_ns", b.real_ns},
                 {"kind", name(b.kind)},
                 {"sensors", b.sensors}});
}

Result<Baseline> decode_baseline(std::string_view text) {
  return decoded<Baseline>(text, "a baseline", [](const Json& json) -> Result<Baseline> {
    if (json.value("schema", "") != schema) return Error{Errc::format, "not a baseline of this perun", {}};
    Baseline b;
    json.at("host").get_to(b.host);
    json.at("origin").get_to(b.origin);
    json.at("power_W").get_to(b.power_W);
    json.at("spread_W").get_to(b.spread_W);
    json.at("reading_W").get_to(b.reading_W);
    json.at("blocks").get_to(b.blocks);
    json.at("seconds").get_to(b.seconds);
    json.at("real_ns").get_to(b.real_ns);
    json.at("sensors").get_to(b.sensors);
    b.cpu_W = optional_number(json, "cpu_W");
    b.cpu_busy = optional_number(json, "cpu_busy");
    const auto kind = std::find(kind_names.begin(), kind_names.end(), json.at("kind").get<std::string>());
    const bool sound = kind != kind_names.end() && b.power_W >= 0 && b.spread_W >= 0 && b.reading_W >= 0 && b.blocks >= 0 &&
                       b.seconds >= 0 && (!b.cpu_W || *b.cpu_W >= 0) && std::isfinite(b.power_W + b.spread_W);
    if (!sound) return Error{Errc::format, "a baseline with values that cannot be", {}};
    b.kind = static_cast<Kind>(kind - kind_names.begin());
    return b;
  });
}

std::string encode(const CpuScope& s) {
  return dumped(
      {{"node_cpus", s.node_cpus}, {"usable_cpus", s.usable_cpus}, {"quota_cpus", s.quota_cpus}, {"cgroup", s.cgroup}});
}

Result<CpuScope> decode_scope(std::string_view text) {
  return decoded<CpuScope>(text, "a scope", [](const Json& json) -> Result<CpuScope> {
    CpuScope s;
    json.at("node_cpus").get_to(s.node_cpus);
    json.at("usable_cpus").get_to(s.usable_cpus);
    json.at("quota_cpus").get_to(s.quota_cpus);
    json.at("cgroup").get_to(s.cgroup);
    return s;
  });
}

}  // namespace perun
