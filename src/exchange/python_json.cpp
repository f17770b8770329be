// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "exchange/python.hpp"
#include "exchange/python_tree.hpp"

namespace perun {

namespace {

constexpr int deepest = 16;  ///< levels; a true tree has 6

/// A key of an object; null when it is not there.
const Json& at(const Json& json, const char* key) {
  static const Json none;
  if (!json.is_object()) return none;
  const auto found = json.find(key);
  return found == json.end() ? none : *found;
}

std::string text_of(const Json& json) {
  return json.is_string() ? json.get<std::string>() : json.is_null() ? "" : json.dump();
}

void read_meta(const Json& meta, PythonRow& row) {
  row.unit = text_of(at(meta, "unit"));
  if (at(meta, "mag").is_number()) row.mag = at(meta, "mag").get<double>();
  if (at(meta, "max").is_number()) row.highest = at(meta, "max").get<double>();
  row.whole = text_of(at(meta, "dtype")).find("int") != std::string::npos;
}

std::int64_t integer_of(const Json& item) {
  if (item.is_number_unsigned())
    return static_cast<std::int64_t>(
        std::min<std::uint64_t>(item.get<std::uint64_t>(), std::numeric_limits<std::int64_t>::max()));
  if (item.is_number_integer()) return item.get<std::int64_t>();
  const double value = item.is_number() ? item.get<double>() : std::nan("");
  return std::isfinite(value) && std::abs(value) < 9.2e18 ? std::llround(value) : missing;
}

void read_values(const Json& values, PythonRow& row) {
  for (const auto& item : values) {
    if (row.whole)
      row.integers.push_back(integer_of(item));
    else
      row.numbers.push_back(item.is_number() ? item.get<double>() : std::nan(""));
  }
}

/// The counter where it was kept beside the power made of it, else the values.
void read_raw(const Json& raw, PythonNode& node) {
  read_meta(at(raw, "t_md"), node.timesteps);
  node.timesteps.whole = false;
  read_values(at(raw, "timesteps"), node.timesteps);
  const bool counter = at(raw, "alt_values").is_array() && at(raw, "alt_v_md").is_object();
  read_meta(at(raw, counter ? "alt_v_md" : "v_md"), node.values);
  read_values(at(raw, counter ? "alt_values" : "values"), node.values);
}

/// Times of begins and ends by region and rank; ranks are keys, and so texts.
PythonRegions regions_of(const Json& json) {
  PythonRegions regions;
  if (!json.is_object()) return regions;
  for (const auto& [key, region] : json.items()) {
    const std::string name = text_of(at(region, "id"));
    if (!at(region, "raw_data").is_object()) continue;
    for (const auto& [rank, seconds] : at(region, "raw_data").items()) {
      const auto number = python_rank(rank);
      if (!number || !seconds.is_array()) continue;
      auto& times = regions[name.empty() ? key : name][*number];
      for (const auto& s : seconds) times.push_back(s.is_number() ? s.get<double>() : std::nan(""));
    }
  }
  return regions;
}

PythonNode node_of(const Json& json, int depth) {
  PythonNode node;
  node.id = text_of(at(json, "id"));
  const Json& type = at(json, "type");
  node.type = type.is_number_integer() ? static_cast<PythonNode::Type>(std::clamp<std::int64_t>(type.get<std::int64_t>(), 0, 7))
                                       : PythonNode::Type::sensor;
  node.device_type = text_of(at(json, "deviceType"));
  const Json& metadata = at(json, "metadata");
  if (metadata.is_object())
    for (const auto& [key, value] : metadata.items()) node.metadata[key] = text_of(value);
  // A stray comma in its writer makes this an array around the object.
  const Json& nodes = at(json, "nodes").is_array() && !at(json, "nodes").empty() ? at(json, "nodes")[0] : at(json, "nodes");
  if (nodes.is_object() && depth < deepest)
    for (const auto& item : nodes.items()) node.nodes.push_back(node_of(item.value(), depth + 1));
  if (at(json, "raw_data").is_object()) read_raw(at(json, "raw_data"), node);
  node.regions = regions_of(at(json, "regions"));
  return node;
}

}  // namespace

Result<JsonRuns> read_python_json(const Json& document) {
  if (!at(document, "id").is_string() || !at(document, "type").is_number_integer() || !document.contains("nodes"))
    return Error{Errc::format, "is neither JSON of perun nor of the Python perun"};
  PythonNode tree = node_of(document, 0);
  if (tree.type == PythonNode::Type::app) return runs_of(tree);
  // It also writes single runs of rounds, below which only the application is missing.
  PythonNode app;
  app.id = tree.metadata.contains("app_name") ? tree.metadata["app_name"] : tree.id;
  if (tree.type == PythonNode::Type::rounds) {
    app.nodes.push_back(std::move(tree));
  } else if (tree.type == PythonNode::Type::run) {
    auto& rounds = app.nodes.emplace_back();
    rounds.id = tree.id;
    rounds.type = PythonNode::Type::rounds;
    rounds.nodes.push_back(std::move(tree));
  } else {
    return Error{Errc::format, "holds no run of the Python perun"};
  }
  return runs_of(app);
}

}  // namespace perun
