// SPDX-License-Identifier: BSD-3-Clause
// A model where nothing can be measured: processor power from load and TDP, memory power from its size.
#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "backends/backend.hpp"
#include "backends/bracket.hpp"
#include "backends/cpu_tdp.hpp"
#include "backends/cpu_ticks.hpp"
#include "backends/load_model.hpp"
#include "backends/powercap.hpp"
#include "base/units.hpp"
#include "host/machine.hpp"
#include "host/sysfs.hpp"

namespace perun {
namespace {

/// Cloud Carbon Footprint's mean of Crucial (0.375) and Micron (0.408); a GB is one of memory makers, 2^30 bytes.
constexpr double dram_W_per_GB = 0.392;
constexpr double systematic_percent = 30;

/// A TDP of all sockets and where it came from.
struct Tdp {
  double watts = 0;
  std::string note;
};

std::string plural(std::size_t n, std::string_view thing) {
  return fmt::format("{} {}{}", n, thing, n == 1 ? "" : "s");
}

std::string watts_text(double watts) {
  return fmt::format("{:g} W", watts);
}

/// The limits that powercap shows to everybody, even where it hides the counters. A package without one is taken for
/// the mean of the others.
std::optional<Tdp> tdp_of_powercap(const Host& host) {
  std::size_t packages = 0, known = 0;
  double sum = 0;
  for (const PowercapZone& zone : powercap_zones(host).zones) {
    if (zone.domain != Domain::package) continue;
    ++packages;
    const auto watts = powercap_tdp_W(zone);
    if (!watts) continue;
    ++known;
    sum += *watts;
  }
  if (known == 0) return std::nullopt;
  const double all = sum / static_cast<double>(known) * static_cast<double>(packages);
  return Tdp{all, fmt::format("assumes {} TDP: power limit of {} (powercap)", watts_text(all), plural(packages, "package"))};
}

Tdp find_tdp(const ProbeContext& context, const Processors& cpu) {
  constexpr double per_socket_W = 85, per_core_W = 4;
  if (context.cpu_tdp_W > 0) return {context.cpu_tdp_W, fmt::format("assumes {} TDP, as given", watts_text(context.cpu_tdp_W))};
  if (auto tdp = tdp_of_powercap(context.host)) return *std::move(tdp);

  const auto cores = static_cast<std::size_t>(cpu.cores), sockets = static_cast<std::size_t>(cpu.sockets);
  // A virtual machine has a part of a processor whose size it does not know: the model's TDP would be far too much.
  if (cpu.virtual_machine || cpu.model == "unknown") {
    const double all = per_core_W * cpu.cores;
    return {all, fmt::format("assumes {} TDP: {} per core, {} ({}); set --cpu-tdp", watts_text(all), watts_text(per_core_W),
                             plural(cores, "core"), cpu.virtual_machine ? "virtual machine" : "unknown processor")};
  }
  if (const auto model = find_cpu_model(cpu.model)) {
    const double all = model->tdp_W * cpu.sockets;
    return {all, fmt::format("assumes {} TDP: {} of {}", watts_text(all), plural(sockets, "socket"), model->name)};
  }
  const double all = per_socket_W * cpu.sockets;
  return {all, fmt::format("assumes {} TDP: {} per socket, {} (unknown model); set --cpu-tdp", watts_text(all),
                           watts_text(per_socket_W), plural(sockets, "socket"))};
}

class Estimate final : public Backend {
 public:
  Estimate(std::vector<Sensor> sensors, Fd stat, double tdp_W, double dram_W, LoadIntegral load, std::int64_t begin_ns,
           std::int64_t (*now_ns)())
      : sensors_(std::move(sensors)),
        stat_(std::move(stat)),
        tdp_W_(tdp_W),
        dram_W_(dram_W),
        load_(load),
        begin_ns_(begin_ns),
        now_ns_(now_ns) {}

  std::span<const Sensor> sensors() const noexcept override { return sensors_; }

  void read(std::span<Reading> out) noexcept override {
    const std::int64_t before = now_ns_();
    const auto ticks = tdp_W_ > 0 ? read_cpu_ticks(stat_) : std::nullopt;
    const std::int64_t after = now_ns_();
    const std::int64_t t_ns = bracketed(before, after, 0).t_ns;
    if (tdp_W_ > 0) {
      out.front() = bracketed(before, after, ticks ? microjoules(tdp_W_ * load_.advance(t_ns, *ticks)) : missing);
      out = out.subspan(1);
    }
    if (dram_W_ > 0)
      out.front() = bracketed(before, after, microjoules(dram_W_ * static_cast<double>(t_ns - begin_ns_) * 1e-9));
  }

 private:
  static std::int64_t microjoules(double joules) noexcept { return std::llround(joules * 1e6); }

  std::vector<Sensor> sensors_;
  Fd stat_;
  double tdp_W_, dram_W_;  // 0: has no such sensor
  LoadIntegral load_;
  std::int64_t begin_ns_;
  std::int64_t (*now_ns_)();
};

Sensor model(std::string id, std::string label, std::string source, Domain domain, std::string note) {
  Sensor s{.id = std::move(id), .label = std::move(label), .source = std::move(source)};
  s.domain = domain;
  s.kind = Kind::estimated;
  s.scale = 1e-6;
  s.systematic_percent = systematic_percent;
  s.note = std::move(note);
  return s;
}

Probe probe(const ProbeContext& context) {
  if (!context.argument.empty()) return Invalid{"the backend estimate takes no argument"};
  const Host& host = context.host;
  std::vector<Sensor> sensors;
  Fd stat = sysfs::open(host.at_proc("stat"));
  const auto ticks = read_cpu_ticks(stat);
  double tdp_W = 0, first_load = 0;
  if (ticks) {
    const Processors cpu = processors(host);
    Tdp tdp = find_tdp(context, cpu);
    tdp_W = tdp.watts;
    sensors.push_back(model("estimate:cpu", "cpu", "model: TDP x load", Domain::package, std::move(tdp.note)));
    sensors.back().refresh_ns = LoadIntegral::window_length_ns;
    // Until a tick has passed one thing is known: the program to be measured keeps one CPU busy.
    first_load = 1.0 / cpu.threads;
  }
  const double gigabytes = static_cast<double>(memory_bytes(host)) / (1 << 30);
  const double dram_W = dram_W_per_GB * gigabytes;
  if (dram_W > 0)
    sensors.push_back(model("estimate:dram", "dram", "model: 0.392 W/GB", Domain::dram,
                            fmt::format("assumes {} for {} GB", units::si(dram_W, "W", 3), units::significant(gigabytes, 3))));
  if (sensors.empty()) return Absent{};
  const std::int64_t begin = host.now_ns();
  return std::make_unique<Estimate>(std::move(sensors), std::move(stat), tdp_W, dram_W,
                                    LoadIntegral(begin, ticks.value_or(CpuTicks{}), first_load), begin, host.now_ns);
}

}  // namespace

extern const BackendInfo estimate_backend;
const BackendInfo estimate_backend{"estimate", "a labelled model where a domain has no readable sensor",
                                   BackendInfo::Use::fallback, &probe};

}  // namespace perun
