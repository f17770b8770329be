// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backends/backend.hpp"
#include "base/result.hpp"
#include "model/run.hpp"

namespace perun {

enum class Estimates : bool { off, on };

/// What a sensor proved to be when it was last put to the test (perun qualify); used in place of what is written of it.
struct Proved {
  std::int64_t update_ns = 0;  ///< 0: not seen
  std::int64_t step = 0;       ///< of raw; 0: not seen
  std::string remark = {};     ///< "grade B: irregular"
};

class Latecomers;

/// What the user wants measured. Every list may also hold several items in one string, separated by commas.
struct Selection {
  std::vector<std::string> backends = {};  ///< "rapl", "sim:const:100W"; empty: all that need not be asked for
  std::vector<std::string> extra = {};     ///< beside those: "exec:CMD", "ipmi"; one each, commas belong to it
  std::vector<std::string> sensors = {};   ///< globs over ids and labels; empty: all
  std::vector<std::string> exclude = {};   ///< globs
  std::vector<std::string> count = {};     ///< globs: these make up the total, whatever they contain is then part of them
  std::vector<std::string> no_count = {};  ///< globs: these are measured but never in the total
  Estimates estimates = Estimates::on;
  double cpu_tdp_W = 0;  ///< all sockets; 0: find one
  bool late = false;     ///< sources that start slowly may come later; not for who wants to know all of them, or names sensors
  std::optional<GpuEstimate> gpu = {};                     ///< what to take for GPUs without a sensor
  std::map<std::string, Proved, std::less<>> proved = {};  ///< by sensor id
};

/// A sensor as `perun sensors` shows it.
struct Listed {
  Sensor sensor;  ///< `counted` is final
  bool selected = true;
  std::string why_not;  ///< why it is not in the total; empty when it is
};

/// Which of several ways a backend took to read its sensors, and why.
struct Choice {
  std::string backend, text;
};

/// What will be read, and what will not.
struct Sources {
  std::vector<std::unique_ptr<Backend>> backends;  ///< only selected sensors, `counted` final; none without a sensor
  std::vector<BlockedSource> blocked;
  std::vector<Listed> listed;  ///< every sensor found
  std::vector<Choice> choices;
  Attributes attributes;                  ///< what the backends found out beside sensors
  std::vector<std::string> absent;        ///< names of backends that found nothing
  std::shared_ptr<Latecomers> late = {};  ///< those that are still starting; null: none
};

/// The sensor with what it proved to be: a longer time between updates and a greater step widen the intervals; shorter ones
/// than are written may be luck.
[[nodiscard]] Sensor as_proved(Sensor s, const std::map<std::string, Proved, std::less<>>& proved);

/// Probes and selects. An unknown backend, a backend's refused argument, a pattern that matches nothing and two sensors of
/// one id are errors, and so is a wish that would count a joule twice. What covers no known part of the node (rail) is listed,
/// but read only if it is named. The fallback (estimate) fills only domains that no other sensor covers; when backends are
/// named, only those take part. What the user says of GPUs without a sensor is added in any case, behind all that have one.
[[nodiscard]] Result<Sources> open_sources(const Host& host, const Selection& selection);

}  // namespace perun
