// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <string_view>

namespace perun::serve {

/// The page around the report: it listens to the events, shows the running figures, and loads the report anew. `nonce` is what
/// its script and style are allowed by.
[[nodiscard]] std::string shell_page(std::string_view title, std::string_view nonce);

/// The Content-Security-Policy that goes with it, as a header line.
[[nodiscard]] std::string shell_policy(std::string_view nonce);

}  // namespace perun::serve
