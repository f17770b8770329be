// SPDX-License-Identifier: BSD-3-Clause
#include "backends/hwmon_chips.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace perun {

namespace {

constexpr std::int64_t ms = 1'000'000;
constexpr double whole_W = 15'000;  ///< a node, or what feeds one

/// The first row that fits counts.
constexpr std::array<HwmonRow, 30> rows{{
    // The energy of AMD sockets, where an old kernel has no RAPL for them. Cores are inside and many.
    {.chip = "amd_energy", .label = "Esocket*", .domain = Domain::package, .refresh_ns = ms, .systematic_percent = 10},
    // The same socket power that RAPL counts, readable by everybody.
    {.chip = "amd_hsmp_hwmon",
     .label = "*",
     .domain = Domain::package,
     .refresh_ns = ms,
     .systematic_percent = 10,
     .zero_is_missing = true},
    {.chip = "fam15h_power", .label = "*", .domain = Domain::package, .refresh_ns = 10 * ms, .systematic_percent = 10},
    // Grace: the mean of 50 ms.
    {.chip = "power_meter",
     .label = "Module Power Socket *",
     .domain = Domain::superchip,
     .refresh_ns = 50 * ms,
     .max_power_W = 6000,
     .systematic_percent = 5,
     .zero_is_missing = true},
    {.chip = "power_meter",
     .label = "Grace Power Socket *",
     .domain = Domain::module,
     .part_of = "Module Power Socket *",
     .refresh_ns = 50 * ms,
     .systematic_percent = 5,
     .zero_is_missing = true},
    {.chip = "power_meter",
     .label = "CPU Power Socket *",
     .domain = Domain::package,
     .part_of = "Grace Power Socket *",
     .refresh_ns = 50 * ms,
     .systematic_percent = 5,
     .zero_is_missing = true},
    {.chip = "power_meter",
     .label = "SysIO Power Socket *",
     .domain = Domain::uncore,
     .part_of = "Grace Power Socket *",
     .refresh_ns = 50 * ms,
     .systematic_percent = 5,
     .zero_is_missing = true},
    // Else the ACPI power meter is the input of the whole machine.
    {.chip = "power_meter",
     .label = "*",
     .domain = Domain::node,
     .refresh_ns = 1000 * ms,
     .max_power_W = whole_W,
     .systematic_percent = 3,
     .zero_is_missing = true},
    {.chip = "ibmpowernv",
     .label = "System",
     .domain = Domain::node,
     .refresh_ns = 1000 * ms,
     .max_power_W = whole_W,
     .systematic_percent = 3,
     .zero_is_missing = true},
    {.chip = "ibmpowernv", .label = "*", .domain = Domain::rail, .part_of = "System", .refresh_ns = 1000 * ms},
    {.chip = "xgene_hwmon", .label = "CPU power", .domain = Domain::package},
    {.chip = "apm_xgene", .label = "CPU power", .domain = Domain::package},
    {.chip = "smpro_hwmon", .label = "CPU power", .domain = Domain::package},
    // Graphics.
    {.chip = "i915", .label = "*", .domain = Domain::gpu, .refresh_ns = ms},
    {.chip = "i915_gt*", .label = "*", .domain = Domain::rail, .note = "part of an i915 card"},
    {.chip = "xe", .label = "card", .domain = Domain::gpu, .refresh_ns = ms},
    {.chip = "xe", .label = "pkg", .domain = Domain::gpu, .part_of = "card", .refresh_ns = ms},
    {.chip = "nouveau", .label = "*", .domain = Domain::gpu, .refresh_ns = 100 * ms},
    // Jetson. VDD_IN and POM_5V_IN feed the whole module.
    {.chip = "ina3221", .label = "VDD_IN", .domain = Domain::node, .refresh_ns = 10 * ms, .systematic_percent = 3},
    {.chip = "ina3221", .label = "POM_5V_IN", .domain = Domain::node, .refresh_ns = 10 * ms, .systematic_percent = 3},
    {.chip = "ina3221",
     .label = "*",
     .domain = Domain::rail,
     .part_of = "*_IN",
     .refresh_ns = 10 * ms,
     .systematic_percent = 3},
    // Power supplies of computers: what goes in is the node's, what comes out is part of it.
    {.chip = "corsairpsu",
     .label = "power total",
     .domain = Domain::supply,
     .refresh_ns = 1000 * ms,
     .max_power_W = whole_W,
     .systematic_percent = 5},
    {.chip = "corsairpsu", .label = "*", .domain = Domain::rail, .part_of = "power total", .refresh_ns = 1000 * ms},
    {.chip = "cffps*", .label = "pin*", .domain = Domain::supply, .refresh_ns = 1000 * ms, .max_power_W = whole_W},
    {.chip = "cffps*", .label = "*", .domain = Domain::rail, .part_of = "pin*", .refresh_ns = 1000 * ms},
    {.chip = "pfe*", .label = "pin*", .domain = Domain::supply, .refresh_ns = 1000 * ms, .max_power_W = whole_W},
    {.chip = "pfe*", .label = "*", .domain = Domain::rail, .part_of = "pin*", .refresh_ns = 1000 * ms},
    {.chip = "dps920ab", .label = "pin*", .domain = Domain::supply, .refresh_ns = 1000 * ms, .max_power_W = whole_W},
    {.chip = "dps920ab", .label = "*", .domain = Domain::rail, .part_of = "pin*", .refresh_ns = 1000 * ms},
    {.chip = "smpro_hwmon", .label = "DIMM power", .domain = Domain::dram},
}};

}  // namespace

const HwmonRow* find_hwmon_row(std::string_view chip, std::string_view label) noexcept {
  const auto at = std::find_if(rows.begin(), rows.end(),
                               [&](const HwmonRow& r) { return text::glob(r.chip, chip) && text::glob(r.label, label); });
  return at == rows.end() ? nullptr : &*at;
}

bool mirrors_power_supply(std::string_view chip) noexcept {
  constexpr std::array<std::string_view, 6> mirrors{"BAT*", "CMB*", "ADP*", "AC*", "ucsi_source_psy_*", "hidpp_battery_*"};
  return std::any_of(mirrors.begin(), mirrors.end(), [&](std::string_view m) { return text::glob(m, chip); });
}

}  // namespace perun
