// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>

namespace perun {

/// A POSIX shell script that installs what share/perun ships for reading energy counters without being root: the files are
/// in it as they stand. It explains itself and may run again.
[[nodiscard]] std::string fix_script();

}  // namespace perun
