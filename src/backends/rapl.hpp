// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "backends/backend.hpp"
#include "backends/powercap.hpp"
#include "host/cpus.hpp"
#include "host/machine.hpp"
#include "model/sensor.hpp"

namespace perun {

/// What the mechanisms that show RAPL counters look at alike.
struct RaplMachine {
  const Host& host;
  Processors cpu;
  bool sgx = false;
  PowercapZones powercap;  ///< names, ranges and limits are world-readable, also where the counters are not
};

// The mechanisms, each in a file of its own. All show the same counters under the same ids, so only one may serve a domain.
// A probe's Blocked says what was tried: "perf_event_open: permission denied"; its hint is a remedy.

/// The kernel's "power" PMU: 64 bits, never wraps, all counters of a package with one system call.
[[nodiscard]] Probe probe_rapl_perf(const RaplMachine& machine);

/// /sys/class/powercap, without the zones of the domains in `served`.
[[nodiscard]] Probe probe_rapl_powercap(const RaplMachine& machine, std::span<const Domain> served = {});

/// The processor's registers themselves, by /dev/cpu/N/msr.
[[nodiscard]] Probe probe_rapl_msr(const RaplMachine& machine);

/// Where a CPU's counters are. AMD has one set for a package, whatever dies that has.
[[nodiscard]] std::optional<CpuPlace> rapl_place(const RaplMachine& machine, int cpu);
[[nodiscard]] bool before_in_machine(const CpuPlace& a, const CpuPlace& b) noexcept;
[[nodiscard]] bool share_counters(const CpuPlace& a, const CpuPlace& b) noexcept;
/// True when a package has several sets of counters; the places are in their order.
[[nodiscard]] bool has_dies(std::span<const CpuPlace> places) noexcept;

/// The package, or that die of it, and what is inside or beside it.
[[nodiscard]] RaplDomain rapl_package(const CpuPlace& place, bool dies);
[[nodiscard]] RaplDomain rapl_part(const RaplDomain& package, Domain domain);
[[nodiscard]] RaplDomain rapl_psys();

/// "rapl:package-0:dram"
[[nodiscard]] std::string rapl_id(const RaplDomain& domain);

/// All that a sensor of this domain has whatever mechanism reads it; scale, resolution and range are the mechanism's.
/// `mechanism` is "powercap": the source is then "rapl powercap".
[[nodiscard]] Sensor rapl_sensor(const RaplMachine& machine, const RaplDomain& domain, std::string_view mechanism);

/// Joules by which the hardware counts: from the zone's range where powercap shows one, else by the processor's model.
[[nodiscard]] double rapl_step_J(const RaplMachine& machine, const RaplDomain& domain);

/// True for the servers whose DRAM counts in 2^-16 J whatever the units register says.
[[nodiscard]] bool has_fixed_dram_unit(const Processors& cpu) noexcept;

/// True for the servers whose psys counts whole joules.
[[nodiscard]] bool counts_psys_in_joules(const Processors& cpu) noexcept;

/// Adds a remark to a sensor's note, or a reason to others.
void add_remark(std::string& all, std::string_view text);

}  // namespace perun
