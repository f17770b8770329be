// SPDX-License-Identifier: BSD-3-Clause
// The processed profile format of the Firefox Profiler, version 57 (profiler.firefox.com reads it and later ones): times in
// ms from meta.startTime, power as a counter whose samples are the energy since the sample before, in pWh.
#include <fmt/format.h>

#include <cmath>
#include <map>

#include "base/units.hpp"
#include "report/document.hpp"
#include "report/layout.hpp"
#include "report/trace/lines.hpp"
#include "report/trace/trace.hpp"
#include "report/wording.hpp"

namespace perun::trace {

namespace {

constexpr std::size_t most_samples = 200'000;  // of a track: beyond, the viewer becomes slow
constexpr double pWh_per_J = 1e12 / 3600;

Json ms(std::int64_t us) {
  return static_cast<double>(us) / 1000;
}

/// Marker texts by number, each once.
class Strings {
 public:
  std::size_t number(const std::string& text) {
    const auto [at, added] = numbers_.try_emplace(text, list_.size());
    if (added) list_.push_back(text);
    return at->second;
  }
  [[nodiscard]] Json json() const {
    Json out = Json::array();
    for (const auto& text : list_) out.push_back(json_words(text));
    return out;
  }

 private:
  std::map<std::string, std::size_t> numbers_;
  std::vector<std::string> list_;
};

/// The columns of a thread's markers.
struct Markers {
  Json name = Json::array(), from = Json::array(), to = Json::array(), data = Json::array();

