// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backends/backend.hpp"
#include "base/fd.hpp"

namespace perun {

/// Where lines of the sensor protocol come from, and what is done when nobody listens any more.
struct LineSource {
  Fd stream;  ///< a pipe or socket
  std::string prefix, source;
  std::string name;  ///< for messages: "exec:plug.sh"
  /// Stops it; says how it ended, for people, where its stream had ended by itself.
  std::function<std::string(bool ended)> end = [](bool) { return std::string(); };
  std::chrono::seconds patience{5};  ///< until each sensor has shown a value
};

/// Listens in a thread of its own, so that a value has the time it came at. The sensors are those that were declared when
/// each of them had a value; a source that takes more than its patience for that is blocked.
[[nodiscard]] Probe listen(LineSource source, std::int64_t (*now_ns)());

/// The same of what a program writes: `words` are its file and arguments, `source` lacks its stream and its end. Its stdin is
/// empty, its stderr is not seen, and its group is killed in the end.
[[nodiscard]] Probe listen_to_program(std::vector<std::string> words, LineSource source, const ProbeContext& context);

}  // namespace perun
