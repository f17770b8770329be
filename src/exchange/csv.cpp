// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "exchange/table.hpp"
#include "store/lanes.hpp"
#include "store/times.hpp"

namespace perun {

std::string csv_cell(const std::string& text) {
  std::string plain = text::to_utf8(text);
  if (plain.find_first_of(",\"\r\n") == std::string::npos) return plain;
  std::string out = "\"";
  for (const char c : plain) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

namespace {

Moment anchor_of(const Run& run, const NodeRecord& node) {
  return node.clock.empty() ? run.begin : node.clock.front();
}

/// "raw,value": both empty where the reading failed.
void reading(std::int64_t raw, const Sensor& sensor, Sink& out) {
  if (raw == missing) {
    out.text(",");
    return;
  }
  out.integer(raw).text(",").number(static_cast<double>(raw) * sensor.scale);
}

void long_lines(const Run& run, const NodeRecord& node, std::size_t i, Sink& out) {
  const Sensor& s = node.sensors[i];
  const Series& series = node.series[i];
  const std::string before = std::to_string(run.number) + "," + csv_cell(node.host) + "," + csv_cell(s.id) + ",";
  const std::string behind = "," + std::string(unit(s.quantity)) + "," + std::string(name(s.quantity)) + "," +
                             std::string(name(s.behavior)) + "," + std::string(name(s.kind)) + "\n";
  const Moment anchor = anchor_of(run, node);
  for (std::size_t k = 0; k < series.size() && !out.failed(); ++k) {
    out.text(before).integer(to_wall(series.t_ns[k], anchor)).text(",").integer(series.t_ns[k]).text(",");
    out.integer(series.halfwidth_ns[k]).text(",");
    reading(series.raw[k], s, out);
    out.text(behind);
  }
}

/// The columns of a wide table: every sensor of every run, by id, once, in the order first seen.
class Columns {
 public:
  void add(const Sensor& sensor) {
    if (place_.try_emplace(sensor.id, sensors_.size()).second) sensors_.push_back({sensor.id, unit(sensor.quantity)});
  }
  [[nodiscard]] std::size_t size() const noexcept { return sensors_.size(); }
  [[nodiscard]] std::size_t of(const Sensor& sensor) const { return place_.at(sensor.id); }

  void head(Sink& out) const {
    out.text("run,node,time_ns,mono_ns");
    for (const auto& [id, symbol] : sensors_)
      out.text(",").text(csv_cell(id + " raw")).text(",").text(csv_cell(id + " [" + std::string(symbol) + "]"));
    out.text("\n");
  }

 private:
  std::vector<std::pair<std::string, std::string_view>> sensors_;
  std::map<std::string, std::size_t> place_;
};

/// One line for each tick of each lane, by time.
void wide_lines(const Run& run, const NodeRecord& node, const Columns& columns, Sink& out) {
  const auto all = lanes(node);
  const Moment anchor = anchor_of(run, node);
  const std::string before = std::to_string(run.number) + "," + csv_cell(node.host) + ",";
  std::vector<std::size_t> next(all.size(), 0);
  const auto time = [&](std::size_t lane) { return node.series[all[lane].members.front()].t_ns[next[lane]]; };
  std::vector<std::optional<std::size_t>> sensor_in(columns.size());
  while (!out.failed()) {
    std::optional<std::size_t> first;
    for (std::size_t lane = 0; lane < all.size(); ++lane)
      if (!all[lane].members.empty() && next[lane] < all[lane].rows && (!first || time(lane) < time(*first))) first = lane;
    if (!first) return;
    const Lane& lane = all[*first];
    const std::int64_t t_ns = time(*first);
    const std::size_t row = next[*first]++;
    std::fill(sensor_in.begin(), sensor_in.end(), std::nullopt);
    for (const std::size_t i : lane.members) sensor_in[columns.of(node.sensors[i])] = i;
    out.text(before).integer(to_wall(t_ns, anchor)).text(",").integer(t_ns);
    for (const auto& i : sensor_in) {
      out.text(",");
      if (i)
        reading(node.series[*i].raw[row], node.sensors[*i], out);
      else
        out.text(",");
    }
    out.text("\n");
  }
}

}  // namespace

Status write_csv_long(const Source& source, std::span<const int> numbers, Sink& out) {
  out.text("run,node,sensor,time_ns,mono_ns,halfwidth_ns,raw,value,unit,quantity,behavior,kind\n");
  for (const int number : numbers) {
    if (out.failed()) break;
    const auto run = source.load(number);
    if (!run) return run.error();
    for (const auto& node : run->nodes)
      for (std::size_t i = 0; i < node.sensors.size() && i < node.series.size(); ++i) long_lines(*run, node, i, out);
  }
  return Ok{};
}

Status write_csv_wide(const Source& source, std::span<const int> numbers, Sink& out) {
  // Each run is read twice: the columns must be known before the first line.
  Columns columns;
  for (const int number : numbers) {
    const auto run = source.load(number);
    if (!run) return run.error();
    for (const auto& node : run->nodes)
      for (const auto& sensor : node.sensors) columns.add(sensor);
  }
  columns.head(out);
  for (const int number : numbers) {
    if (out.failed()) break;
    const auto run = source.load(number);
    if (!run) return run.error();
    for (const auto& node : run->nodes) wide_lines(*run, node, columns, out);
  }
  return Ok{};
}

}  // namespace perun
