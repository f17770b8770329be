// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>

#include "report/writer.hpp"

namespace perun {

/// The document of the JSON report as YAML that YAML 1.1 readers (PyYAML) take for the same values: every string
/// quoted, every double with a point.
[[nodiscard]] std::string write_yaml(const Summary& summary, const Style& style);

}  // namespace perun
