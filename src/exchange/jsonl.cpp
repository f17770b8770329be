// SPDX-License-Identifier: BSD-3-Clause
#include "exchange/json.hpp"
#include "exchange/table.hpp"
#include "store/times.hpp"

namespace perun {

namespace {

void line(const char* type, int number, const Json& facts, Sink& out) {
  Json head{{"type", type}, {"run", number}};
  head.update(facts);
  out.text(head.dump()).text("\n");
}

void readings(const Run& run, const NodeRecord& node, std::size_t i, Sink& out) {
  const Sensor& s = node.sensors[i];
  const Series& series = node.series[i];
  const Moment anchor = node.clock.empty() ? run.begin : node.clock.front();
  Json head{{"type", "reading"}, {"run", run.number}, {"node", exact_text(node.host)}, {"sensor", exact_text(s.id)}};
  std::string before = head.dump();
  before.back() = ',';
  const Json tail{{"unit", unit(s.quantity)}, {"kind", name(s.kind)}};
  const std::string behind = "," + tail.dump().substr(1) + "\n";
  for (std::size_t k = 0; k < series.size() && !out.failed(); ++k) {
    out.text(before)
        .text("\"time_ns\":")
        .integer(to_wall(series.t_ns[k], anchor))
        .text(",\"mono_ns\":")
        .integer(series.t_ns[k]);
    out.text(",\"halfwidth_ns\":").integer(series.halfwidth_ns[k]);
    if (series.raw[k] == missing)
      out.text(",\"raw\":null,\"value\":null");
    else
      out.text(",\"raw\":").integer(series.raw[k]).text(",\"value\":").number(static_cast<double>(series.raw[k]) * s.scale);
    out.text(behind);
  }
}

}  // namespace

Status write_jsonl(const Source& source, std::span<const int> numbers, Sink& out) {
  out.text(Json{{"type", "file"}, {"schema", data_schema}, {"app", exact_text(source.app())}}.dump()).text("\n");
  for (const int number : numbers) {
    if (out.failed()) break;
    const auto run = source.load(number);
    if (!run) return run.error();
    line("run", number, facts_of(*run), out);
    for (const auto& node : run->nodes) {
      line("node", number, facts_of(node), out);
      for (std::size_t i = 0; i < node.sensors.size() && i < node.series.size(); ++i) {
        Json facts{{"node", exact_text(node.host)}};
        facts.update(facts_of(node.sensors[i]));
        line("sensor", number, facts, out);
        readings(*run, node, i, out);
      }
    }
  }
  return Ok{};
}

}  // namespace perun
