// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "model/summary.hpp"

namespace perun {

/// What the calls of MPI are there for, as model/mpi_calls.h has them. The last one is no waiting for other ranks' work.
enum class MpiKind : std::uint8_t { collective, point_to_point, one_sided, file, processes };
inline constexpr std::array<std::string_view, 5> mpi_kind_names{"collective", "point_to_point", "one_sided", "file",
                                                                "processes"};

/// Time and energy of calls. Energy is by the node's share, as of all regions.
struct MpiUse {
  std::uint64_t calls = 0;
  double seconds = 0;  ///< summed over ranks and threads
  double joules = 0;
  MpiUse& operator+=(const MpiUse& b) noexcept;
};

/// One process that called MPI_Init.
struct MpiRank {
  std::int32_t rank = 0, pid = 0;
  MpiUse whole;  ///< from MPI_Init to MPI_Finalize
  std::array<MpiUse, mpi_kind_names.size()> in;
  MpiUse waiting;        ///< all of `in` but processes
  double outside_s = 0;  ///< of `whole`, in none of these calls
};

/// What --mpi-hooks tells of a run. Pure arithmetic on regions; docs/accuracy.md ("MPI").
struct MpiReport {
  std::array<MpiUse, mpi_kind_names.size()> in;  ///< of all ranks
  Amount waiting;                                ///< joules of waiting, with their interval
  double waiting_s = 0;
  std::vector<MpiRank> ranks;  ///< by rank and pid
  double load_balance = 0;     ///< mean over longest time outside of MPI, 0..1; 0: not known
  double imbalance_J = 0;      ///< of the waiting: what would be saved if all waited as little as the rank that waits least
  std::uint64_t spawned = 0;   ///< processes that MPI_Comm_spawn started
};

/// Nothing when no rank's MPI was seen.
[[nodiscard]] std::optional<MpiReport> mpi_of(const RegionReport& regions);

/// What a reader must know: nothing was seen although --mpi-hooks asked for it, or there were processes beside the ranks.
[[nodiscard]] std::vector<Note> mpi_caveats(const RunSummary& run);

}  // namespace perun
