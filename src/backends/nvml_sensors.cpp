// SPDX-License-Identifier: BSD-3-Clause
#include "backends/nvml_sensors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace perun::nvml {

namespace {

constexpr std::int64_t ms = 1'000'000;

std::string short_name(const Gpu& gpu) {
  std::string_view name = gpu.name;
  if (name.starts_with("NVIDIA ")) name.remove_prefix(7);
  return name.empty() ? fmt::format("gpu:{}", gpu.index) : fmt::format("gpu:{} {}", gpu.index, name);
}

/// By the table of Yang et al., SC'24: 20 ms for Pascal and Volta, 100 ms since.
std::int64_t period_ns(const Gpu& gpu) {
  return gpu.architecture == Architecture::pascal || gpu.architecture == Architecture::volta ? 20 * ms : 100 * ms;
}

/// How long the power sensor looks within each period where that is not all of it; else 0. By the same table: 25 ms of A100
/// and its like and of Hopper, 10 ms of Pascal and Volta.
std::int64_t window_ns(const Gpu& gpu) {
  // "A30" must not be "A3000".
  const auto named = [&](std::string_view word) {
    const auto at = gpu.name.find(word);
    if (at == std::string::npos) return false;
    const auto end = at + word.size();
    return end == gpu.name.size() || gpu.name[end] < '0' || gpu.name[end] > '9';
  };
  const bool ga100 = gpu.architecture == Architecture::ampere && (named("A100") || named("A800") || named("A30"));
  if (gpu.architecture == Architecture::hopper || ga100) return 25 * ms;
  return gpu.architecture == Architecture::pascal || gpu.architecture == Architecture::volta ? 10 * ms : 0;
}

std::string note(const Gpu& gpu, bool instant) {
  std::string out;
  const auto say = [&](std::string_view what) { out += (out.empty() ? "" : "; ") + std::string(what); };
  if (instant && window_ns(gpu) > 0)
    say(fmt::format("its sensor sees {} of every {} ms", window_ns(gpu) / ms, period_ns(gpu) / ms));
  if (gpu.mig_enabled) say("shared by MIG instances, measured as one");
  return out;
}

void limits(const Gpu& gpu, Sensor& s) {
  s.systematic_percent = 5;
  if (gpu.limit_W > 0) s.max_power_W = 2 * gpu.limit_W;
}

}  // namespace

Describer::Describer(const std::vector<Gpu>& gpus) {
  for (const Gpu& g : gpus) uuids_.push_back(g.uuid);
}

void Describer::add(Gpu gpu) {
  Reader r{.gpu = std::move(gpu)};
  r.slot.fill(-1);
  const auto first = static_cast<int>(sensors.size());
  meters(r);
  if (static_cast<int>(sensors.size()) > first)
    r.meter = first;
  else
    blocked.push_back({"nvml", fmt::format("GPU {} {}: tells neither energy nor power", r.gpu.index, r.gpu.name), ""});
  state(r);
  readers.push_back(std::move(r));
}

/// "nvml:GPU-8f6a1c2e": the beginning of the UUID, or all of it where two begin alike.
std::string Describer::id(const Gpu& gpu) const {
  if (gpu.uuid.empty()) return fmt::format("nvml:gpu{}", gpu.index);
  const auto begin = std::string_view(gpu.uuid).substr(0, 12);
  const auto alike = std::count_if(uuids_.begin(), uuids_.end(), [&](const auto& u) { return u.starts_with(begin); });
  std::string word(alike > 1 ? std::string_view(gpu.uuid) : begin);
  for (char& c : word)
    if (std::string_view("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-").find(c) == std::string_view::npos)
      c = '_';
  return "nvml:" + word;
}

Sensor& Describer::put(Reader& r, Value value, std::string_view word, std::string label, std::string_view source,
                       Quantity quantity) {
  r.slot[static_cast<std::size_t>(value)] = static_cast<int>(sensors.size());
  Sensor s{.id = fmt::format("{}:{}", id(r.gpu), word), .label = std::move(label), .source = std::string(source)};
  s.quantity = quantity;
  s.behavior = quantity == Quantity::energy ? Behavior::counter : Behavior::gauge;
  s.domain = Domain::gpu;
  s.index = r.gpu.index;
  s.scale = 1e-3;
  s.refresh_ns = quantity == Quantity::energy || quantity == Quantity::power ? period_ns(r.gpu) : state_ns;
  sensors.push_back(std::move(s));
  return sensors.back();
}

