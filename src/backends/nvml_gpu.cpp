// SPDX-License-Identifier: BSD-3-Clause
#include "backends/nvml_gpu.hpp"

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>

#include "backends/bracket.hpp"
#include "backends/files.hpp"
#include "base/missing.hpp"
#include "base/text.hpp"
#include "host/sysfs.hpp"

namespace perun::nvml {

namespace {

constexpr std::size_t longest = 96;  ///< of a name or UUID, by NVML
constexpr std::int64_t watch_ns = 150'000'000, watch_superchip_ns = 350'000'000;

template <class... A>
std::string text_of(Return (*get)(A...), Device device) {
  std::array<char, longest> buffer{};
  if (call(get, device, buffer.data(), static_cast<unsigned>(buffer.size() - 1)) != Return::success) return {};
  return text::printable(text::to_utf8(buffer.data()));
}

/// "00000000:3B:00.0" as /sys writes it: "0000:3b:00.0".
std::string sysfs_address(const Api& api, Device device) {
  PciInfo pci{};
  if (call(api.pci, device, &pci) != Return::success) return {};
  pci.bus_id.back() = '\0';
  std::string id = text::lower(pci.bus_id.data());
  if (id.size() == 16 && id.starts_with("0000")) id.erase(0, 4);
  return id;
}

void find_instances(const Api& api, Gpu& gpu) {
  unsigned now = 0, pending = 0, most = 0;
  if (call(api.mig_mode, gpu.device, &now, &pending) != Return::success || now == 0) return;
  gpu.mig_enabled = true;
  if (call(api.most_mig, gpu.device, &most) != Return::success) return;
  for (unsigned i = 0; i < std::min(most, 64U); ++i) {
    Device instance = nullptr;
    if (call(api.mig_by_index, gpu.device, i, &instance) != Return::success) continue;
    if (std::string uuid = text_of(api.uuid, instance); !uuid.empty()) gpu.mig.push_back(std::move(uuid));
  }
}

void find_power(const Api& api, Gpu& gpu) {
  std::array<FieldValue, 4> asked{};
  asked[0].field = Field::power_instant;
  asked[1].field = Field::power_average;
  asked[2].field = Field::power_instant;
  asked[2].scope = Scope::module;
  asked[3].field = Field::power_instant;
  asked[3].scope = Scope::memory;
  for (FieldValue& f : asked) f.status = Return::not_supported;
  if (call(api.fields, gpu.device, static_cast<int>(asked.size()), asked.data()) == Return::success) {
    gpu.instant = number(asked[0]) != missing;
    gpu.average = number(asked[1]) != missing;
    gpu.memory = gpu.instant && number(asked[3]) > 0;  // boards that do not have it fail or say 0
    if (gpu.instant) gpu.power_W = static_cast<double>(number(asked[0])) * 1e-3;
    // One GPU and one processor share a module on a GH200. Elsewhere two GPUs may, and each would tell of both.
    if (gpu.name.find("GH200") != std::string::npos)
      if (const auto milliwatts = number(asked[2]); milliwatts > 0) gpu.module_W = static_cast<double>(milliwatts) * 1e-3;
  }
  unsigned milliwatts = 0;
  gpu.usage = call(api.power_usage, gpu.device, &milliwatts) == Return::success;
  if (gpu.usage && !gpu.instant) gpu.power_W = milliwatts * 1e-3;
}

Gpu describe(const Host& host, const Api& api, Device device, std::uint16_t index) {
  Gpu gpu{.device = device, .index = index, .name = text_of(api.name, device), .uuid = text_of(api.uuid, device), .bus_id = {}};
  gpu.bus_id = sysfs_address(api, device);
  if (call(api.architecture, device, &gpu.architecture) != Return::success) gpu.architecture = {};
  unsigned milliwatts = 0;
  if (call(api.power_limit, device, &milliwatts) == Return::success) gpu.limit_W = milliwatts * 1e-3;
  find_instances(api, gpu);
  find_power(api, gpu);
  const auto power = host.at_sys("bus/pci/devices") / gpu.bus_id / "power";
  if (!gpu.bus_id.empty() && sysfs::line(power / "control") == "auto")
    gpu.runtime_status = sysfs::open(power / "runtime_status");
  return gpu;
}

/// One counter while it is watched.
struct Watched {
  std::int64_t last = missing, first_mJ = 0, first_ns = 0, last_ns = 0;
  int ticks = 0;

