// SPDX-License-Identifier: BSD-3-Clause
#include <cmath>

#include "base/text.hpp"
#include "exchange/json.hpp"
#include "model/factor_steps.hpp"

namespace perun {

namespace {

/// JSON has no NaN and no infinity.
Json number(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

Json texts(const std::vector<std::string>& all) {
  Json out = Json::array();
  for (const auto& text : all) out.push_back(exact_text(text));
  return out;
}

Json pairs(const Attributes& all) {
  Json out = Json::array();
  for (const auto& [key, value] : all) out.push_back(Json::array({exact_text(key), exact_text(value)}));
  return out;
}

Json moment(const Moment& m) {
  return Json::array({m.mono_ns, m.real_ns});
}

Json facts_of(const Factors& f) {
  Json out;
  out["pue"] = number(f.pue);
  out["pue_source"] = exact_text(f.pue_source);
  out["emissions_kg_per_kWh"] = number(f.emissions_kg_per_kWh);
  out["emissions_source"] = exact_text(f.emissions_source);
  out["price_cent_per_kWh"] = number(f.price_cent_per_kWh);
  out["price_source"] = exact_text(f.price_source);
  out["overhead_power_W"] = number(f.overhead_power_W);
  out["overhead_source"] = exact_text(f.overhead_source);
  out["embodied_kg"] = number(f.embodied_kg);
  out["embodied_source"] = exact_text(f.embodied_source);
  out["lifespan_years"] = number(f.lifespan_years);
  out["lifespan_source"] = exact_text(f.lifespan_source);
  out["resource_share"] = number(f.resource_share);
  out["resource_source"] = exact_text(f.resource_source);
  if (!f.emissions_over_time.empty()) out["emissions_over_time"] = json_of(f.emissions_over_time);
  if (!f.price_over_time.empty()) out["price_over_time"] = json_of(f.price_over_time);
  return out;
}

Json facts_of(const Outcome& o) {
  Json out;
  out["finished"] = o.finished;
  out["exit_code"] = o.exit_code;
  out["signal"] = o.signal;
  out["interrupted_by"] = exact_text(o.interrupted_by);
  out["user_s"] = number(o.user_s);
  out["system_s"] = number(o.system_s);
  out["max_rss_bytes"] = o.max_rss_bytes;
  return out;
}

/// Rows of numbers, the fields in the order of the structures.
Json facts_of(const Marks& marks) {
  Json out{{"names", texts(marks.names)}, {"threads", Json::array()}, {"timeline", Json::array()}};
  for (const auto& t : marks.threads) out["threads"].push_back(Json::array({t.number, t.rank, t.pid, t.tid, t.owners}));
  for (const auto& m : marks.timeline)
    out["timeline"].push_back(Json::array({m.t_ns, m.name, m.thread, static_cast<int>(m.kind), number(m.value)}));
  out["holes"] = Json::array();
  for (const auto& h : marks.holes)
    out["holes"].push_back(Json::array({h.from_ns, h.to_ns, h.name, h.thread, h.inclusive_ns, h.exclusive_ns}));
  out["sums"] = Json::array();
  for (const auto& s : marks.sums)
    out["sums"].push_back(
        Json::array({s.name, s.thread, s.calls, s.inclusive_ns, s.exclusive_ns, s.shortest_ns, s.longest_ns, number(s.sum)}));
  const auto& l = marks.losses;
  out["losses"] = Json::array({l.marks, l.names, l.threads, l.deep, l.unmatched, l.unended});
  return out;
}

Json facts_of(const JobRecord& job) {
  Json out{{"launcher", exact_text(job.launcher)}, {"key", exact_text(job.key)}, {"size", job.size}};
  out["scheduler"] = pairs(job.scheduler);
  out["ranks"] = Json::array();
  for (const auto& r : job.ranks)
    out["ranks"].push_back({{"rank", r.rank},
                            {"node", r.node},
                            {"status", name(r.status)},
                            {"exit_code", r.exit_code},
                            {"signal", r.signal},
                            {"pid", r.pid},
                            {"begin", moment(r.begin)},
                            {"end", moment(r.end)},
                            {"user_s", number(r.user_s)},
                            {"system_s", number(r.system_s)},
                            {"max_rss_bytes", r.max_rss_bytes},
                            {"app", exact_text(r.app)},
                            {"command", texts(r.command)}});
  return out;
}

Json facts_of(const Quality& q) {
  Json out;
  out["ticks"] = q.ticks;
  out["late"] = q.late;
  out["lost"] = q.lost;
  out["reading_ns"] = q.reading_ns;
  out["agent_cpu_ns"] = q.agent_cpu_ns;
  out["launcher_cpu_ns"] = q.launcher_cpu_ns;
  out["latency_p50_ns"] = q.latency_p50_ns;
  out["latency_p99_ns"] = q.latency_p99_ns;
  out["period_ns"] = q.period_ns;
  out["period_begin_ns"] = q.period_begin_ns;
  return out;
}

}  // namespace

Json exact_text(const std::string& text) {
  if (text::is_utf8(text)) return text;
  constexpr std::string_view digits = "0123456789abcdef";
  std::string hex;
  for (const char c : text) {
    hex += digits[static_cast<unsigned char>(c) >> 4];
    hex += digits[static_cast<unsigned char>(c) & 15];
  }
  return {{"hex", hex}};
}

Json facts_of(const Run& run) {
  Json out;
  out["number"] = run.number;
  out["id"] = exact_text(run.id);
  out["title"] = exact_text(run.title);
  out["tags"] = texts(run.tags);
  out["command"] = texts(run.command);
  out["cwd"] = exact_text(run.cwd);
  out["perun_version"] = exact_text(run.perun_version);
  out["frequency_Hz"] = number(run.frequency_hz);
  out["round_id"] = exact_text(run.round_id);
  out["round"] = run.round;
  out["begin"] = moment(run.begin);
  out["end"] = moment(run.end);
  out["outcome"] = facts_of(run.outcome);
  out["factors"] = facts_of(run.factors);
  out["postprocessed"] = exact_text(run.postprocessed);
  out["origin"] = exact_text(run.origin);
  out["config_ini"] = exact_text(run.config_ini);
  out["provenance"] = pairs(run.provenance);
  out["job"] = run.job ? facts_of(*run.job) : Json(nullptr);
  out["work"] = Json::array();
  for (const auto& [what, amount] : run.work) out["work"].push_back(Json::array({exact_text(what), number(amount)}));
  return out;
}

Json facts_of(const NodeRecord& node) {
  Json out;
  out["host"] = exact_text(node.host);
  out["attributes"] = pairs(node.attributes);
  out["clock"] = Json::array();
  for (const auto& pair : node.clock) out["clock"].push_back(moment(pair));
  out["quality"] = facts_of(node.quality);
  out["blocked"] = Json::array();
  for (const auto& b : node.blocked)
    out["blocked"].push_back(
        {{"backend", exact_text(b.backend)}, {"reason", exact_text(b.reason)}, {"hint", exact_text(b.hint)}});
  out["begin"] = moment(node.begin);
  out["end"] = moment(node.end);
  out["clock_error_s"] = node.clock_error_s ? number(*node.clock_error_s) : Json(nullptr);
  out["clock_ahead"] =
      node.clock_ahead
          ? Json::array({number(node.clock_ahead->s), number(node.clock_ahead->error_s), number(node.clock_ahead->drift_s)})
          : Json(nullptr);
  out["marks"] = node.marks.empty() ? Json(nullptr) : facts_of(node.marks);
  out["scope"] = node.scope ? Json::parse(encode(*node.scope), nullptr, false) : Json(nullptr);
  out["baseline"] = node.baseline ? Json::parse(encode(*node.baseline), nullptr, false) : Json(nullptr);
  return out;
}

Json facts_of(const Sensor& s) {
  Json out;
  out["id"] = exact_text(s.id);
  out["label"] = exact_text(s.label);
  out["source"] = exact_text(s.source);
  out["quantity"] = name(s.quantity);
  out["unit"] = unit(s.quantity);
  out["behavior"] = name(s.behavior);
  out["domain"] = name(s.domain);
  out["kind"] = name(s.kind);
  out["index"] = s.index;
  out["scale"] = number(s.scale);
  out["resolution"] = s.resolution;
  out["wraps_at"] = s.wraps_at;
  out["refresh_ns"] = s.refresh_ns;
  out["averaging_ns"] = s.averaging_ns;
  out["part_of"] = exact_text(s.part_of);
  out["counted"] = s.counted;
  out["max_power_W"] = number(s.max_power_W);
  out["systematic_percent"] = number(s.systematic_percent);
  out["note"] = exact_text(s.note);
  return out;
}

}  // namespace perun
