// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "host/host.hpp"
#include "model/gpu_estimate.hpp"
#include "model/run.hpp"
#include "model/sensor.hpp"

namespace perun {

/// A source of readings: all sensors behind one driver. Used by one thread after probing.
class Backend {
 public:
  virtual ~Backend() = default;

  /// Never changes after probing.
  [[nodiscard]] virtual std::span<const Sensor> sensors() const noexcept = 0;

  /// Sensors behind the same driver that are there but could not be opened. Never changes after probing.
  [[nodiscard]] virtual std::span<const BlockedSource> blocked() const noexcept { return {}; }

  /// Which of several ways to read them it took, and why: "perf" or "powercap, because ..."; empty where there is but one.
  [[nodiscard]] virtual std::string_view choice() const noexcept { return {}; }

  /// What it found out that is no number in time, to be stored with the node: "nvidia_driver" and "550.54". Never changes
  /// after probing.
  [[nodiscard]] virtual std::span<const Attributes::value_type> facts() const noexcept { return {}; }

  /// Whether a reading may take long, since it asks a device over a bus: it is then read in a lane of its own.
  [[nodiscard]] virtual bool may_wait() const noexcept { return false; }

  /// Fills one reading per sensor, in the order of sensors(). Neither allocates nor throws; what
  /// cannot be read is `missing`.
  virtual void read(std::span<Reading> out) noexcept = 0;

  /// Puts earlier readings in place of those in `out` where the probe took some, so that a source which joins a run late loses
  /// nothing of what it saw while it was probed.
  virtual void recall(std::span<Reading> /*out*/) const noexcept {}
};

struct Absent {};  ///< this machine has no such hardware
struct Blocked {   ///< it has, but we may not read it
  std::string reason, hint;
};
struct Invalid {  ///< the user's words for it make no sense; monitor stops before the program starts
  std::string reason;
};
using Probe = std::variant<std::unique_ptr<Backend>, Absent, Blocked, Invalid>;

class ProgramGroups;

/// What a probe may look at. `argument` is what the user wrote behind "name:", else empty.
struct ProbeContext {
  const Host& host;
  std::string_view argument;
  double cpu_tdp_W = 0;                          ///< the user's figure for the estimate, all sockets; 0: find one
  const GpuEstimate* gpu = nullptr;              ///< what the user says of GPUs without a sensor; null: nothing
  int gpus_measured = 0;                         ///< that other backends have found a sensor of
  std::shared_ptr<ProgramGroups> programs = {};  ///< takes those that the probe starts; null: their backend ends them
};

/// How a backend presents itself; every backends/NAME.cpp defines one `NAME_backend`.
struct BackendInfo {
  std::string_view name;
  std::string_view summary;
  /// Whether it takes part when the user names no backends. `estimate` fills in only what no other has.
  enum class Use : unsigned char { automatic, fallback, on_request } use;
  Probe (*probe)(const ProbeContext&);
  /// Whether probing would take long on this machine, since a driver has to start or a device or a program has to answer: the
  /// measured program need not wait for that. False where the argument makes no sense, which is told before it starts. Null:
  /// never.
  bool (*starts_slowly)(const ProbeContext&) = nullptr;
};

/// Every backend compiled in, in the order of CMakeLists.txt.
[[nodiscard]] std::span<const BackendInfo* const> backends() noexcept;

}  // namespace perun