  void look(std::int64_t now_ns, std::int64_t millijoules) noexcept {
    if (last != missing && millijoules > last) {
      if (++ticks == 1) first_mJ = millijoules, first_ns = now_ns;
      last_ns = now_ns;
    }
    last = millijoules;
  }
  /// Between the first and the last time it turned.
  [[nodiscard]] double watts() const noexcept {
    return ticks < 2 ? 0 : static_cast<double>(last - first_mJ) * 1e6 / static_cast<double>(last_ns - first_ns);
  }
};

/// A counter that is there may stand still: for ever, or until something else happens. Only one that turns is believed.
void watch_counters(const Host& host, const Api& api, std::vector<Gpu>& gpus) {
  constexpr timespec pause{0, 1'000'000};
  const bool superchip = std::any_of(gpus.begin(), gpus.end(), [](const Gpu& g) { return g.module_W > 0; });
  std::vector<Watched> watched(gpus.size());
  const std::int64_t begin = host.now_ns(), end = begin + (superchip ? watch_superchip_ns : watch_ns);
  bool waiting = true;
  // At least some looks, however busy the machine is; and an end, for a clock may be made up.
  for (int i = 0; i < 350 && waiting && (i < 5 || host.now_ns() < end); ++i) {
    waiting = false;
    for (std::size_t g = 0; g < gpus.size(); ++g) {
      Gpu& gpu = gpus[g];
      const int enough = gpu.module_W > 0 ? 3 : 1;
      if (watched[g].ticks >= enough || sleeps(gpu.runtime_status)) continue;
      unsigned long long millijoules = 0;
      const std::int64_t before = host.now_ns();
      if (call(api.energy, gpu.device, &millijoules) != Return::success ||
          millijoules > static_cast<unsigned long long>(INT64_MAX))
        continue;
      gpu.counter = Counter::still;
      if (gpu.first.raw == missing) gpu.first = bracketed(before, host.now_ns(), static_cast<std::int64_t>(millijoules));
      watched[g].look(host.now_ns(), static_cast<std::int64_t>(millijoules));
      waiting = waiting || watched[g].ticks < enough;
    }
    if (waiting) ::nanosleep(&pause, nullptr);
  }
  for (std::size_t i = 0; i < gpus.size(); ++i) {
    if (watched[i].ticks > 0)
      gpus[i].counter = Counter::counts;
    else
      gpus[i].first.raw = missing;
    gpus[i].counter_W = watched[i].watts();
  }
}

/// "MIG-GPU-<uuid>/1/0" names the GPU, "MIG-<uuid>" an instance, "GPU-8f6a" any GPU that begins so.
std::optional<std::size_t> by_name(const std::vector<Gpu>& gpus, std::string_view word) {
  const auto begins = [&](std::string_view uuid, std::string_view prefix) { return !uuid.empty() && uuid.starts_with(prefix); };
  const bool old_mig = word.starts_with("MIG-GPU-");
  const std::string_view parent = old_mig ? word.substr(4, word.find('/') - 4) : word;
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < gpus.size(); ++i) {
    const bool instance = std::any_of(gpus[i].mig.begin(), gpus[i].mig.end(), [&](const auto& m) { return begins(m, word); });
    if (!instance && !(word.starts_with("MIG-") && !old_mig ? false : begins(gpus[i].uuid, parent))) continue;
    if (found) return std::nullopt;  // what fits two names none
    found = i;
  }
  return found;
}

}  // namespace

Sleepers find_sleepers(const Host& host) {
  Sleepers out;
  for (const std::string& name : files::names(host.at_sys("bus/pci/drivers/nvidia"))) {
    if (name.find(':') == std::string::npos) continue;
    out.all.push_back(name);
    if (sysfs::line(host.at_sys("bus/pci/devices") / name / "power/runtime_status") == "suspended") out.asleep.push_back(name);
  }
  return out;
}

bool sleeps(const Fd& runtime_status) noexcept {
  if (!runtime_status) return false;
  std::array<char, 16> buffer{};
  const ssize_t n = ::pread(runtime_status.get(), buffer.data(), buffer.size(), 0);
  return n > 0 && std::string_view(buffer.data(), static_cast<std::size_t>(n)).starts_with("suspend");
}

Found find_gpus(const Host& host, const Api& api, const Sleepers& sleepers) {
  Found out;
  std::array<char, longest> version{};
  if (call(api.driver_version, version.data(), 80U) == Return::success) out.driver = text::printable(version.data());
  const auto add = [&](std::size_t index, Return status, Device device, const std::string& which) {
    if (status == Return::success)
      out.gpus.push_back(describe(host, api, device, static_cast<std::uint16_t>(index)));
    else
      out.blocked.push_back({"nvml", fmt::format("{}: {}", which, meaning(status)),
                             status == Return::no_permission ? "the job or container was not given this GPU" : ""});
  };
  if (sleepers.asleep.empty()) {
    unsigned count = 0;
    if (const Return status = api.count(&count); status != Return::success)
      out.blocked.push_back({"nvml", "cannot count the GPUs: " + meaning(status), ""});
    for (unsigned i = 0; i < std::min(count, 1024U); ++i) {
      Device device = nullptr;
      const Return status = api.handle_by_index(i, &device);
      add(i, status, device, fmt::format("GPU {}", i));
    }
  } else {
    for (std::size_t i = 0; i < sleepers.all.size(); ++i) {
      const std::string& address = sleepers.all[i];
      if (std::find(sleepers.asleep.begin(), sleepers.asleep.end(), address) != sleepers.asleep.end()) {
        out.blocked.push_back({"nvml", fmt::format("the GPU {} sleeps and is not woken to be measured", address),
                               "to wake it: --backends nvml:wake (and the other backends that are wanted)"});
        continue;
      }
      Device device = nullptr;
      const Return status = call(api.handle_by_pci, address.c_str(), &device);
      add(i, status, device, "the GPU " + address);
    }
  }
  watch_counters(host, api, out.gpus);
  return out;
}

std::vector<bool> visible(const std::vector<Gpu>& gpus, std::string_view list) {
  std::vector<bool> out(gpus.size(), false);
  for (const auto part : text::split(list, ',')) {
    const auto word = text::trim(part);
    std::optional<std::size_t> found;
    if (const auto number = text::integer(word)) {
      const auto at = std::find_if(gpus.begin(), gpus.end(), [&](const Gpu& g) { return g.index == *number; });
      if (at != gpus.end()) found = static_cast<std::size_t>(at - gpus.begin());
    } else if (word.starts_with("GPU-") || word.starts_with("MIG-")) {
      found = by_name(gpus, word);
    }
    if (!found) break;
    out[*found] = true;
  }
  return out;
}

}  // namespace perun::nvml
