// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <string_view>

#include "analysis/compare.hpp"
#include "base/result.hpp"

namespace perun {

/// What must not be: "energy>+5%", "time<-10%", "solve:energy>+2%" (of the region solve).
struct Condition {
  std::string text;         ///< as given
  std::string region = {};  ///< empty: the whole run
  Metric metric = Metric::energy;
  bool above = true;  ///< '>'; else '<'
  double ratio = 1;   ///< "+5%" is 1.05
};

/// Errors: invalid.
[[nodiscard]] Result<Condition> parse_condition(std::string_view text);

enum class Gate : std::uint8_t { passed, failed, undecided };
inline constexpr std::array<std::string_view, 3> gate_names{"passed", "failed", "undecided"};

struct Judgement {
  Gate gate = Gate::undecided;
  std::string reason;  ///< "energy changed by +6.1 % (+5.2 % .. +7 %)"
};

/// Failed when the whole interval of the ratio is beyond the condition; estimates decide nothing.
[[nodiscard]] Judgement judge(const Condition& condition, const Comparison& comparison);

}  // namespace perun
