// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "host/clock.hpp"
#include "model/attributes.hpp"

namespace perun {

enum class RankStatus : std::uint8_t {
  unfinished,  ///< it began, and nobody saw its end
  lost,        ///< the perun that had started it was killed, and it with it
  failed,      ///< it ended with an exit status other than 0, or by a signal
  ok,
};
inline constexpr std::array<std::string_view, 4> rank_status_names{"unfinished", "lost", "failed", "ok"};
[[nodiscard]] constexpr std::string_view name(RankStatus s) noexcept {
  return rank_status_names[static_cast<std::size_t>(s)];
}

/// One process of a job, as the perun that started it saw it.
struct RankRecord {
  int rank = 0;
  int node = -1;  ///< index of its node in Run::nodes
  RankStatus status = RankStatus::unfinished;
  int exit_code = 0;  ///< as a shell reports it
  int signal = 0;     ///< that killed it, or 0
  int pid = 0;
  Moment begin = {};  ///< on its node's clocks
  Moment end = {};    ///< of a lost one: when that was noticed; mono_ns 0: not known
  double user_s = 0, system_s = 0;
  std::int64_t max_rss_bytes = 0;
  std::string app = {};                   ///< empty: the run's
  std::vector<std::string> command = {};  ///< likewise
  friend bool operator==(const RankRecord&, const RankRecord&) = default;
};

/// What makes several processes, on any number of nodes, one run.
struct JobRecord {
  std::string launcher;                ///< what started them: openmpi, hydra, slurm ...
  std::string key;                     ///< what it called the job
  int size = 1;                        ///< ranks it was started with
  std::vector<RankRecord> ranks = {};  ///< those that were seen, ascending
  Attributes scheduler = {};           ///< job_id, partition ... where a batch system tells
  friend bool operator==(const JobRecord&, const JobRecord&) = default;
};

}  // namespace perun
