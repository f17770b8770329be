// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/gate.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"

namespace perun {

namespace {

Error invalid(std::string_view text, std::string_view why) {
  return {Errc::invalid, fmt::format("'{}' {}", text::to_utf8(text), why),
          "write energy>+5%, time>+10%, power<-20%, edp>+5% or REGION:energy>+5%"};
}

const Changes* changes_for(const Condition& condition, const Comparison& comparison) {
  if (condition.region.empty()) return &comparison.changes;
  const auto found = std::ranges::find(comparison.regions, condition.region, &RegionChanges::name);
  return found == comparison.regions.end() ? nullptr : &found->changes;
}

/// "+3.1 %"
std::string percent(double ratio) {
  return fmt::format("{:+.3g} %", (ratio - 1) * 100);
}

}  // namespace

Result<Condition> parse_condition(std::string_view text) {
  const auto sign = text.find_last_of("<>");
  if (sign == std::string_view::npos) return invalid(text, "has neither '<' nor '>'");
  Condition c{.text = std::string(text), .above = text[sign] == '>'};
  auto metric = text::trim(text.substr(0, sign));
  if (const auto colon = metric.rfind(':'); colon != std::string_view::npos) {
    c.region = metric.substr(0, colon);
    metric = text::trim(metric.substr(colon + 1));
    if (c.region.empty()) return invalid(text, "names no region before ':'");
  }
  const auto known = std::ranges::find(metric_names, text::lower(metric));
  if (known == metric_names.end())
    return invalid(text, "is about '" + text::to_utf8(metric) + "', which is none of energy, time, power, edp");
  c.metric = static_cast<Metric>(known - metric_names.begin());
  auto limit = text::trim(text.substr(sign + 1));
  if (!limit.ends_with('%')) return invalid(text, "does not end in a percentage");
  limit = text::trim(limit.substr(0, limit.size() - 1));
  if (limit.starts_with('+')) limit.remove_prefix(1);
  const auto value = text::number(limit);
  if (!value || *value <= -100 || *value > 1e6) return invalid(text, "has no percentage above -100 % behind the sign");
  c.ratio = 1 + *value / 100;
  return c;
}

Judgement judge(const Condition& condition, const Comparison& comparison) {
  const Changes* changes = changes_for(condition, comparison);
  if (changes == nullptr) return {Gate::undecided, fmt::format("region '{}' is not on both sides", condition.region)};
  const Change& c = (*changes)[static_cast<std::size_t>(condition.metric)];
  const auto metric = name(condition.metric);
  if (c.kind == Kind::unavailable) return {Gate::undecided, fmt::format("{} is not available", metric)};
  if (c.kind != Kind::measured)
    return {Gate::undecided, fmt::format("{} is {}, and an estimate never passes or fails", metric,
                                         c.kind == Kind::mixed ? "partly estimated" : "estimated")};
  if (condition.metric != Metric::time && !comparison.not_alike.empty()) return {Gate::undecided, comparison.not_alike};
  const bool beyond = condition.above ? c.interval.lower > condition.ratio : c.interval.upper < condition.ratio;
  return {beyond ? Gate::failed : Gate::passed, fmt::format("{} changed by {} ({} .. {})", metric, percent(c.ratio),
                                                            percent(c.interval.lower), percent(c.interval.upper))};
}

}  // namespace perun
