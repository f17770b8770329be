// SPDX-License-Identifier: BSD-3-Clause
// GPUs of NVIDIA by NVML, the library of their driver. The energy counter where it turns, else power; and what explains them.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/backend.hpp"
#include "backends/bounded.hpp"
#include "backends/bracket.hpp"
#include "backends/nvml_api.hpp"
#include "backends/nvml_gpu.hpp"
#include "base/text.hpp"

namespace perun {
namespace {

using namespace nvml;

constexpr std::chrono::seconds patience{5};  ///< a driver that has to wake all GPUs first takes seconds
constexpr std::int64_t ms = 1'000'000, state_ns = 1000 * ms;

/// What is read of one GPU. What comes behind `utilization` is looked at once a second.
enum class Value : unsigned char { energy, power, average, module, utilization, memory, clock, temperature, limit, throttle };
constexpr std::size_t values = 10;

/// One GPU with the places of its readings.
struct Reader {
  Gpu gpu;
  std::array<int, values> slot{};
  int meter = -1;  ///< the sensor of all that is measured of it
  std::array<FieldValue, 3> fields{};
  int field_count = 0;
  std::array<Reading, values> state{};  ///< the last of those that are looked at once a second
  std::int64_t state_at_ns = missing;

  [[nodiscard]] int at(Value v) const noexcept { return slot[static_cast<std::size_t>(v)]; }
};

class Nvml final : public Backend {
 public:
  Nvml(Api api, std::vector<Reader> readers, std::vector<Sensor> sensors, std::vector<BlockedSource> blocked, Attributes facts,
       std::int64_t (*now_ns)())
      : api_(std::move(api)),
        readers_(std::move(readers)),
        sensors_(std::move(sensors)),
        blocked_(std::move(blocked)),
        facts_(std::move(facts)),
        now_ns_(now_ns) {}
  ~Nvml() override { static_cast<void>(api_.shut_down()); }
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  std::span<const Sensor> sensors() const noexcept override { return sensors_; }
  std::span<const BlockedSource> blocked() const noexcept override { return blocked_; }
  std::span<const Attributes::value_type> facts() const noexcept override { return facts_; }
  bool may_wait() const noexcept override { return true; }

  void read(std::span<Reading> out) noexcept override {
    for (Reader& r : readers_) {
      if (sleeps(r.gpu.runtime_status)) {
        const std::int64_t now = now_ns_();
        for (const int at : r.slot)
          if (at >= 0) out[static_cast<std::size_t>(at)] = bracketed(now, now, missing);
        r.state_at_ns = missing;
        continue;
      }
      read_energy(r, out);
      read_power(r, out);
      put(r, Value::utilization, out, [&] {
        Utilization u{};
        return call(api_.utilization, r.gpu.device, &u) == Return::success ? std::int64_t{u.gpu_percent} : missing;
      });
      read_state(r, out);
    }
  }

 private:
  template <class F>
  void put(const Reader& r, Value value, std::span<Reading> out, F&& get) noexcept {
    const int at = r.at(value);
    if (at < 0) return;
    const std::int64_t before = now_ns_();
    const std::int64_t raw = get();
    out[static_cast<std::size_t>(at)] = bracketed(before, now_ns_(), raw);
  }

  /// A small number by a function that fills an unsigned.
  template <class F, class... A>
  static std::int64_t small(F* get, Device device, A... arguments) noexcept {
    unsigned value = 0;
    return call(get, device, arguments..., &value) == Return::success ? std::int64_t{value} : missing;
  }

  void read_energy(const Reader& r, std::span<Reading> out) noexcept {
    put(r, Value::energy, out, [&] {
      unsigned long long millijoules = 0;
      const bool good = call(api_.energy, r.gpu.device, &millijoules) == Return::success &&
                        millijoules <= static_cast<unsigned long long>(INT64_MAX);
      return good ? static_cast<std::int64_t>(millijoules) : missing;
    });
  }

  /// All fields by one call; they have one time.
  void read_power(Reader& r, std::span<Reading> out) noexcept {
    if (r.field_count == 0) {
      put(r, Value::power, out, [&] { return small(api_.power_usage, r.gpu.device); });
      return;
    }
    for (int i = 0; i < r.field_count; ++i) r.fields[static_cast<std::size_t>(i)].status = Return::not_supported;
    const std::int64_t before = now_ns_();
    const bool done = call(api_.fields, r.gpu.device, r.field_count, r.fields.data()) == Return::success;
    const std::int64_t after = now_ns_();
    for (int i = 0; i < r.field_count; ++i) {
      const FieldValue& f = r.fields[static_cast<std::size_t>(i)];
      const Value value = f.scope == Scope::module          ? Value::module
                          : f.field == Field::power_average ? Value::average
                                                            : Value::power;
      if (r.at(value) >= 0) out[static_cast<std::size_t>(r.at(value))] = bracketed(before, after, done ? number(f) : missing);
    }
  }

