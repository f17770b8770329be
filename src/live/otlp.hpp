// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "live/view.hpp"

namespace perun::live {

/// What is known of a run in progress as an OTLP/JSON request for /v1/metrics, in one line: hw.energy and hw.power of each
/// meter that counts, hw.host.energy and hw.host.power of each node, perun.emissions.
[[nodiscard]] std::string otlp_request(const RunView& view, std::string_view version, std::int64_t now_real_ns);

}  // namespace perun::live
