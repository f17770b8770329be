// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <new>

#include "base/text.hpp"
#include "exchange/python.hpp"
#include "exchange/python_tree.hpp"
#include "model/domains.hpp"
#include "store/attributes.hpp"
#include "store/datasets.hpp"
#include "store/hid.hpp"

namespace perun {

namespace {

constexpr int deepest = 16;  ///< levels; a true tree has 6

std::vector<std::string> links(hid_t group) {
  std::vector<std::string> names;
  const auto take = [](hid_t, const char* name, const H5L_info_t*, void* to) -> herr_t {
    static_cast<std::vector<std::string>*>(to)->emplace_back(name);
    return 0;
  };
  hsize_t from = 0;
  if (H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, &from, take, &names) < 0) names.clear();
  return names;
}

h5::Group open_group(hid_t parent, const std::string& name) {
  return H5Lexists(parent, name.c_str(), H5P_DEFAULT) > 0 ? h5::Group(H5Gopen2(parent, name.c_str(), H5P_DEFAULT))
                                                          : h5::Group();
}

/// The values of a dataset, integers as such and floats as doubles.
Status read_row(hid_t group, const std::string& name, PythonRow& row) {
  const auto dataset = h5::open_dataset(group, name);
  if (!dataset) return dataset.error();
  const h5::Type type(H5Dget_type(dataset->get()));
  row.whole = type && H5Tget_class(type.get()) == H5T_INTEGER;
  if (row.whole) {
    auto rows = h5::read_rows(group, name);
    if (!rows) return rows.error();
    row.integers = *std::move(rows);
    return Ok{};
  }
  auto numbers = h5::read_numbers(group, name);
  if (!numbers) return numbers.error();
  row.numbers = *std::move(numbers);
  return Ok{};
}

/// Attributes of the layout since 0.2.
void read_meta(hid_t dataset, PythonRow& row) {
  const h5::AttributeReader a(dataset);
  row.unit = a.text_or("unit");
  row.mag = a.number_or("mag", 1);
  row.highest = a.number_or("valid_max");
}

/// Names of the attributes that are texts or numbers, as text.
std::map<std::string, std::string> texts_of(hid_t object) {
  std::vector<std::string> names;
  const auto take = [](hid_t, const char* name, const H5A_info_t*, void* to) -> herr_t {
    static_cast<std::vector<std::string>*>(to)->emplace_back(name);
    return 0;
  };
  hsize_t from = 0;
  if (H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, &from, take, &names) < 0) return {};
  const h5::AttributeReader a(object);
  std::map<std::string, std::string> out;
  for (const auto& name : names)
    if (const auto text = a.text(name.c_str()))
      out[name] = *text;
    else if (const auto number = a.number(name.c_str()))
      out[name] = text::shortest(*number);
    else if (const auto integers = a.integers(name.c_str()))
      out[name] = Json(*integers).dump();
  return out;
}

Status read_raw(hid_t group, PythonNode& node) {
  if (auto read = read_row(group, "timesteps", node.timesteps); !read) return read;
  const bool counter = H5Lexists(group, "alt_values", H5P_DEFAULT) > 0;
  const std::string values = counter ? "alt_values" : "values";
  if (auto read = read_row(group, values, node.values); !read) return read;
  for (const auto& [name, row] : {std::pair{std::string("timesteps"), &node.timesteps}, std::pair{values, &node.values}}) {
    const auto dataset = h5::open_dataset(group, name);
    if (!dataset) return dataset.error();
    read_meta(dataset->get(), *row);
  }
  return Ok{};
}