  void read_state(Reader& r, std::span<Reading> out) noexcept {
    const auto each = [&](auto&& take) {
      for (std::size_t v = static_cast<std::size_t>(Value::memory); v < values; ++v)
        if (r.slot[v] >= 0) take(out[static_cast<std::size_t>(r.slot[v])], r.state[v]);
    };
    if (r.state_at_ns != missing && now_ns_() - r.state_at_ns < state_ns)
      return each([](Reading& to, const Reading& kept) { to = kept; });
    const Device device = r.gpu.device;
    r.state_at_ns = now_ns_();
    put(r, Value::memory, out, [&] {
      Memory m{};
      const bool good = call(api_.memory, device, &m) == Return::success && m.used <= m.total;
      return good ? static_cast<std::int64_t>(m.used) : missing;
    });
    constexpr int streaming_multiprocessors = 1, core = 0;
    put(r, Value::clock, out, [&] { return small(api_.clock, device, streaming_multiprocessors); });
    put(r, Value::temperature, out, [&] { return small(api_.temperature, device, core); });
    put(r, Value::limit, out, [&] { return small(api_.power_limit, device); });
    put(r, Value::throttle, out, [&] {
      unsigned long long bits = 0;
      return call(api_.throttle_reasons, device, &bits) == Return::success ? static_cast<std::int64_t>(bits & 0xFFFF) : missing;
    });
    each([](const Reading& from, Reading& kept) { kept = from; });
    if (const int at = r.at(Value::temperature); out[static_cast<std::size_t>(at)].raw == missing) r.state_at_ns = missing;
  }

  Api api_;
  std::vector<Reader> readers_;
  std::vector<Sensor> sensors_;
  std::vector<BlockedSource> blocked_;
  Attributes facts_;
  std::int64_t (*now_ns_)();
};

/// Writes the sensors of GPUs, one GPU after the other.
class Describer {
 public:
  explicit Describer(const std::vector<Gpu>& gpus) {
    for (const Gpu& g : gpus) uuids_.push_back(g.uuid);
  }

