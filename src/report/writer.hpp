// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "model/summary.hpp"

namespace perun {

/// How text may look where it is going.
struct Style {
  bool color = false;
  bool utf8 = true;
  int width = 80;
};

/// Turns a summary into one format. A writer decides how things look, never what they are.
struct ReportWriter {
  std::string_view name;  ///< as given to --format; also the suffix of the file it makes
  std::string_view summary;
  std::string (*write)(const Summary&, const Style&);  ///< the whole document, ending in a newline
  bool draws = false;                                  ///< uses the timelines and the history of the summary
  bool watched = false;                                ///< others read the file whenever they like: it must appear whole
};

/// Every format compiled in, in the order of CMakeLists.txt.
[[nodiscard]] std::span<const ReportWriter* const> report_writers() noexcept;

/// The writer of that name, or null.
[[nodiscard]] const ReportWriter* find_report_writer(std::string_view name) noexcept;

/// `perun: 2.147 MJ 1250.0 s 1717 W 334.5 gCO2e results/train.hdf5#7` with a newline: the -q form.
[[nodiscard]] std::string one_line(const Summary& summary, const RunSummary& run);

}  // namespace perun
