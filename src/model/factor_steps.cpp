// SPDX-License-Identifier: BSD-3-Clause
#include "model/factor_steps.hpp"

namespace perun {

Json json_of(const std::vector<FactorStep>& steps) {
  Json out = Json::array();
  for (const FactorStep& step : steps)
    out.push_back(Json::array({step.real_ns, step.value ? Json(*step.value) : Json(nullptr)}));
  return out;
}

std::vector<FactorStep> factor_steps(const Json& json) {
  std::vector<FactorStep> out;
  if (!json.is_array()) return out;
  for (const Json& item : json) {
    if (!item.is_array() || item.size() != 2 || !item[0].is_number_integer() || !(item[1].is_number() || item[1].is_null()))
      return {};
    FactorStep step{item[0].get<std::int64_t>()};
    if (item[1].is_number()) step.value = item[1].get<double>();
    if (!out.empty() && step.real_ns <= out.back().real_ns) return {};
    out.push_back(step);
  }
  return out;
}

}  // namespace perun
