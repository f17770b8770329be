// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

/// Every name in a data file, once. What they mean: docs/format.md.
namespace perun::layout {

inline constexpr std::int64_t format_version = 1;
/// Stands in a stored row for a reading that failed (`missing` in memory): CF wants the far end of the type.
inline constexpr std::int64_t fill_value = std::numeric_limits<std::int64_t>::max();

/// Rows up to this length are stored plainly; longer ones in chunks of `chunk_rows`, shuffled and deflated.
inline constexpr std::uint64_t plain_rows = 1024;
inline constexpr std::uint64_t chunk_rows = 8192;

inline constexpr std::string_view run_prefix = "exp_";
inline std::string run_group(std::int64_t number) {
  return std::string(run_prefix) + std::to_string(number);
}

// Datasets of a node. Lane k > 0 has "_k" behind each of the first four.
inline constexpr const char* time = "t_ns";
inline constexpr const char* sensor = "sensor";
inline constexpr const char* offset = "t_offset_ns";
inline constexpr const char* halfwidth = "t_halfwidth_ns";
inline constexpr const char* total_power = "total_W";
inline constexpr const char* clock = "clock";
inline constexpr const char* clock_mono = "clock_mono_ns";

// A job's run: group of its ranks, and their axis.
inline constexpr const char* ranks = "ranks";
inline constexpr const char* rank = "rank";
// Beside the nodes of a run.
inline constexpr const char* summary = "summary";

namespace attr {

// CF and NeXus
inline constexpr const char* conventions = "Conventions";
inline constexpr const char* nx_class = "NX_class";
inline constexpr const char* default_child = "default";
inline constexpr const char* title = "title";
inline constexpr const char* history = "history";
inline constexpr const char* signal = "signal";
inline constexpr const char* axes = "axes";
inline constexpr const char* auxiliary_signals = "auxiliary_signals";
inline constexpr const char* units = "units";
inline constexpr const char* calendar = "calendar";
inline constexpr const char* standard_name = "standard_name";
inline constexpr const char* axis = "axis";
inline constexpr const char* long_name = "long_name";
inline constexpr const char* scale_factor = "scale_factor";
inline constexpr const char* checksum = "crc32c";
inline constexpr const char* add_offset = "add_offset";
inline constexpr const char* coordinates = "coordinates";
inline constexpr const char* valid_min = "valid_min";
inline constexpr const char* valid_max = "valid_max";
inline constexpr const char* fill = "_FillValue";
inline constexpr const char* cell_methods = "cell_methods";

// file and application
inline constexpr const char* format = "perun_format";
inline constexpr const char* creator = "creator";
inline constexpr const char* app = "app";
inline constexpr const char* creation_date = "creation_date";
inline constexpr const char* next_run = "next_run";
inline constexpr const char* run_count = "run_count";
inline constexpr const char* total_runtime = "totalExpRuntime_s";
inline constexpr const char* total_energy = "totalExpEnergy_kWh";
inline constexpr const char* total_facility_energy = "totalExpFacilityEnergy_kWh";
inline constexpr const char* total_co2e = "totalExpCO2e_kg";
inline constexpr const char* total_price = "totalExpPrice_euro";

// run
inline constexpr const char* run_id = "run_id";
inline constexpr const char* number = "number";
inline constexpr const char* nodes = "nodes";
inline constexpr const char* command = "command";
inline constexpr const char* cwd = "cwd";
inline constexpr const char* version = "perun_version";
inline constexpr const char* frequency = "frequency_Hz";
inline constexpr const char* round_id = "round_id";
inline constexpr const char* round = "round";
inline constexpr const char* start_time = "start_time";
inline constexpr const char* end_time = "end_time";
inline constexpr const char* begin_mono = "begin_mono_ns";
inline constexpr const char* begin_real = "begin_real_ns";
inline constexpr const char* end_mono = "end_mono_ns";
inline constexpr const char* end_real = "end_real_ns";
inline constexpr const char* finished = "finished";
inline constexpr const char* exit_code = "exit_code";
inline constexpr const char* ended_by_signal = "signal_number";
inline constexpr const char* interrupted_by = "interrupted_by";
inline constexpr const char* user_s = "user_s";
inline constexpr const char* system_s = "system_s";
inline constexpr const char* max_rss = "max_rss_bytes";
inline constexpr const char* pue = "pue";
inline constexpr const char* pue_source = "pue_source";
inline constexpr const char* emissions = "emissions_kg_per_kWh";
inline constexpr const char* emissions_source = "emissions_source";
inline constexpr const char* price = "price_cent_per_kWh";
inline constexpr const char* price_source = "price_source";
inline constexpr const char* overhead_power = "overhead_power_W";
inline constexpr const char* overhead_source = "overhead_source";
inline constexpr const char* embodied = "embodied_kg";
inline constexpr const char* embodied_source = "embodied_source";
inline constexpr const char* lifespan = "lifespan_years";
inline constexpr const char* lifespan_source = "lifespan_source";
inline constexpr const char* resource_share = "resource_share";
inline constexpr const char* resource_source = "resource_source";
inline constexpr const char* emissions_over_time = "emissions_over_time";
inline constexpr const char* price_over_time = "price_over_time";
inline constexpr const char* config = "config_ini";
inline constexpr const char* work = "work";
inline constexpr const char* postprocessed = "postprocessed";
inline constexpr const char* run_title = "run_title";
inline constexpr const char* tags = "tags";
inline constexpr const char* provenance = "provenance";
inline constexpr const char* origin = "origin";
inline constexpr const char* run_runtime = "totalRunRuntime_s";
inline constexpr const char* run_power = "runAvgPower_kW";
inline constexpr const char* run_energy = "totalRunEnergy_kWh";
inline constexpr const char* run_co2e = "totalRunCO2e_kg";
inline constexpr const char* run_price = "totalRunPrice_euro";
inline constexpr const char* facility_energy = "facilityEnergy_kWh";

// figures of a run or a node
inline constexpr const char* kind = "perun_kind";
inline constexpr const char* energy = "energy_J";
inline constexpr const char* measured = "measured_J";
inline constexpr const char* estimated = "estimated_J";
inline constexpr const char* uncertainty = "uncertainty_J";
inline constexpr const char* lower = "lower_J";
inline constexpr const char* upper = "upper_J";
inline constexpr const char* power_mean = "power_mean_W";
inline constexpr const char* power_max = "power_max_W";
inline constexpr const char* overhead = "overhead_J";
inline constexpr const char* baseline_energy = "baseline_J";
inline constexpr const char* baseline_uncertainty = "baseline_uncertainty_J";
inline constexpr const char* net = "net_J";
inline constexpr const char* net_uncertainty = "net_uncertainty_J";
inline constexpr const char* attributed_run = "attributed_run_J";
inline constexpr const char* attributed_run_uncertainty = "attributed_run_uncertainty_J";
inline constexpr const char* attributed_others = "attributed_others_J";
inline constexpr const char* attributed_idle = "attributed_idle_J";
inline constexpr const char* unattributed = "unattributed_J";

// node
inline constexpr const char* host = "host";
inline constexpr const char* devices = "devices";
inline constexpr const char* machine = "machine";
inline constexpr std::string_view machine_prefix = "machine_";
inline constexpr const char* blocked = "blocked_sources";
inline constexpr const char* ticks = "quality_ticks";
inline constexpr const char* late = "quality_late";
inline constexpr const char* lost = "quality_lost";
inline constexpr const char* reading = "quality_reading_ns";
inline constexpr const char* agent_cpu = "quality_agent_cpu_ns";
inline constexpr const char* launcher_cpu = "quality_launcher_cpu_ns";
inline constexpr const char* latency_p50 = "quality_latency_p50_ns";
inline constexpr const char* latency_p99 = "quality_latency_p99_ns";
inline constexpr const char* period = "quality_period_ns";
inline constexpr const char* period_begin = "quality_period_begin_ns";
inline constexpr const char* repeated = "quality_repeated";
inline constexpr const char* achieved = "quality_frequency_Hz";
inline constexpr const char* own_energy = "quality_own_energy_J";
inline constexpr const char* scope = "scope";
inline constexpr const char* baseline = "baseline";
inline constexpr const char* node_runtime = "totalNodeRuntime_s";
inline constexpr const char* node_power = "nodeAvgPower_kW";
inline constexpr const char* node_energy = "totalNodeEnergy_kWh";

inline constexpr const char* clock_error = "clock_error_s";
inline constexpr const char* clock_ahead = "clock_ahead_s";
inline constexpr const char* clock_ahead_error = "clock_ahead_error_s";
inline constexpr const char* clock_drift = "clock_drift_s";

// ranks of a job
inline constexpr const char* launcher = "launcher";
inline constexpr const char* job_key = "job_key";
inline constexpr const char* job_size = "job_size";
inline constexpr const char* scheduler = "scheduler";
inline constexpr const char* programs = "programs";

// device
inline constexpr const char* id = "id";
inline constexpr const char* symbol = "symbol";
inline constexpr const char* unit_name = "unit_name";
inline constexpr const char* scale_prefix = "scale_prefix";
inline constexpr const char* mag = "mag";
inline constexpr const char* quantity = "quantity";
inline constexpr const char* behavior = "behavior";
inline constexpr const char* domain = "domain";
inline constexpr const char* index = "index";
inline constexpr const char* source = "perun_source";
inline constexpr const char* resolution = "perun_resolution";
inline constexpr const char* wrap = "perun_wrap";
inline constexpr const char* refresh = "perun_refresh_ns";
inline constexpr const char* averaging = "perun_averaging_ns";
inline constexpr const char* counted = "perun_counted";
inline constexpr const char* part_of = "part_of";
inline constexpr const char* device_max_power = "max_power_W";
inline constexpr const char* systematic = "systematic_percent";
inline constexpr const char* note = "note";

}  // namespace attr

}  // namespace perun::layout
