// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/sensor.hpp"

namespace perun::live {

// What is known of a run in progress at one moment. Figures are running ones: those of the report, which understands all
// readings at once, are the ones to quote. Absent is what is not read.

/// A meter.
struct DeviceView {
  std::size_t node = 0;
  std::string id, label;
  Domain domain = Domain::node;
  std::uint16_t index = 0;
  Kind kind = Kind::measured;
  bool counted = false;
  double joules = 0;
  std::optional<double> watts;  ///< over about the last second
  std::optional<double> limit_W, utilization, temperature_C, clock_Hz, memory_bytes;
};

/// A region over the threads of a node.
struct RegionView {
  std::size_t node = 0;
  std::string name;
  std::uint64_t calls = 0;  ///< ended ones
  bool open = false;
  double wall_s = 0;  ///< with any call open
  double joules = 0;  ///< of the node meanwhile
};

/// A process of the run on the machine that is looked from.
struct ProcessView {
  int pid = 0;
  std::string name;
  double cores = 0;              ///< that it kept busy between the last two looks
  std::optional<double> joules;  ///< of the processors, by its processor time since the first look
};

struct NodeView {
  std::string host;
  Kind kind = Kind::unavailable;  ///< of what is counted
  double joules = 0;              ///< counted
  std::optional<double> watts;    ///< counted
  std::optional<double> cpu_utilization, cpu_clock_Hz, cpu_temperature_C, memory_bytes;
  std::uint64_t samples = 0, missed = 0;  ///< readings; those of them that failed
  std::vector<std::string> blocked;       ///< sources that are there but not usable
  bool over = false;
  bool marks_lost = false;
};

struct RunView {
  std::string id, app, command;
  double frequency_hz = 1;
  std::int64_t begin_real_ns = 0;
  double elapsed_s = 0;
  bool over = false;
  std::string ending;  ///< "exit 0" when over
  Kind kind = Kind::unavailable;
  double joules = 0;
  std::optional<double> watts;
  double highest_W = 0;               ///< of the history
  double co2e_kg = 0, cost_cent = 0;  ///< of the joules, by the run's factors
  std::string region;                 ///< innermost open one, of the first thread that has one
  std::vector<NodeView> nodes;
  std::vector<DeviceView> devices;
  std::vector<RegionView> regions;          ///< by energy
  std::vector<ProcessView> processes = {};  ///< the busiest first; empty where they cannot be told
  Kind processes_kind = Kind::measured;     ///< of their energy
  /// Mean power of stretches of equal length up to now, oldest first; nothing where the run had not begun.
  std::vector<std::optional<double>> history;
};

}  // namespace perun::live
