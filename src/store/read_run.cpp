// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/json.hpp"
#include "model/factor_steps.hpp"
#include "model/summary_text.hpp"
#include "store/attributes.hpp"
#include "store/datasets.hpp"
#include "store/job.hpp"
#include "store/layout.hpp"
#include "store/read.hpp"

namespace perun::h5 {

namespace {

namespace attr = layout::attr;

/// N of "exp_N" as write_run() spells it, or -1.
int number_of(std::string_view link) noexcept {
  if (!link.starts_with(layout::run_prefix)) return -1;
  link.remove_prefix(layout::run_prefix.size());
  int number = -1;
  const auto [end, error] = std::from_chars(link.data(), link.data() + link.size(), number);
  const bool whole = error == std::errc{} && end == link.data() + link.size();
  return whole && number >= 0 && std::to_string(number) == link ? number : -1;
}

int small(std::int64_t value) noexcept {
  using Limits = std::numeric_limits<int>;
  return static_cast<int>(std::clamp<std::int64_t>(value, Limits::min(), Limits::max()));
}

Kind kind_of(const std::string& text) noexcept {
  const auto found = std::find(kind_names.begin(), kind_names.end(), text);
  return found == kind_names.end() ? Kind::unavailable : static_cast<Kind>(found - kind_names.begin());
}

Usage read_usage(const AttributeReader& a) {
  Usage usage;
  usage.duration_s = a.number_or(attr::run_runtime);
  usage.energy.kind = kind_of(a.text_or(attr::kind));
  if (usage.energy.kind == Kind::unavailable) return usage;
  usage.energy.measured_J = a.number_or(attr::measured);
  usage.energy.estimated_J = a.number_or(attr::estimated);
  usage.energy.uncertainty_J = a.number_or(attr::uncertainty);
  usage.energy.lower_J = a.number_or(attr::lower);
  usage.energy.upper_J = a.number_or(attr::upper);
  usage.power_mean_W = a.number_or(attr::power_mean);
  usage.power_max_W = a.number_or(attr::power_max);
  return usage;
}

std::optional<Footprint> read_footprint(const AttributeReader& a) {
  const auto kWh = a.number(attr::facility_energy), kg = a.number(attr::run_co2e), euro = a.number(attr::run_price);
  return kWh && kg && euro ? std::optional(Footprint{*kWh, *kg, *euro * 100}) : std::nullopt;
}

Outcome read_outcome(const AttributeReader& a) {
  Outcome o;
  o.finished = a.integer_or(attr::finished) != 0;
  o.exit_code = small(a.integer_or(attr::exit_code));
  o.signal = small(a.integer_or(attr::ended_by_signal));
  o.interrupted_by = a.text_or(attr::interrupted_by);
  o.user_s = a.number_or(attr::user_s);
  o.system_s = a.number_or(attr::system_s);
  o.max_rss_bytes = a.integer_or(attr::max_rss);
  return o;
}

Factors read_factors(const AttributeReader& a) {
  Factors f;
  f.pue = a.number_or(attr::pue, f.pue);
  f.emissions_kg_per_kWh = a.number_or(attr::emissions, f.emissions_kg_per_kWh);
  f.price_cent_per_kWh = a.number_or(attr::price, f.price_cent_per_kWh);
  f.pue_source = a.text_or(attr::pue_source, f.pue_source);
  f.emissions_source = a.text_or(attr::emissions_source, f.emissions_source);
  f.price_source = a.text_or(attr::price_source, f.price_source);
  f.overhead_power_W = a.number_or(attr::overhead_power, f.overhead_power_W);
  f.overhead_source = a.text_or(attr::overhead_source, f.overhead_source);
  f.embodied_kg = a.number_or(attr::embodied, f.embodied_kg);
  f.embodied_source = a.text_or(attr::embodied_source, f.embodied_source);
  f.lifespan_years = a.number_or(attr::lifespan, f.lifespan_years);
  f.lifespan_source = a.text_or(attr::lifespan_source, f.lifespan_source);
  f.resource_share = a.number_or(attr::resource_share, f.resource_share);
  f.resource_source = a.text_or(attr::resource_source, f.resource_source);
  const auto over_time = [&](const char* attribute) {
    return factor_steps(Json::parse(a.text_or(attribute, "[]"), nullptr, false));
  };
  f.emissions_over_time = over_time(attr::emissions_over_time);
  f.price_over_time = over_time(attr::price_over_time);
  return f;
}

/// A JSON object of texts; what else stands there is nothing.
Attributes read_provenance(const AttributeReader& a) {
  const auto parsed = Json::parse(a.text_or(attr::provenance, "{}"), nullptr, false);
  Attributes facts;
  if (parsed.is_object())
    for (const auto& [key, value] : parsed.items())
      if (value.is_string()) facts.emplace_back(key, value.get<std::string>());
  return facts;
}

Run read_facts(const AttributeReader& a, int number) {
  Run run;
  run.number = number;
  run.id = a.text_or(attr::run_id);
  run.app = a.text_or(attr::app);
  run.cwd = a.text_or(attr::cwd);
  run.perun_version = a.text_or(attr::version);
  run.frequency_hz = a.number_or(attr::frequency, run.frequency_hz);
  run.round_id = a.text_or(attr::round_id);
  run.round = small(a.integer_or(attr::round));
  run.title = a.text_or(attr::run_title);
  run.provenance = read_provenance(a);
  run.postprocessed = a.text_or(attr::postprocessed);
  run.origin = a.text_or(attr::origin);
  run.factors = read_factors(a);
  run.begin = {a.integer_or(attr::begin_mono), a.integer_or(attr::begin_real)};
  run.end = {a.integer_or(attr::end_mono), a.integer_or(attr::end_real)};
  run.outcome = read_outcome(a);
  run.config_ini = a.text_or(attr::config);
  for (const auto& item : Json::parse(a.text_or(attr::work, "[]"), nullptr, false))
    if (item.is_array() && item.size() == 2 && item[0].is_string() && item[1].is_number())
      run.work.emplace_back(item[0].get<std::string>(), item[1].get<double>());
  return run;
}

}  // namespace

Result<std::vector<std::string>> texts_of_json(const std::string& json, const char* attribute) {
  const auto parsed = Json::parse(json, nullptr, false);
  const Error wrong{Errc::format, fmt::format("the attribute '{}' is not a JSON array of texts", attribute)};
  if (!parsed.is_array()) return wrong;
  std::vector<std::string> texts;
  for (const auto& item : parsed) {
    if (!item.is_string()) return wrong;
    texts.push_back(item.get<std::string>());
  }
  return texts;
}

Result<std::vector<int>> run_numbers(hid_t application) {
  std::vector<int> numbers;
  const auto take = [](hid_t, const char* name, const H5L_info_t*, void* to) -> herr_t {
    if (const int number = number_of(name); number >= 0) static_cast<std::vector<int>*>(to)->push_back(number);
    return 0;
  };
  hsize_t from = 0;
  if (H5Literate(application, H5_INDEX_NAME, H5_ITER_NATIVE, &from, take, &numbers) < 0)
    return failure(Errc::format, "the list of runs cannot be read");
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  return numbers;
}

Result<Group> open_run(hid_t application, int number) {
  const std::string name = layout::run_group(number);
  if (H5Lexists(application, name.c_str(), H5P_DEFAULT) <= 0)
    return Error{Errc::not_found, fmt::format("there is no run {}", number)};
  Group group(H5Gopen2(application, name.c_str(), H5P_DEFAULT));
  if (!group) return failure(Errc::format, fmt::format("run {} cannot be read", number));
  return group;
}

Result<StoredRun> read_stored_run(hid_t application, int number) {
  const auto group = open_run(application, number);
  if (!group) return group.error();
  const AttributeReader a(group->get());
  StoredRun run{number, a.text_or(attr::run_id), a.integer_or(attr::begin_real), read_usage(a)};
  run.footprint = read_footprint(a);
  run.outcome = read_outcome(a);
  run.title = a.text_or(attr::run_title);
  run.foreign = !a.text_or(attr::origin).empty();
  for (const auto& [name, to] :
       {std::pair{attr::tags, &run.tags}, std::pair{attr::command, &run.command}, std::pair{attr::nodes, &run.nodes}}) {
    auto texts = texts_of_json(a.text_or(name, "[]"), name);
    if (!texts) return Error{texts.error().code, fmt::format("run {}: {}", number, texts.error().what)};
    *to = *std::move(texts);
  }
  return run;
}

Factors read_factors(hid_t run_group) {
  return read_factors(AttributeReader(run_group));
}

std::optional<RunSummary> read_summary(hid_t application, int number) {
  const auto group = open_run(application, number);
  const auto text = group ? read_text(group->get(), layout::summary) : std::nullopt;
  if (!text) return std::nullopt;
  auto summary = decode_summary(*text);
  if (!summary) return std::nullopt;
  summary->number = number;  // it was computed before the run had one
  // These may have been changed since.
  const AttributeReader a(group->get());
  summary->title = a.text_or(attr::run_title);
  summary->postprocessed = a.text_or(attr::postprocessed);
  if (auto tags = texts_of_json(a.text_or(attr::tags, "[]"), attr::tags)) summary->tags = *std::move(tags);
  return *std::move(summary);
}

namespace {

/// The run with its nodes as `read(group, name, begin)` gives them to `take`.
template <class Read, class Take>
Result<Run> read_with(hid_t application, int number, Read&& read, Take&& take) {
  const auto group = open_run(application, number);
  if (!group) return group.error();
  const AttributeReader a(group->get());
  Run run = read_facts(a, number);
  auto command = texts_of_json(a.text_or(attr::command, "[]"), attr::command);
  if (!command) return command.error();
  run.command = std::move(*command);
  auto tags = texts_of_json(a.text_or(attr::tags, "[]"), attr::tags);
  if (!tags) return tags.error();
  run.tags = std::move(*tags);
  const auto nodes = texts_of_json(a.text_or(attr::nodes), attr::nodes);
  if (!nodes) return nodes.error();
  for (const auto& name : *nodes) {
    auto node = read(group->get(), name, run.begin);
    if (!node)
      return Error{node.error().code, fmt::format("run {}, node '{}': {}", number, name, node.error().what), node.error().hint};
    take(run, std::move(*node));
  }
  auto job = read_job(group->get());
  if (!job) return Error{job.error().code, fmt::format("run {}: {}", number, job.error().what), job.error().hint};
  run.job = std::move(*job);
  return run;
}

}  // namespace

Result<Run> read_run(hid_t application, int number) {
  return read_with(application, number, read_node, [](Run& run, NodeRecord&& node) { run.nodes.push_back(std::move(node)); });
}

Result<OpenRun> open_run_to_read(hid_t application, int number) {
  OpenRun opened;
  auto run = read_with(application, number, open_node, [&](Run& to, StoredNode&& node) {
    to.nodes.push_back(std::move(node.record));
    opened.readings.push_back(std::move(node.readings));
  });
  if (!run) return run.error();
  opened.run = std::move(*run);
  return opened;
}

}  // namespace perun::h5
