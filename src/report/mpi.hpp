// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>

#include "analysis/mpi.hpp"
#include "base/json.hpp"
#include "report/tables.hpp"

namespace perun {

/// Time and energy in MPI as the document has them.
[[nodiscard]] Json mpi_document(const MpiReport& mpi, const RunSummary& run);

namespace tables {

/// A line for each kind of calls, and how the ranks differ. Nothing without --mpi-hooks.
[[nodiscard]] Block mpi(const RunSummary& run);

}  // namespace tables

namespace wording {

/// "waiting 35.2 J (40.0 %): collectives 30.1 J, point-to-point 5.1 J; load balance 82 %: 12.3 J of ...". Empty without.
[[nodiscard]] std::string mpi(const RunSummary& run);

}  // namespace wording

}  // namespace perun
