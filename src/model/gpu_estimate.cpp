// SPDX-License-Identifier: BSD-3-Clause
#include "model/gpu_estimate.hpp"

#include <fmt/format.h>

#include <array>
#include <vector>

#include "base/text.hpp"
#include "base/units.hpp"

namespace perun {

namespace {

struct Model {
  std::string_view name;
  double idle_W, max_W;
};
/// Cloud Carbon Footprint's coefficients of GPUs (Apache-2.0).
constexpr std::array<Model, 8> models{{{"A100", 46, 407},
                                       {"A10G", 18, 153},
                                       {"V100", 35, 306},
                                       {"T4", 8, 71},
                                       {"P100", 36, 306},
                                       {"P4", 9, 76.5},
                                       {"K80", 35, 306},
                                       {"M60", 35, 306}}};
constexpr double idle_share = 0.115, least_W = 1, greatest_W = 5000;
constexpr int most_gpus = 1024;

Error invalid(std::string what) {
  return {Errc::invalid, std::move(what), "gpu=A100, gpu=300W, gpu=4xT4 or gpu=300W@70%"};
}

Status set_load(GpuEstimate& out, std::string_view text) {
  const auto percent = text.ends_with('%') ? text::number(text::trim(text.substr(0, text.size() - 1))) : std::nullopt;
  if (!percent || !(*percent >= 0 && *percent <= 100))
    return invalid(fmt::format("the load '{}' is not like 70%", text::to_utf8(text)));
  out.load = *percent / 100;
  return Ok{};
}

/// The number before an 'x'; what is left of the text.
Result<std::string_view> set_count(GpuEstimate& out, std::string_view text) {
  const auto x = text.find('x');
  const auto number = x == std::string_view::npos ? std::nullopt : text::integer(text.substr(0, x));
  if (!number) return text;
  if (*number < 1 || *number > most_gpus) return invalid(fmt::format("{} GPUs are not within 1 and {}", *number, most_gpus));
  out.count = static_cast<int>(*number);
  return text.substr(x + 1);
}

Status set_model(GpuEstimate& out, std::string_view text) {
  std::vector<std::string_view> names;
  for (const Model& m : models) {
    names.push_back(m.name);
    if (text::lower(m.name) != text::lower(text)) continue;
    out.name = m.name;
    out.idle_W = m.idle_W;
    out.max_W = m.max_W;
    return Ok{};
  }
  const bool power =
      !text.empty() && (text.front() == '-' || text.front() == '.' || (text.front() >= '0' && text.front() <= '9'));
  if (!power)
    return invalid(fmt::format("no GPU '{}' is known{} ({}); give its power limit", text::to_utf8(text),
                               text::did_you_mean(text, names), fmt::join(names, ", ")));
  const auto watts = units::parse_quantity(text, "W");
  if (!watts) return invalid(watts.error().what);
  if (!(*watts >= least_W && *watts <= greatest_W))
    return invalid(fmt::format("a GPU of '{}' is not within {} and {} W", text::to_utf8(text), least_W, greatest_W));
  out.max_W = *watts;
  out.idle_W = idle_share * *watts;
  return Ok{};
}

}  // namespace

Result<GpuEstimate> parse_gpu_estimate(std::string_view text) {
  constexpr std::string_view what = "gpu=";
  text = text::trim(text);
  if (!text.starts_with(what)) return invalid(fmt::format("'{}' does not begin with gpu=", text::to_utf8(text)));
  text = text.substr(what.size());
  GpuEstimate out;
  if (const auto at = text.find('@'); at != std::string_view::npos) {
    if (const Status load = set_load(out, text::trim(text.substr(at + 1))); !load) return load.error();
    text = text::trim(text.substr(0, at));
  }
  const auto rest = set_count(out, text);
  if (!rest) return rest.error();
  if (const Status model = set_model(out, text::trim(*rest)); !model) return model.error();
  return out;
}

}  // namespace perun
