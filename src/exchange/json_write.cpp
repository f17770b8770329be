// SPDX-License-Identifier: BSD-3-Clause
#include "exchange/json.hpp"

namespace perun {

namespace {

/// An object of facts, left open for what is too long to be held as JSON.
void open_object(const Json& facts, Sink& out) {
  std::string text = facts.dump();
  text.pop_back();
  out.text(text);
}

template <class Values, class Put>
void array(const char* name, const Values& values, Sink& out, Put put) {
  out.text(",\"").text(name).text("\":[");
  for (std::size_t i = 0; i < values.size() && !out.failed(); ++i) {
    if (i > 0) out.text(",");
    put(values[i]);
  }
  out.text("]");
}

void write_series(const Series& series, Sink& out) {
  const auto integer = [&](std::int64_t value) { out.integer(value); };
  array("t_ns", series.t_ns, out, integer);
  array("raw", series.raw, out, [&](std::int64_t raw) { raw == missing ? out.text("null") : out.integer(raw); });
  array("halfwidth_ns", series.halfwidth_ns, out, integer);
}

void write_node(const NodeRecord& node, Sink& out) {
  open_object(facts_of(node), out);
  out.text(",\"sensors\":[");
  for (std::size_t i = 0; i < node.sensors.size() && i < node.series.size(); ++i) {
    out.text(i > 0 ? ",\n" : "\n");
    open_object(facts_of(node.sensors[i]), out);
    write_series(node.series[i], out);
    out.text("}");
  }
  out.text("]}");
}

}  // namespace

Status write_json(const Source& source, std::span<const int> numbers, Sink& out) {
  Json head;
  head["schema"] = data_schema;
  head["app"] = exact_text(source.app());
  open_object(head, out);
  out.text(",\"runs\":[");
  for (std::size_t i = 0; i < numbers.size() && !out.failed(); ++i) {
    const auto run = source.load(numbers[i]);
    if (!run) return run.error();
    out.text(i > 0 ? ",\n" : "\n");
    open_object(facts_of(*run), out);
    out.text(",\"nodes\":[");
    for (std::size_t k = 0; k < run->nodes.size(); ++k) {
      out.text(k > 0 ? ",\n" : "\n");
      write_node(run->nodes[k], out);
    }
    out.text("]}");
  }
  out.text("\n]}\n");
  return Ok{};
}

}  // namespace perun