/// The regions below a group; a name with slashes has made groups of its parts.
Status read_regions(hid_t group, int depth, PythonRegions& regions) {
  for (const auto& link : links(group)) {
    const auto region = open_group(group, link);
    if (!region || link == "metrics" || link == "N_RUNS") continue;
    const auto raw = open_group(region.get(), "raw_data");
    if (!raw && depth < deepest)
      if (auto read = read_regions(region.get(), depth + 1, regions); !read) return read;
    if (!raw) continue;
    const std::string name = h5::AttributeReader(region.get()).text_or("id", link);
    for (const auto& rank : links(raw.get())) {
      const auto number = python_rank(rank);
      if (!number) continue;
      PythonRow row;
      if (auto read = read_row(raw.get(), rank, row); !read)
        return Error{read.error().code, fmt::format("region '{}': {}", name, read.error().what)};
      if (row.whole) row.numbers.assign(row.integers.begin(), row.integers.end());
      regions[name][*number] = std::move(row.numbers);
    }
  }
  return Ok{};
}

Result<PythonNode> read_tree(hid_t group, const std::string& name, int depth) {
  const h5::AttributeReader a(group);
  PythonNode node;
  node.id = name;
  node.type = static_cast<PythonNode::Type>(std::clamp<std::int64_t>(a.integer_or("type"), 0, 7));
  node.device_type = a.text_or("device_type");
  node.metadata = texts_of(group);
  node.metadata.erase("type");
  node.metadata.erase("device_type");
  if (const auto raw = open_group(group, "raw_data"))
    if (auto read = read_raw(raw.get(), node); !read)
      return Error{read.error().code, fmt::format("'{}': {}", name, read.error().what)};
  if (const auto regions = open_group(group, "regions"))
    if (auto read = read_regions(regions.get(), 0, node.regions); !read)
      return Error{read.error().code, fmt::format("'{}': {}", name, read.error().what)};
  const auto below = open_group(group, "nodes");
  if (!below || depth >= deepest) return node;
  for (const auto& link : links(below.get())) {
    const auto child = open_group(below.get(), link);
    if (!child) continue;
    auto read = read_tree(child.get(), link, depth + 1);
    if (!read) return read;
    node.nodes.push_back(*std::move(read));
  }
  // By name 10 comes before 2; they were made in the order of their numbers.
  std::ranges::stable_sort(node.nodes, [](const PythonNode& x, const PythonNode& y) {
    const auto m = text::integer(x.id), n = text::integer(y.id);
    return m && n && *m < *n;
  });
  return node;
}

/// Powers of ten by the names that the first layout gave them, its spelling included.
double magnitude(const std::string& prefix) {
  constexpr std::pair<std::string_view, double> all[] = {{"pico", 1e-12}, {"nano", 1e-9},  {"micro", 1e-6},
                                                         {"mili", 1e-3},  {"milli", 1e-3}, {"kilo", 1e3},
                                                         {"mega", 1e6},   {"giga", 1e9},   {"tera", 1e12}};
  for (const auto& [name, factor] : all)
    if (name == prefix) return factor;
  return 1;
}

constexpr const char* first_layout =
    "measured by the Python perun, in its first file layout. That does not tell failed readings from zeros, when the program "
    "began and ended (the first and last reading are taken for it, so what was used before and after is not in it), the "
    "command, "
    "the exit status, the factors, gaps, lost readings, or the readings' errors";

Status read_first_device(hid_t node_group, const std::string& name, const std::vector<std::int64_t>& t_ns, NodeRecord& node) {
  const auto dataset = h5::open_dataset(node_group, name);
  if (!dataset) return dataset.error();
  const h5::AttributeReader a(dataset->get());
  PythonRow row;
  if (auto read = read_row(node_group, name, row); !read) return read;
  const std::string units = a.text_or("units");
  row.unit = units == "Joule" ? "J" : units == "Watt" ? "W" : units;
  row.mag = magnitude(a.text_or("scale_prefix", a.text_or("mag")));
  row.highest = a.number_or("valid_max");
  const auto tail = name.rfind('_');  // "0_package-0_uJ": the unit is told by attributes
  Sensor s = python_sensor(name.substr(0, tail), name.find("CUDA") != std::string::npos ? "gpu" : "", row);
  if (const auto label = a.text("long_name")) s.label = *label;
  node.sensors.push_back(s);
  node.series.push_back(python_series(row, t_ns));
  return Ok{};
}

