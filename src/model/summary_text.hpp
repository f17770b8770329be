// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "model/summary.hpp"

namespace perun {

/// A summary as one JSON text, as data files hold it and perun's processes hand it on. Decoding gives back every number to
/// the bit; bytes that are not UTF-8 become U+FFFD.
[[nodiscard]] std::string encode(const RunSummary& summary);

/// Errors: format (no such text, or of a perun that knew other fields).
[[nodiscard]] Result<RunSummary> decode_summary(std::string_view text);

}  // namespace perun
