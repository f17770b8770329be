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
#include "backends/nvml_sensors.hpp"
#include "base/text.hpp"

namespace perun {
namespace {

using namespace nvml;

constexpr std::chrono::seconds patience{5};  ///< a driver that has to wake all GPUs first takes seconds

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

  void read_energy(Reader& r, std::span<Reading> out) noexcept {
    if (const int at = r.at(Value::energy); at >= 0 && r.gpu.first.raw != missing) {
      out[static_cast<std::size_t>(at)] = std::exchange(r.gpu.first, {0, missing, 0});
      return;
    }
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
                          : f.scope == Scope::memory        ? Value::memory_power
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

/// A driver that is not running yet takes a second for each GPU, and the counters are watched after that.
bool starts_slowly(const ProbeContext& context) {
  return load(context.host).has_value();
}

}  // namespace

extern const BackendInfo nvml_backend;
const BackendInfo nvml_backend{"nvml", "energy, power and state of NVIDIA GPUs (NVML)", BackendInfo::Use::automatic, &probe,
                               &starts_slowly};

}  // namespace perun
