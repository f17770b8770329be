// SPDX-License-Identifier: BSD-3-Clause
// What all mechanisms of RAPL share: names, and facts of processors.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>
#include <utility>

#include "backends/rapl.hpp"

namespace perun {

namespace {

template <std::size_t N>
bool one_of(const Processors& cpu, const std::array<int, N>& models) noexcept {
  return cpu.intel && cpu.family == 6 && std::find(models.begin(), models.end(), cpu.number) != models.end();
}

const PowercapZone* zone_of(const RaplMachine& machine, const RaplDomain& domain) {
  const auto& zones = machine.powercap.zones;
  const auto at = std::find_if(zones.begin(), zones.end(),
                               [&](const PowercapZone& z) { return z.name == domain.name && z.package == domain.package; });
  return at == zones.end() ? nullptr : &*at;
}

std::string label(const RaplDomain& d) {
  if (d.domain == Domain::platform) return d.name;
  const std::string cpu = d.die < 0 ? fmt::format("cpu:{}", d.socket) : fmt::format("cpu:{}.{}", d.socket, d.die);
  return fmt::format("{} {}", cpu, name(d.domain));
}

}  // namespace

std::optional<CpuPlace> rapl_place(const RaplMachine& machine, int cpu) {
  auto place = cpu_place(machine.host, cpu);
  if (place && machine.cpu.amd) place->die = 0;
  return place;
}

bool before_in_machine(const CpuPlace& a, const CpuPlace& b) noexcept {
  return std::tie(a.package, a.die) < std::tie(b.package, b.die);
}

bool share_counters(const CpuPlace& a, const CpuPlace& b) noexcept {
  return a.package == b.package && a.die == b.die;
}

bool has_dies(std::span<const CpuPlace> places) noexcept {
  const auto same_package = [](const CpuPlace& a, const CpuPlace& b) { return a.package == b.package; };
  return std::adjacent_find(places.begin(), places.end(), same_package) != places.end();
}

RaplDomain rapl_package(const CpuPlace& place, bool dies) {
  std::string name = fmt::format("package-{}", place.package);
  if (dies) name += fmt::format("-die-{}", place.die);
  return {.name = std::move(name), .domain = Domain::package, .socket = place.package, .die = dies ? place.die : -1};
}

RaplDomain rapl_part(const RaplDomain& package, Domain domain) {
  // As powercap names them.
  const std::string_view name = domain == Domain::cores ? "core" : domain == Domain::uncore ? "uncore" : "dram";
  return {std::string(name), package.name, domain, package.socket, package.die};
}

RaplDomain rapl_psys() {
  return {.name = "psys", .domain = Domain::platform};
}

std::string rapl_id(const RaplDomain& d) {
  return "rapl:" + (d.package.empty() ? d.name : d.package + ":" + d.name);
}

Sensor rapl_sensor(const RaplMachine& machine, const RaplDomain& domain, std::string_view mechanism) {
  Sensor s{.id = rapl_id(domain), .label = label(domain), .source = "rapl " + std::string(mechanism)};
  s.domain = domain.domain;
  s.index = domain.socket;
  s.refresh_ns = 1'000'000;
  const PowercapZone* zone = zone_of(machine, domain);
  s.max_power_W = zone != nullptr ? powercap_max_power_W(*zone) : powercap_unlimited_W(domain.domain);
  s.systematic_percent = machine.cpu.amd ? 10 : 5;
  if (machine.cpu.amd) add_remark(s.note, "modelled inside the processor");
  if (machine.sgx) add_remark(s.note, "SGX is on and may add noise to short readings");
  if (domain.domain == Domain::cores || domain.domain == Domain::uncore) s.part_of = "rapl:" + domain.package;
  return s;
}

// Both lists: kernel, arch/x86/events/rapl.c and drivers/powercap/intel_rapl_msr.c.
bool has_fixed_dram_unit(const Processors& cpu) noexcept {
  // Haswell-EP, Broadwell-EP and -DE, Skylake-SP to Cooper Lake, Ice Lake-SP and -D, Knights Landing and Mill.
  return one_of(cpu, std::array{0x3F, 0x4F, 0x56, 0x55, 0x6A, 0x6C, 0x57, 0x85});
}

bool counts_psys_in_joules(const Processors& cpu) noexcept {
  return one_of(cpu, std::array{0x8F, 0xCF});  // Sapphire and Emerald Rapids
}

double rapl_step_J(const RaplMachine& machine, const RaplDomain& domain) {
  if (const PowercapZone* zone = zone_of(machine, domain)) {
    // Powercap rounds the unit to whole nanojoules (15.3 uJ for the fixed one of DRAM); all are powers of two.
    const double step = static_cast<double>(powercap_range_uj(*zone)) * 1e-6 / 4294967296.0;
    if (step > 1e-9 && step < 10) return std::exp2(std::round(std::log2(step)));
  }
  if (domain.domain == Domain::platform && counts_psys_in_joules(machine.cpu)) return 1;
  if (domain.domain == Domain::dram && has_fixed_dram_unit(machine.cpu)) return 0x1p-16;
  return machine.cpu.amd ? 0x1p-16 : 0x1p-14;
}

void add_remark(std::string& all, std::string_view text) {
  if (!all.empty()) all += "; ";
  all += text;
}

}  // namespace perun
