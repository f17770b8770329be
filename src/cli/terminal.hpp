// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <string_view>

#include "config/config.hpp"
#include "report/writer.hpp"

namespace perun {

/// One line for the user on stderr: "perun: text". Never raises SIGPIPE's fate; a closed stderr is no error.
void say(std::string_view text);

/// All of `text` to a descriptor. False when it could not be written.
[[nodiscard]] bool write_text(int fd, std::string_view text);

/// How text may look on `fd`: colour by --color, NO_COLOR, CLICOLOR_FORCE, TERM and isatty; UTF-8 by the locale.
[[nodiscard]] Style style_for(int fd, const Config& config);

}  // namespace perun