  void add(std::size_t number, std::int64_t from_us, std::int64_t to_us, Json fields) {
    name.push_back(number);
    from.push_back(ms(from_us));
    to.push_back(ms(to_us));
    data.push_back(std::move(fields));
  }
  [[nodiscard]] Json json() const {
    constexpr int interval = 1;
    const std::size_t length = name.size();
    return {{"name", name},
            {"startTime", from},
            {"endTime", to},
            {"phase", std::vector<int>(length, interval)},
            {"category", std::vector<int>(length, 0)},
            {"data", data},
            {"length", length}};
  }
};

Json empty_table(std::initializer_list<const char*> columns) {
  Json out = Json::object();
  for (const char* column : columns) out[column] = Json::array();
  out["length"] = 0;
  return out;
}

Json schema(std::string_view name, std::string_view label, const Json& fields) {
  return {{"name", name},
          {"tooltipLabel", "{marker.name}"},
          {"tableLabel", label},
          {"chartLabel", "{marker.name}"},
          {"display", {"marker-chart", "marker-table", "timeline-overview"}},
          {"fields", fields},
          {"data", fields}};
}

Json meta(const RunSummary& run) {
  const auto field = [](const char* key, const char* label) {
    return Json{{"key", key}, {"label", label}, {"format", "string"}};
  };
  Json out;
  out["product"] = layout::printable(run.app);
  out["importedFrom"] = "perun " + run.perun_version;
  out["arguments"] = layout::printable(fmt::format("{}", fmt::join(run.command, " ")));
  out["interval"] = run.frequency_hz > 0 ? 1000 / run.frequency_hz : 1000;
  out["startTime"] = static_cast<double>(run.begin_real_ns / 1000) / 1000;
  out["processType"] = 0;
  out["stackwalk"] = 0;
  out["version"] = 29;
  out["preprocessedProfileVersion"] = 57;
  out["symbolicated"] = true;
  out["gramsOfCO2ePerKWh"] = grams_per_joule(run) * 3.6e6;
  out["categories"] = Json::array({{{"name", "Other"}, {"color", "grey"}, {"subcategories", {"Other"}}}});
  out["markerSchema"] =
      Json::array({schema("perun-region", "{marker.name} — {marker.data.energy}",
                          Json::array({field("energy", "Energy of the node meanwhile"),
                                       field("power", "Mean power of the node"), field("co2e", "CO2e of that")})),
                   schema("perun-unread", "{marker.name}", Json::array({field("what", "What"), field("why", "Why")}))});
  return out;
}

Json thread(std::string_view process, std::string_view name, std::size_t node, std::size_t tid, std::int64_t length_us,
            const Markers& markers, const Json& strings) {
  Json out;
  out["name"] = json_words(name);
  out["processName"] = json_words(process);
  out["processType"] = "default";
  out["pid"] = std::to_string(node + 1);
  out["tid"] = tid;
  out["isMainThread"] = tid == 0;
  out["registerTime"] = 0;
  out["unregisterTime"] = nullptr;
  out["processStartupTime"] = 0;
  out["processShutdownTime"] = nullptr;
  out["pausedRanges"] = Json::array();
  out["showMarkersInTimeline"] = true;
  out["stringArray"] = strings;
  out["samples"] = {{"weightType", "samples"},
                    {"weight", nullptr},
                    {"stack", {nullptr, nullptr}},
                    {"time", {0, ms(length_us)}},
                    {"length", 2}};
  out["markers"] = markers.json();
  out["stackTable"] = empty_table({"frame", "category", "subcategory", "prefix"});
  out["frameTable"] = empty_table(
      {"address", "inlineDepth", "category", "subcategory", "func", "nativeSymbol", "innerWindowID", "line", "column"});
  out["funcTable"] =
      empty_table({"isJS", "relevantForJS", "name", "resource", "fileName", "source", "lineNumber", "columnNumber"});
  out["resourceTable"] = empty_table({"lib", "name", "host", "type"});
  out["nativeSymbols"] = empty_table({"libIndex", "address", "name", "functionSize"});
  return out;
}

/// What of the threads is made, and where the counters of a node belong.
struct Threads {
  Json list = Json::array();
  std::vector<std::size_t> of_node;  ///< number of a node's first
};

/// A thread for each node, with what could not be read, and one for each that marked regions.
Threads threads_of(const RunSummary& run, const Timeline& timeline, const std::vector<PowerLine>& lines, Strings& strings) {
  const auto energy = counted_energy(run, timeline);
  std::vector<Markers> nodes(run.nodes.size()), lanes(timeline.lanes.size());
  for (const auto& line : lines)
    for (const auto& [from, to] : line.total ? std::vector<std::pair<std::int64_t, std::int64_t>>{} : line.steps.unread)
      nodes[line.node].add(
          strings.number("not measured: " + line.name), from, to,
          {{"type", "perun-unread"}, {"what", json_words(line.name)}, {"why", "it could not be read; drawn as 0"}});
  for (const auto& call : timeline.calls) {
    const std::size_t node = timeline.lanes[call.lane].node;
    Json data{{"type", "perun-region"}};
    const Kind kind = run.nodes[node].usage.energy.kind;
    const auto joules = joules_during(energy[node], call.from_us, call.to_us);
    const auto tag = std::string(wording::tag(kind));
    data["energy"] = joules ? wording::joules(*joules) + tag : "n/a";
    if (joules) data["power"] = wording::watts(*joules * 1e6 / static_cast<double>(call.to_us - call.from_us)) + tag;
    if (joules) data["co2e"] = wording::co2e(*joules * grams_per_joule(run) * 1e-3) + tag;
    lanes[call.lane].add(strings.number(call_name(timeline, call)), call.from_us, call.to_us, std::move(data));
  }
  Threads out;
  const Json texts = strings.json();
  for (std::size_t n = 0; n < run.nodes.size(); ++n) {
    out.of_node.push_back(out.list.size());
    const auto host = layout::printable(run.nodes[n].host);
    out.list.push_back(thread(host, "power", n, 0, timeline.length_us, nodes[n], texts));
    for (std::size_t l = 0; l < lanes.size(); ++l)
      if (timeline.lanes[l].node == n)
        out.list.push_back(thread(host, lane_name(run, timeline.lanes[l]), n, l + 1, timeline.length_us, lanes[l], texts));
  }
  return out;
}

/// The samples of a power track: whole pWh whose sum never drifts from the energy.
void write_counter(std::string& out, const PowerLine& line, std::size_t thread) {
  out += fmt::format(
      R"({{"name":{},"category":"power","description":{},"pid":"{}","mainThreadIndex":{},"color":"{}","samples":{{"time":)",
      json_text(line.name), json_text(line.about), line.node + 1, thread, line.total ? "purple" : "orange");
  {
    List times(out);
    for (const std::int64_t t : line.steps.t_us)
      fmt::format_to(std::back_inserter(times.next()), "{}", static_cast<double>(t) / 1000);
  }
  out += R"(,"count":)";
  {
    List counts(out);
    std::int64_t before = 0;
    for (const double joules : line.steps.joules) {
      const std::int64_t sum = std::llround(joules * pWh_per_J);
      fmt::format_to(std::back_inserter(counts.next()), "{}", sum - before);
      before = sum;
    }
  }
  out += fmt::format(R"(,"length":{}}}}})", line.steps.t_us.size());
}

}  // namespace

std::string firefox(const RunSummary& run, const Timeline& timeline) {
  const auto lines = power_lines(run, timeline, most_samples);
  Strings strings;
  const Threads threads = threads_of(run, timeline, lines, strings);
  std::string out = R"({"meta":)" + meta(run).dump(-1, ' ', true);
  out += R"(,"libs":[],"pages":[],"shared":{"stringArray":)" + strings.json().dump(-1, ' ', true) + R"(},"threads":)";
  out += threads.list.dump(-1, ' ', true) + R"(,"counters":)";
  {
    List counters(out);
    for (const auto& line : lines) write_counter(counters.next(), line, threads.of_node[line.node]);
  }
  return out += "}\n";
}

}  // namespace perun::trace
