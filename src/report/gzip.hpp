// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <string_view>

namespace perun {

/// `bytes` as a file of gzip.
[[nodiscard]] std::string gzip(std::string_view bytes);

}  // namespace perun
