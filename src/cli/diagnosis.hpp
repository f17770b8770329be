// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "backends/select.hpp"
#include "base/json.hpp"
#include "host/host.hpp"

namespace perun {

/// What a diagnosis looks at. Tests fill it by hand.
struct Patient {
  Host host;
  std::filesystem::path root = "/";  ///< where /.dockerenv and /dev are
  std::filesystem::path data_out;
  std::string node, kernel, user;
  unsigned uid = 0;
  int allowed_cpus = 1;  ///< that this process may run on
};

/// How something stands. `note`: it works, and a reader should know.
enum class Standing : std::uint8_t { ready, note, absent, blocked };

/// One thing looked at.
struct Finding {
  Standing standing = Standing::ready;
  std::string name;
  std::string text;      ///< what was tried and what came of it
  std::string fix = {};  ///< empty: nothing to do, or a remedy says it
  int remedy = 0;        ///< number of the remedy that helps; 0: none
};

struct Step {
  std::string say;       ///< "as root, for good"; may be empty
  std::string run = {};  ///< a command; empty where there is none
};

/// Something the reader can do.
struct Remedy {
  std::string title;
  std::vector<Step> steps = {};
  std::string caution = {};  ///< what it gives away
};

struct Diagnosis {
  bool measurable = false;  ///< at least one counted sensor measures energy or power
  std::string verdict;
  std::vector<Remedy> remedies;
  std::vector<Finding> sources;  ///< one per backend that need not be asked for: ready first, absent last
  std::vector<Finding> ways;     ///< how the kernel gives out the processor's counters
  std::vector<Finding> place;    ///< machine, container, cgroup, data_out, clock
};

/// Probes every backend, and looks for what stands in the way. Errors: those of open_sources.
[[nodiscard]] Result<Diagnosis> diagnose(const Patient& patient, const Selection& selection);

/// The ways to the processor's counters, with the remedies for those that are shut.
void look_at_ways(const Patient& patient, Diagnosis& out);

/// What surrounds the measurement.
[[nodiscard]] std::vector<Finding> look_around(const Patient& patient);

/// What says that this is a container: "/.dockerenv", "cgroup /docker/..."; empty when nothing does.
[[nodiscard]] std::string container_hint(const Patient& patient);

/// For reading, at most 80 columns unless a path or command is longer.
[[nodiscard]] std::string diagnosis_text(const Patient& patient, const Diagnosis& diagnosis);

/// The same as data, schema "perun-doctor/1".
[[nodiscard]] Json diagnosis_json(const Patient& patient, const Diagnosis& diagnosis);

}  // namespace perun