  void add(Gpu gpu) {
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

  std::vector<Reader> readers;
  std::vector<Sensor> sensors;
  std::vector<BlockedSource> blocked;

 private:
  /// "nvml:GPU-8f6a1c2e": the beginning of the UUID, or all of it where two begin alike.
  [[nodiscard]] std::string id(const Gpu& gpu) const {
    if (gpu.uuid.empty()) return fmt::format("nvml:gpu{}", gpu.index);
    const auto begin = std::string_view(gpu.uuid).substr(0, 12);
    const auto alike = std::count_if(uuids_.begin(), uuids_.end(), [&](const auto& u) { return u.starts_with(begin); });
    std::string word(alike > 1 ? std::string_view(gpu.uuid) : begin);
    for (char& c : word)
      if (std::string_view("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-").find(c) == std::string_view::npos)
        c = '_';
    return "nvml:" + word;
  }

  static std::string short_name(const Gpu& gpu) {
    std::string_view name = gpu.name;
    if (name.starts_with("NVIDIA ")) name.remove_prefix(7);
    return name.empty() ? fmt::format("gpu:{}", gpu.index) : fmt::format("gpu:{} {}", gpu.index, name);
  }

  Sensor& put(Reader& r, Value value, std::string_view word, std::string label, std::string_view source, Quantity quantity) {
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

  /// By the table of Yang et al., SC'24: 20 ms for Pascal and Volta, 100 ms since.
  static std::int64_t period_ns(const Gpu& gpu) {
    return gpu.architecture == Architecture::pascal || gpu.architecture == Architecture::volta ? 20 * ms : 100 * ms;
  }

  /// How long the power sensor looks within each period where that is not all of it; else 0. By the same table: 25 ms of A100
  /// and its like and of Hopper, 10 ms of Pascal and Volta.
  static std::int64_t window_ns(const Gpu& gpu) {
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

  static std::string note(const Gpu& gpu, bool instant) {
    std::string out;
    const auto say = [&](std::string_view what) { out += (out.empty() ? "" : "; ") + std::string(what); };
    if (instant && window_ns(gpu) > 0)
      say(fmt::format("its sensor sees {} of every {} ms", window_ns(gpu) / ms, period_ns(gpu) / ms));
    if (gpu.mig_enabled) say("shared by MIG instances, measured as one");
    return out;
  }

  void limits(const Gpu& gpu, Sensor& s) const {
    s.systematic_percent = 5;
    if (gpu.limit_W > 0) s.max_power_W = 2 * gpu.limit_W;
  }

  void meters(Reader& r) {
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
    const auto field = [&](Value value, Field f, Scope scope, std::string_view word, std::string label,
                           std::string_view source) {
      r.fields[static_cast<std::size_t>(r.field_count++)] = {.field = f,
                                                             .scope = scope,
                                                             .timestamp_us = 0,
                                                             .latency_us = 0,
                                                             .type = 0,
                                                             .status = Return::not_supported,
                                                             .bits = 0};
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

  void state(Reader& r) {
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

  std::vector<std::string> uuids_;
};

/// What identifies the GPUs, and which of them `shown` tells that the program sees; null: it may see all.
Attributes facts_of(const std::string& driver, const Describer& all, const std::vector<bool>* shown) {
  Attributes out;
  if (!driver.empty()) out.emplace_back("nvidia_driver", driver);
  std::string ids;
  for (std::size_t i = 0; i < all.readers.size(); ++i) {
    const Gpu& g = all.readers[i].gpu;
    std::string text = fmt::format("{}, {}, {}", g.name, g.uuid, g.bus_id);
    if (g.mig_enabled)
      text += fmt::format(", MIG: {}", g.mig.empty() ? "no instance" : fmt::format("{}", fmt::join(g.mig, " ")));
    out.emplace_back(fmt::format("gpu_{}", g.index), std::move(text));
    if (shown != nullptr && (*shown)[i] && all.readers[i].meter >= 0)
      ids += (ids.empty() ? "" : ",") + all.sensors[static_cast<std::size_t>(all.readers[i].meter)].id;
  }
  if (shown != nullptr) out.emplace_back("gpus_visible", ids);
  return out;
}

Probe start(const Host& host, Api api, const Sleepers& sleepers) {
  const Return status = api.init();
  if (status == Return::driver_not_loaded) return Absent{};  // a library without a GPU, as on many clusters' login nodes
  if (status != Return::success)
    return Blocked{"NVML does not start: " + meaning(status),
                   status == Return::library_mismatch ? "reboot, or reload the driver: it was updated while it ran" : ""};
  Found found = find_gpus(host, api, sleepers);
  const char* list = std::getenv("CUDA_VISIBLE_DEVICES");
  const std::vector<bool> shown = visible(found.gpus, list == nullptr ? "" : list);
  Describer all(found.gpus);
  all.blocked = std::move(found.blocked);
  for (Gpu& gpu : found.gpus) all.add(std::move(gpu));
  if (all.readers.empty()) {
    static_cast<void>(api.shut_down());
    if (all.blocked.empty()) return Absent{};
    return Blocked{all.blocked.front().reason, all.blocked.front().hint};
  }
  Attributes facts = facts_of(found.driver, all, list == nullptr ? nullptr : &shown);
  if (list != nullptr) facts.emplace_back("cuda_visible_devices", text::printable(list));
  return std::make_unique<Nvml>(std::move(api), std::move(all.readers), std::move(all.sensors), std::move(all.blocked),
                                std::move(facts), host.now_ns);
}

Probe probe(const ProbeContext& context) {
  if (!context.argument.empty() && context.argument != "wake")
    return Invalid{fmt::format("the backend nvml takes 'wake' or nothing, not '{}'", context.argument)};
  auto api = load(context.host);
  if (!api) return Absent{};
  if (!api->missing.empty())
    return Blocked{fmt::format("libnvidia-ml.so.1 has no function {}", api->missing), "update the NVIDIA driver"};
  Sleepers sleepers = find_sleepers(context.host);
  if (context.argument == "wake") sleepers.asleep.clear();
  if (!sleepers.asleep.empty() && sleepers.asleep.size() == sleepers.all.size())
    return Blocked{fmt::format("all NVIDIA GPUs sleep ({}) and are not woken to be measured", fmt::join(sleepers.asleep, ", ")),
                   "to wake them: --backends nvml:wake (and the other backends that are wanted)"};
  auto found = within(patience, [host = context.host, api = *std::move(api), sleepers]() mutable {
    return start(host, std::move(api), sleepers);
  });
  if (!found)
    return Blocked{fmt::format("NVML did not answer within {} s", patience.count()),
                   "see whether nvidia-smi answers; nvidia-persistenced shortens a slow start"};
  return *std::move(found);
}

}  // namespace

extern const BackendInfo nvml_backend;
const BackendInfo nvml_backend{"nvml", "energy, power and state of NVIDIA GPUs (NVML)", BackendInfo::Use::automatic, &probe};

}  // namespace perun
