// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include "analysis/regions.hpp"

namespace perun {

std::vector<Note> region_caveats(const RegionReport& report) {
  std::vector<Note> out;
  const MarkLosses& l = report.losses;
  const auto tell = [&](Caveat caveat, std::string text) { out.push_back({caveat, std::move(text)}); };
  if (report.holes)
    tell(Caveat::marks_lost,
         fmt::format("the program marked faster than single marks could be kept{}: calls and times are complete, as it summed "
                     "them up itself; energies there are shares by time",
                     l.marks > 0 ? fmt::format(" ({} were not)", l.marks) : std::string()));
  if (l.names > 0)
    tell(Caveat::marks_lost, fmt::format("{} marks stand under (other names), since there were too many names", l.names));
  if (l.threads > 0)
    tell(Caveat::marks_lost, fmt::format("{} marks were lost, since their threads found no place in shared memory", l.threads));
  if (l.deep > 0) tell(Caveat::marks_lost, fmt::format("{} calls were nested too deeply; they are left out of sums", l.deep));
  if (l.unmatched > 0)
    tell(Caveat::marks_unbalanced, fmt::format("{} ends of regions had no begin and were left out", l.unmatched));
  if (l.unended > 0)
    tell(
        Caveat::marks_unbalanced,
        fmt::format("{} calls of regions were never ended; they are taken to end with their thread or the program", l.unended));
  return out;
}

}  // namespace perun
