// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "live/frame.hpp"
#include "live/screen.hpp"

namespace perun::live {

/// Does what a key asks for; false: to leave. Pure but for `choice`.
[[nodiscard]] bool press(Choice& choice, const KeyPress& key);

}  // namespace perun::live
