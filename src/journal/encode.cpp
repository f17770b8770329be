// SPDX-License-Identifier: BSD-3-Clause
#include "journal/encode.hpp"

#include <array>

#include "base/json.hpp"
#include "base/text.hpp"

namespace perun::journal {

namespace {

std::string utf8(const std::string& s) {
  return text::is_utf8(s) ? s : text::to_utf8(s);
}

template <class T>
void read(const Json& json, const char* key, T& value) {
  if (const auto it = json.find(key); it != json.end()) it->get_to(value);
}

template <class Enum, std::size_t N>
void read_name(const Json& json, const char* key, const std::array<std::string_view, N>& names, Enum& value) {
  const auto text = json.value(key, std::string());
  for (std::size_t i = 0; i < N; ++i)
    if (names[i] == text) value = static_cast<Enum>(i);
}

Json sensor_json(const Sensor& s) {
  return {{"id", utf8(s.id)},
          {"label", utf8(s.label)},
          {"source", utf8(s.source)},
          {"quantity", name(s.quantity)},
          {"behavior", name(s.behavior)},
          {"domain", name(s.domain)},
          {"kind", name(s.kind)},
          {"index", s.index},
          {"scale", s.scale},
          {"resolution", s.resolution},
          {"wraps_at", s.wraps_at},
          {"refresh_ns", s.refresh_ns},
          {"averaging_ns", s.averaging_ns},
          {"part_of", utf8(s.part_of)},
          {"counted", s.counted},
          {"max_power_W", s.max_power_W},
          {"systematic_percent", s.systematic_percent},
          {"note", utf8(s.note)}};
}

Sensor sensor_from(const Json& json) {
  Sensor s;
  read(json, "id", s.id);
  read(json, "label", s.label);
  read(json, "source", s.source);
  read_name(json, "quantity", quantity_names, s.quantity);
  read_name(json, "behavior", behavior_names, s.behavior);
  read_name(json, "domain", domain_names, s.domain);
  read_name(json, "kind", kind_names, s.kind);
  read(json, "index", s.index);
  read(json, "scale", s.scale);
  read(json, "resolution", s.resolution);
  read(json, "wraps_at", s.wraps_at);
  read(json, "refresh_ns", s.refresh_ns);
  read(json, "averaging_ns", s.averaging_ns);
  read(json, "part_of", s.part_of);
  read(json, "counted", s.counted);
  read(json, "max_power_W", s.max_power_W);
  read(json, "systematic_percent", s.systematic_percent);
  read(json, "note", s.note);
  return s;
}

Json texts_json(const std::vector<std::string>& texts) {
  Json out = Json::array();
  for (const auto& text : texts) out.push_back(utf8(text));
  return out;
}

Json factors_json(const Factors& f) {
  return {{"pue", f.pue},
          {"emissions_kg_per_kWh", f.emissions_kg_per_kWh},
          {"price_cent_per_kWh", f.price_cent_per_kWh},
          {"pue_source", utf8(f.pue_source)},
          {"emissions_source", utf8(f.emissions_source)},
          {"price_source", utf8(f.price_source)},
          {"overhead_power_W", f.overhead_power_W},
          {"overhead_source", utf8(f.overhead_source)},
          {"embodied_kg", f.embodied_kg},
          {"lifespan_years", f.lifespan_years},
          {"resource_share", f.resource_share},
          {"embodied_source", utf8(f.embodied_source)},
          {"lifespan_source", utf8(f.lifespan_source)},
          {"resource_source", utf8(f.resource_source)}};
}

Factors factors_from(const Json& json) {
  Factors f;
  read(json, "pue", f.pue);
  read(json, "emissions_kg_per_kWh", f.emissions_kg_per_kWh);
  read(json, "price_cent_per_kWh", f.price_cent_per_kWh);
  read(json, "pue_source", f.pue_source);
  read(json, "emissions_source", f.emissions_source);
  read(json, "price_source", f.price_source);
  read(json, "overhead_power_W", f.overhead_power_W);
  read(json, "overhead_source", f.overhead_source);
  read(json, "embodied_kg", f.embodied_kg);
  read(json, "lifespan_years", f.lifespan_years);
  read(json, "resource_share", f.resource_share);
  read(json, "embodied_source", f.embodied_source);
  read(json, "lifespan_source", f.lifespan_source);
  read(json, "resource_source", f.resource_source);
  return f;
}

/// What sources tell of a node: attributes, sensors, what is blocked.
Json sources_json(const Attributes& facts, std::span<const Sensor> found, std::span<const BlockedSource> refused) {
  Json attributes = Json::object(), sensors = Json::array(), blocked = Json::array();
  for (const auto& [key, value] : facts) attributes[utf8(key)] = utf8(value);
  for (const auto& s : found) sensors.push_back(sensor_json(s));
  for (const auto& b : refused)
    blocked.push_back({{"backend", utf8(b.backend)}, {"reason", utf8(b.reason)}, {"hint", utf8(b.hint)}});
  return {{"attributes", attributes}, {"sensors", sensors}, {"blocked", blocked}};
}

void add_sources(const Json& json, NodeRecord& node) {
  const auto attributes = json.value("attributes", Json::object());
  for (const auto& [key, value] : attributes.items()) node.attributes.emplace_back(key, value.get<std::string>());
  for (const auto& s : json.value("sensors", Json::array())) node.sensors.push_back(sensor_from(s));
  for (const auto& b : json.value("blocked", Json::array()))
    node.blocked.push_back({b.value("backend", ""), b.value("reason", ""), b.value("hint", "")});
  node.series.resize(node.sensors.size());
}

Json node_json(const NodeRecord& node) {
  Json out = sources_json(node.attributes, node.sensors, node.blocked);
  out["host"] = utf8(node.host);
  if (node.scope) out["scope"] = encode(*node.scope);
  if (node.baseline) out["baseline"] = encode(*node.baseline);
  return out;
}

NodeRecord node_from(const Json& json) {
  NodeRecord node;
  read(json, "host", node.host);
  add_sources(json, node);
  // Asked first, since parsing nothing would throw.
  if (json.contains("scope"))
    if (auto scope = decode_scope(json.at("scope").get<std::string>())) node.scope = *std::move(scope);
  if (json.contains("baseline"))
    if (auto baseline = decode_baseline(json.at("baseline").get<std::string>())) node.baseline = *std::move(baseline);
  return node;
}

/// Runs `parse` on the text's JSON; whatever the library throws becomes a format error.
template <class F>
Status guarded(std::string_view text, F&& parse) {
  try {
    parse(Json::parse(text));
    return Ok{};
  } catch (const nlohmann::json::exception& e) {
    return Error{Errc::format, std::string("the journal holds text that is not understood: ") + e.what()};
  }
}

}  // namespace

namespace {
Json work_json(const Run& run) {
  Json work = Json::array();
  for (const auto& [what, amount] : run.work) work.push_back({utf8(what), amount});
  return work;
}
}  // namespace

std::string encode_joined(std::span<const Sensor> all, std::size_t first, std::span<const BlockedSource> blocked,
                          const Attributes& attributes) {
  Json json = sources_json(attributes, all.subspan(first), blocked), counted = Json::array();
  for (const Sensor& s : all) counted.push_back(s.counted);
  json["counted"] = std::move(counted);
  return json.dump();
}

Status decode_joined(std::string_view text, NodeRecord& node) {
  NodeRecord grown = node;  // all of it or nothing
  const auto ok = guarded(text, [&](const Json& json) {
    add_sources(json, grown);
    const auto counted = json.value("counted", std::vector<bool>());
    for (std::size_t i = 0; i < std::min(counted.size(), grown.sensors.size()); ++i) grown.sensors[i].counted = counted[i];
  });
  if (ok) node = std::move(grown);
  return ok;
}

std::string encode_header(const Run& run) {
  const Json json{{"id", utf8(run.id)},
                  {"app", utf8(run.app)},
                  {"command", texts_json(run.command)},
                  {"cwd", utf8(run.cwd)},
                  {"perun_version", run.perun_version},
                  {"frequency_hz", run.frequency_hz},
                  {"round_id", run.round_id},
                  {"round", run.round},
                  {"tags", texts_json(run.tags)},
                  {"title", utf8(run.title)},
                  {"factors", factors_json(run.factors)},
                  {"config_ini", utf8(run.config_ini)},
                  {"work", work_json(run)},
                  {"node", node_json(run.nodes.front())}};
  return json.dump();
}

Result<Run> decode_header(std::string_view text) {
  Run run;
  const auto ok = guarded(text, [&](const Json& json) {
    read(json, "id", run.id);
    read(json, "app", run.app);
    read(json, "command", run.command);
    read(json, "cwd", run.cwd);
    read(json, "perun_version", run.perun_version);
    read(json, "frequency_hz", run.frequency_hz);
    read(json, "round_id", run.round_id);
    read(json, "round", run.round);
    read(json, "tags", run.tags);
    read(json, "title", run.title);
    run.factors = factors_from(json.value("factors", Json::object()));
    read(json, "config_ini", run.config_ini);
    read(json, "work", run.work);
    run.nodes.push_back(node_from(json.at("node")));
  });
  if (!ok) return ok.error();
  return run;
}

std::string encode_outcome(const Outcome& o, const Moment& end) {
  const Json json{{"finished", o.finished},
                  {"exit_code", o.exit_code},
                  {"signal", o.signal},
                  {"interrupted_by", o.interrupted_by},
                  {"user_s", o.user_s},
                  {"system_s", o.system_s},
                  {"max_rss_bytes", o.max_rss_bytes},
                  {"mono_ns", end.mono_ns},
                  {"real_ns", end.real_ns}};
  return json.dump();
}

Status decode_outcome(std::string_view text, Run& run) {
  return guarded(text, [&](const Json& json) {
    Outcome& o = run.outcome;
    read(json, "finished", o.finished);
    read(json, "exit_code", o.exit_code);
    read(json, "signal", o.signal);
    read(json, "interrupted_by", o.interrupted_by);
    read(json, "user_s", o.user_s);
    read(json, "system_s", o.system_s);
    read(json, "max_rss_bytes", o.max_rss_bytes);
    read(json, "mono_ns", run.end.mono_ns);
    read(json, "real_ns", run.end.real_ns);
  });
}

std::string encode_quality(const Quality& q) {
  return Json{{"ticks", q.ticks},
              {"late", q.late},
              {"lost", q.lost},
              {"reading_ns", q.reading_ns},
              {"agent_cpu_ns", q.agent_cpu_ns},
              {"launcher_cpu_ns", q.launcher_cpu_ns},
              {"latency_p50_ns", q.latency_p50_ns},
              {"latency_p99_ns", q.latency_p99_ns},
              {"period_ns", q.period_ns},
              {"period_begin_ns", q.period_begin_ns}}
      .dump();
}

Status decode_quality(std::string_view text, Quality& q) {
  return guarded(text, [&](const Json& json) {
    read(json, "ticks", q.ticks);
    read(json, "late", q.late);
    read(json, "lost", q.lost);
    read(json, "reading_ns", q.reading_ns);
    read(json, "agent_cpu_ns", q.agent_cpu_ns);
    read(json, "launcher_cpu_ns", q.launcher_cpu_ns);
    read(json, "latency_p50_ns", q.latency_p50_ns);
    read(json, "latency_p99_ns", q.latency_p99_ns);
    read(json, "period_ns", q.period_ns);
    read(json, "period_begin_ns", q.period_begin_ns);
  });
}

std::string encode_part(const Part& p) {
  Json scheduler = Json::object();
  for (const auto& [key, value] : p.job.scheduler) scheduler[utf8(key)] = utf8(value);
  Json json{{"launcher", p.job.launcher}, {"key", utf8(p.job.key)}, {"size", p.job.size},  {"scheduler", scheduler},
            {"node_id", utf8(p.node_id)}, {"boot_id", p.boot_id},   {"segment", p.segment}};
  if (p.clock_error_s) json["clock_error_s"] = *p.clock_error_s;
  if (p.local_size) json["local_size"] = *p.local_size;
  return json.dump();
}

Result<Part> decode_part(std::string_view text) {
  Part p;
  const auto ok = guarded(text, [&](const Json& json) {
    read(json, "launcher", p.job.launcher);
    read(json, "key", p.job.key);
    read(json, "size", p.job.size);
    const auto scheduler = json.value("scheduler", Json::object());
    for (const auto& [key, value] : scheduler.items()) p.job.scheduler.emplace_back(key, value.get<std::string>());
    read(json, "node_id", p.node_id);
    read(json, "boot_id", p.boot_id);
    read(json, "segment", p.segment);
    if (json.contains("local_size")) p.local_size = json.at("local_size").get<int>();
    if (json.contains("clock_error_s")) p.clock_error_s = json.at("clock_error_s").get<double>();
  });
  if (!ok) return ok.error();
  return p;
}

std::string encode_rank(const RankRecord& r) {
  Json json{{"rank", r.rank},
            {"status", name(r.status)},
            {"exit_code", r.exit_code},
            {"signal", r.signal},
            {"pid", r.pid},
            {"begin", {r.begin.mono_ns, r.begin.real_ns}},
            {"end", {r.end.mono_ns, r.end.real_ns}},
            {"user_s", r.user_s},
            {"system_s", r.system_s},
            {"max_rss_bytes", r.max_rss_bytes}};
  if (!r.app.empty()) json["app"] = utf8(r.app);
  if (!r.command.empty()) {
    json["command"] = Json::array();
    for (const auto& word : r.command) json["command"].push_back(utf8(word));
  }
  return json.dump();
}

Result<RankRecord> decode_rank(std::string_view text) {
  RankRecord r;
  const auto ok = guarded(text, [&](const Json& json) {
    read(json, "rank", r.rank);
    read_name(json, "status", rank_status_names, r.status);
    read(json, "exit_code", r.exit_code);
    read(json, "signal", r.signal);
    read(json, "pid", r.pid);
    const auto moment = [&](const char* key) { return Moment{json.at(key).at(0), json.at(key).at(1)}; };
    r.begin = moment("begin");
    r.end = moment("end");
    read(json, "user_s", r.user_s);
    read(json, "system_s", r.system_s);
    read(json, "max_rss_bytes", r.max_rss_bytes);
    read(json, "app", r.app);
    read(json, "command", r.command);
  });
  if (!ok) return ok.error();
  if (r.rank < 0) return Error{Errc::format, "the journal holds a rank below 0"};
  return r;
}

std::string encode_writer(const WriterFacts& facts) {
  return Json{{"owner", encode(facts.owner)}, {"data_out", utf8(facts.data_out)}}.dump();
}

Status decode_writer(std::string_view text, WriterFacts& facts) {
  return guarded(text, [&](const Json& json) {
    std::string owner;
    read(json, "owner", owner);
    facts.owner = decode_owner(owner).value_or(Owner{});
    read(json, "data_out", facts.data_out);
  });
}

std::string encode_provenance(const Attributes& facts) {
  Json json = Json::object();
  for (const auto& [key, value] : facts) json[utf8(key)] = utf8(value);
  return json.dump();
}

Status decode_provenance(std::string_view text, Attributes& facts) {
  return guarded(text, [&](const Json& json) {
    facts.clear();
    for (const auto& [key, value] : json.items()) facts.emplace_back(key, value.get<std::string>());
  });
}

}  // namespace perun::journal
