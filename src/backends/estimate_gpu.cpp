// SPDX-License-Identifier: BSD-3-Clause
// A model of GPUs without a readable sensor, only when asked for (--estimate gpu=...): idle power and what load adds to it.
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "backends/backend.hpp"
#include "backends/bracket.hpp"
#include "backends/files.hpp"
#include "base/fd.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "host/sysfs.hpp"
#include "model/gpu_estimate.hpp"

namespace perun {
namespace {

constexpr double half = 0.5;  ///< the load that is taken where nothing tells it
constexpr std::int64_t load_every_ns = 100'000'000;

/// One GPU: its energy so far, and where its driver tells how busy it is.
struct Modelled {
  Fd busy;
  double joules = 0;
  double load = half;
};

class EstimateGpu final : public Backend {
 public:
  EstimateGpu(GpuEstimate gpu, std::vector<Modelled> gpus, std::vector<Sensor> sensors, std::int64_t (*now_ns)())
      : gpu_(std::move(gpu)), gpus_(std::move(gpus)), sensors_(std::move(sensors)), now_ns_(now_ns), last_ns_(now_ns()) {}

  std::span<const Sensor> sensors() const noexcept override { return sensors_; }

  void read(std::span<Reading> out) noexcept override {
    const std::int64_t before = now_ns_();
    const double seconds = static_cast<double>(before - last_ns_) * 1e-9;
    last_ns_ = before;
    for (std::size_t i = 0; i < gpus_.size(); ++i) {
      Modelled& g = gpus_[i];
      g.joules += (gpu_.idle_W + g.load * (gpu_.max_W - gpu_.idle_W)) * seconds;
      out[i] = bracketed(before, before, std::llround(g.joules * 1e6));
      look(g);
    }
  }

 private:
  /// What it is now holds until the next reading.
  static void look(Modelled& g) noexcept {
    if (!g.busy) return;
    std::array<char, 16> buffer{};
    const ssize_t n = ::pread(g.busy.get(), buffer.data(), buffer.size(), 0);
    const auto percent = n > 0 ? text::integer(text::trim({buffer.data(), static_cast<std::size_t>(n)})) : std::nullopt;
    if (percent && *percent >= 0 && *percent <= 100) g.load = static_cast<double>(*percent) / 100;
  }

  GpuEstimate gpu_;
  std::vector<Modelled> gpus_;
  std::vector<Sensor> sensors_;
  std::int64_t (*now_ns_)();
  std::int64_t last_ns_;
};

/// The graphics cards and accelerators on the PCI bus, but for what is part of a processor (Intel's on bus 0) or of a
/// management controller.
std::vector<std::string> pci_gpus(const Host& host) {
  std::vector<std::string> out;
  for (const std::string& name : files::names(host.at_sys("bus/pci/devices"))) {
    const auto folder = host.at_sys("bus/pci/devices") / name;
    const auto kind = sysfs::line(folder / "class").value_or(""), vendor = sysfs::line(folder / "vendor").value_or("");
    const bool shows =
        kind.starts_with("0x0300") || kind.starts_with("0x0302") || kind.starts_with("0x0380") || kind.starts_with("0x1200");
    const bool maker = vendor == "0x10de" || vendor == "0x1002" || (vendor == "0x8086" && !name.starts_with("0000:00:"));
    if (shows && maker) out.push_back(name);
  }
  return out;
}

Sensor model(const GpuEstimate& gpu, int index, bool told) {
  Sensor s{.id = fmt::format("estimate:gpu-{}", index),
           .label = fmt::format("gpu:{}{}{}", index, gpu.name.empty() ? "" : " ", gpu.name),
           .source = "model: idle + load x (most - idle)"};
  s.domain = Domain::gpu;
  s.kind = Kind::estimated;
  s.index = static_cast<std::uint16_t>(index);
  s.scale = 1e-6;
  s.refresh_ns = told ? load_every_ns : 1'000'000;
  s.max_power_W = 2 * gpu.max_W;
  // Whatever the load really is where it is taken for half; else how far such tables are off.
  s.systematic_percent = told ? 30 : gpu.load ? 50 : std::round(100 * (gpu.max_W - gpu.idle_W) / (gpu.max_W + gpu.idle_W));
  s.note = fmt::format("assumes {} idle and {} at most, {}", units::si(gpu.idle_W, "W", 3), units::si(gpu.max_W, "W", 3),
                       told       ? "between them by the driver's word on its load"
                       : gpu.load ? fmt::format("at {:.0f} % load, as given", 100 * *gpu.load)
                                  : std::string("at half of its load, which nothing tells"));
  return s;
}

Probe probe(const ProbeContext& context) {
  if (!context.argument.empty()) return Invalid{"the backend estimate_gpu takes no argument"};
  if (context.gpu == nullptr) return Invalid{"the backend estimate_gpu needs --estimate gpu=MODEL or gpu=WATT"};
  const GpuEstimate& gpu = *context.gpu;
  const auto cards = pci_gpus(context.host);
  const int all = gpu.count > 0 ? gpu.count : static_cast<int>(cards.size());
  if (all == 0)
    return Blocked{
        "the PCI bus shows no GPU to estimate",
        fmt::format("if there is one: --estimate gpu=1x{}", gpu.name.empty() ? fmt::format("{:g}W", gpu.max_W) : gpu.name)};
  if (all <= context.gpus_measured)
    return Blocked{fmt::format("{} of {} GPUs have a sensor, so nothing is estimated", context.gpus_measured, all), ""};
  std::vector<Modelled> gpus;
  std::vector<Sensor> sensors;
  for (int i = context.gpus_measured; i < all; ++i) {
    Modelled g{.busy = {}, .load = gpu.load.value_or(half)};
    // Which of several have a sensor is not known here.
    const bool mine = !gpu.load && context.gpus_measured == 0 && static_cast<std::size_t>(i) < cards.size();
    if (mine)
      g.busy = sysfs::open(context.host.at_sys("bus/pci/devices") / cards[static_cast<std::size_t>(i)] / "gpu_busy_percent");
    sensors.push_back(model(gpu, i, static_cast<bool>(g.busy)));
    gpus.push_back(std::move(g));
  }
  return std::make_unique<EstimateGpu>(gpu, std::move(gpus), std::move(sensors), context.host.now_ns);
}

}  // namespace

extern const BackendInfo estimate_gpu_backend;
const BackendInfo estimate_gpu_backend{"estimate_gpu", "a labelled model of GPUs without a sensor (--estimate gpu=...)",
                                       BackendInfo::Use::on_request, &probe};

}  // namespace perun
