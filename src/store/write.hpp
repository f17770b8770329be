// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "model/summary.hpp"
#include "store/attributes.hpp"
#include "store/store.hpp"
#include "store/stored_readings.hpp"

namespace perun::h5 {

/// The summary of a run, which reports are made from without reading the samples again.
[[nodiscard]] Status write_summary(const Types& types, hid_t run_group, const RunSummary& summary);

/// Adds exp_<number> with all nodes below the application's group. `summarize` sees the readings as they are in the file;
/// what it gives is returned.
[[nodiscard]] Result<RunSummary> write_run(const Types& types, hid_t application, const Run& run, const Summarize& summarize,
                                           int number);

/// Adds the group `name` of one node, without the figures; returns its readings as they are there. Few of them are kept in
/// memory, as long as there is `room` for so many more.
[[nodiscard]] Result<std::unique_ptr<Readings>> write_node(const Types& types, hid_t run_group, const std::string& name,
                                                           const NodeRecord& node, Moment run_begin, std::size_t& room);

/// What is computed from the samples, and may be computed anew.
void write_factors(AttributeWriter& attributes, const Factors& factors);
void write_figures(AttributeWriter& attributes, const RunSummary& summary);
void write_figures(AttributeWriter& attributes, const NodeSummary& summary);

/// The attributes of figures that runs and nodes have in common. Nothing of energy when it is unavailable.
void write_usage(AttributeWriter& attributes, const Usage& usage);

/// What a baseline and the CPU time tell beside them.
void write_related(AttributeWriter& a, const std::optional<Net>& net, const std::optional<Attribution>& attributed);

/// A name for a link: what readers of netCDF and file paths cannot take becomes '_'; `_2` ... behind a name in `taken`.
[[nodiscard]] std::string link_name(std::string_view wanted, std::string_view also_allowed, std::set<std::string>& taken);

/// A JSON array of texts; bytes that are not UTF-8 become U+FFFD.
[[nodiscard]] std::string json_texts(const std::vector<std::string>& texts);

}  // namespace perun::h5