void Describer::meters(Reader& r) {
  const Gpu& gpu = r.gpu;
  const std::string name = short_name(gpu);
  // The counter of a superchip may be the module's or the GPU's: the power it shows tells.
  const bool of_module = gpu.module_W > 0 && gpu.counter == Counter::counts &&
                         (gpu.power_W <= 0 || std::abs(gpu.counter_W - gpu.module_W) < std::abs(gpu.counter_W - gpu.power_W));
  std::string whole;
  // Each is contained in the one before: module, its GPU by the counter, by power, by mean power.
  const auto chain = [&](Sensor& s) {
    s.part_of = whole;
    whole = s.id;
  };
  const auto energy = [&] {
    Sensor& s = put(r, Value::energy, "energy", name, "nvml counter", Quantity::energy);
    s.note = note(gpu, true);
    s.averaging_ns = window_ns(gpu);
    limits(gpu, s);
    if (of_module) s.domain = Domain::superchip, s.max_power_W = 0;
    if (gpu.counter == Counter::still) s.note = "stood still when the run began: power counts in its place";
    chain(s);
  };
  const auto field = [&](Value value, Field f, Scope scope, std::string_view word, std::string label, std::string_view source) {
    r.fields[static_cast<std::size_t>(r.field_count++)] = {
        .field = f, .scope = scope, .timestamp_us = 0, .latency_us = 0, .type = 0, .status = Return::not_supported, .bits = 0};
    Sensor& s = put(r, value, word, std::move(label), source, Quantity::power);
    limits(gpu, s);
    chain(s);
    return static_cast<std::size_t>(&s - sensors.data());
  };
  if (gpu.counter == Counter::counts && (of_module || gpu.module_W <= 0)) energy();
  if (gpu.module_W > 0) {
    const auto at =
        field(Value::module, Field::power_instant, Scope::module, "module", name + " superchip", "nvml module power");
    sensors[at].domain = Domain::superchip;
    sensors[at].averaging_ns = window_ns(gpu);
    sensors[at].max_power_W = 0;
    if (gpu.counter == Counter::counts && !of_module) energy();
  }
  if (gpu.instant) {
    const auto at = field(Value::power, Field::power_instant, Scope::gpu, "power", name + " power", "nvml instant power");
    sensors[at].note = note(gpu, true);
    sensors[at].averaging_ns = window_ns(gpu);
  }
  if (gpu.memory) {
    const std::string before = whole;
    const auto at = field(Value::memory_power, Field::power_instant, Scope::memory, "memory_power", name + " memory power",
                          "nvml instant memory power");
    sensors[at].note = "a part of the power of the GPU";
    sensors[at].averaging_ns = window_ns(gpu);
    whole = before;  // and contains nothing
  }
  if (gpu.average) {
    const auto at =
        field(Value::average, Field::power_average, Scope::gpu, "power_average", name + " mean power", "nvml average power");
    sensors[at].note = "the mean of the last second";
    sensors[at].averaging_ns = 1000 * ms;
  }
  if (r.field_count == 0 && gpu.usage) {
    Sensor& s = put(r, Value::power, "power", name + " power", "nvml power", Quantity::power);
    // Since Ampere, but for the A100, the mean of a second, as NVML's reference says.
    const bool mean = gpu.architecture >= Architecture::hopper ||
                      (gpu.architecture == Architecture::ampere && window_ns(gpu) == 0) ||
                      gpu.architecture == Architecture::ada;
    s.note = note(gpu, !mean);
    s.averaging_ns = mean ? 1000 * ms : window_ns(gpu);
    limits(gpu, s);
    chain(s);
  }
  if (gpu.counter == Counter::still) energy();
}

void Describer::state(Reader& r) {
  const std::string gpu = fmt::format("gpu:{} ", r.gpu.index);
  Sensor& busy = put(r, Value::utilization, "utilization", gpu + "utilization", "nvml", Quantity::utilization);
  busy.scale = 0.01;
  busy.refresh_ns = 166 * ms;
  put(r, Value::memory, "memory", gpu + "memory", "nvml", Quantity::bytes).scale = 1;
  put(r, Value::clock, "clock", gpu + "clock", "nvml", Quantity::frequency).scale = 1e6;
  put(r, Value::temperature, "temperature", gpu + "temperature", "nvml", Quantity::temperature).scale = 1;
  put(r, Value::limit, "limit", gpu + "power limit", "nvml", Quantity::limit);
  Sensor& why = put(r, Value::throttle, "throttle", gpu + "throttle reasons", "nvml", Quantity::events);
  why.scale = 1;
  why.note = "bits as NVML has them: 4 power cap, 8 hardware, 32 temperature, 64 and 128 hardware for heat and power";
}

}  // namespace perun::nvml
