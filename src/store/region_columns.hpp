// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>

/// Names inside a node's group `regions`, once.
namespace perun::layout::regions {

inline constexpr const char* group = "regions";
inline constexpr const char* name = "name";
inline constexpr std::array thread{"thread_rank", "thread_pid", "thread_tid", "thread_owners"};
inline constexpr std::array mark{"mark_t_ns", "mark_name", "mark_thread", "mark_kind"};
inline constexpr const char* mark_value = "mark_value";
inline constexpr std::array hole{"hole_from_ns", "hole_to_ns",        "hole_name",
                                 "hole_thread",  "hole_inclusive_ns", "hole_exclusive_ns"};
inline constexpr std::array sum{"sum_name",         "sum_thread",      "sum_calls",     "sum_inclusive_ns",
                                "sum_exclusive_ns", "sum_shortest_ns", "sum_longest_ns"};
inline constexpr const char* sum_value = "sum_value";
inline constexpr std::array losses{"lost_marks", "lost_names", "lost_threads", "lost_deep", "unmatched", "unended"};

// What came of it: one row per region.
inline constexpr const char* region = "region";
inline constexpr std::array region_numbers{"time_s",
                                           "exclusive_s",
                                           "wall_s",
                                           "energy_J",
                                           "energy_uncertainty_J",
                                           "energy_lower_J",
                                           "energy_upper_J",
                                           "exclusive_J",
                                           "exclusive_uncertainty_J",
                                           "power_mean_W",
                                           "share",
                                           "pooled_J",
                                           "pooled_uncertainty_J"};
inline constexpr std::array region_integers{"calls", "resolved"};

}  // namespace perun::layout::regions
