// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>

namespace perun {

/// perun's own licence, and share/third_party.txt: what is inside of its files and on what terms.
[[nodiscard]] std::string licenses();

}  // namespace perun
