// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/run.hpp"

namespace perun {

/// A process on the way up from perun.
struct Ancestor {
  std::string name;                     ///< as /proc/PID/comm has it, cut after 15 bytes by the kernel
  std::vector<std::string> words = {};  ///< its command line
  std::int64_t age_ns = 0;              ///< how long ago it was started
};

/// The variables of a process.
using Environment = std::map<std::string, std::string, std::less<>>;

/// Which of how many processes of a job this is, as whoever started them tells by variables. perun asks no MPI and no PMI:
/// an identity there can be used once, and it is the program's.
struct Place {
  std::string launcher = "none";  ///< openmpi, hydra, slurm, pals, flux, torchrun, user, none
  std::string key = {};           ///< of the whole job: the same on all its nodes, fit to be a file name; empty: alone
  int rank = 0, size = 1;
  std::optional<int> local_size = {};          ///< processes of the job on this node
  std::string node_id = {};                    ///< PERUN_NODE_ID: what the node shall be known as; empty: find out
  bool direct = true;                          ///< the process manager started perun itself, not a script that may start more
  std::int64_t manager_age_ns = 0;             ///< how long the process manager runs; 0: not known
  Attributes scheduler = {};                   ///< what the batch system tells: job_id, job_name, partition, account ...
  std::vector<std::string> rank0_hosts = {};   ///< where rank 0's node may be reached, best first; none: nobody tells
  std::vector<std::string> stream_words = {};  ///< what all of the job's processes know, and few others
  std::vector<std::string> doubts = {};        ///< what was told and cannot be right, for people
  [[nodiscard]] bool shared() const noexcept { return size > 1 && !key.empty(); }
};

/// Pure. `ancestors` begins with the parent. Where several managers left variables (mpirun inside of an allocation), the
/// nearest ancestor decides; where none is seen (containers), the most particular variables do. Variables that contradict
/// each other make a process alone, and are told.
[[nodiscard]] Place place_of(const Environment& environment, std::span<const Ancestor> ancestors);

/// The parts of it that are about reaching rank 0's node.
[[nodiscard]] std::vector<std::string> rank0_hosts(const Environment& environment, std::span<const Ancestor> ancestors,
                                                   std::string_view launcher);
[[nodiscard]] std::vector<std::string> stream_words(const Environment& environment);

/// This process's own, from /proc.
[[nodiscard]] Environment environment_of_this_process();
[[nodiscard]] std::vector<Ancestor> ancestors_of_this_process();

/// A text as part of a file name: what is not in [A-Za-z0-9._-] becomes '_', long ones are cut, and a checksum keeps
/// different texts different.
[[nodiscard]] std::string as_file_name(const std::string& text);

}  // namespace perun