Result<NodeRecord> read_first_node(hid_t group, const std::string& host) {
  NodeRecord node;
  node.host = host;
  const auto t_ns = h5::read_rows(group, "t_ns");
  if (!t_ns) return t_ns.error();
  for (const auto& name : links(group)) {
    if (name == "t_ns") continue;
    if (auto read = read_first_device(group, name, *t_ns, node); !read) return read.error();
  }
  const auto verdicts = judge_total(node.sensors);
  for (std::size_t i = 0; i < verdicts.size(); ++i) node.sensors[i].counted = verdicts[i].counted;
  for (const auto t : {t_ns->empty() ? 0 : t_ns->front(), t_ns->empty() ? 0 : t_ns->back()}) node.clock.push_back({t, t});
  return node;
}

Result<Run> read_first_run(hid_t group, const std::string& app, int number) {
  Run run;
  run.app = app;
  run.number = number;
  run.id = fmt::format("{}/exp_{}", app, number);
  run.command = {app};
  run.origin = first_layout;
  run.outcome.finished = true;
  for (const auto& host : links(group)) {
    const auto node = open_group(group, host);
    if (!node) continue;
    auto read = read_first_node(node.get(), host);
    if (!read) return Error{read.error().code, fmt::format("exp_{}, node '{}': {}", number, host, read.error().what)};
    const auto [first, last] = std::pair{read->clock.front(), read->clock.back()};
    if (run.nodes.empty() || first.real_ns < run.begin.real_ns) run.begin = first;
    if (run.nodes.empty() || last.real_ns > run.end.real_ns) run.end = last;
    run.nodes.push_back(*std::move(read));
  }
  if (run.nodes.empty()) {
    const auto date = python_date_ns(h5::AttributeReader(group).text_or("experiment_date"));
    run.begin = run.end = {date, date};
  }
  return run;
}

/// N of "exp_N", or -1.
int number_of(std::string_view link) {
  constexpr std::string_view prefix = "exp_";
  int number = -1;
  if (!link.starts_with(prefix)) return -1;
  const auto* const end = link.data() + link.size();
  const auto [behind, error] = std::from_chars(link.data() + prefix.size(), end, number);
  return error == std::errc{} && behind == end && number >= 0 ? number : -1;
}

Result<JsonRuns> read_first(hid_t app, const std::string& name) {
  JsonRuns out;
  out.app = name;
  for (const auto& link : links(app)) {
    const int number = number_of(link);
    const auto group = number < 0 ? h5::Group() : open_group(app, link);
    if (!group) continue;
    auto run = read_first_run(group.get(), name, number);
    if (!run) return run.error();
    out.runs.push_back(*std::move(run));
  }
  return out;
}

}  // namespace

Result<JsonRuns> read_python_hdf5(const std::filesystem::path& file) try {
  const h5::Quiet quiet;
  const h5::File opened(H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT));
  if (!opened) return Error{Errc::unsupported, "cannot be opened as HDF5"};
  const auto names = links(opened.get());
  if (names.size() != 1) return Error{Errc::unsupported, "is no file of the Python perun"};
  const auto app = open_group(opened.get(), names.front());
  if (!app) return Error{Errc::unsupported, "is no file of the Python perun"};
  if (h5::AttributeReader(app.get()).integer("type") && open_group(app.get(), "nodes")) {
    const auto tree = read_tree(app.get(), names.front(), 0);
    return tree ? runs_of(*tree) : tree.error();
  }
  const auto runs = links(app.get());
  if (std::ranges::none_of(runs, [](const std::string& link) { return number_of(link) >= 0; }))
    return Error{Errc::unsupported, "is no file of the Python perun"};
  return read_first(app.get(), names.front());
} catch (const std::bad_alloc&) {
  return Error{Errc::format, "does not fit into memory"};
}

}  // namespace perun
