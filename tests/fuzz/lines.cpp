// SPDX-License-Identifier: BSD-3-Clause
// What sensors of the user's own say (docs/sensor-protocol.md).
#include <array>
#include <set>

#include "backends/line_protocol.hpp"
#include "base/missing.hpp"
#include "base/text.hpp"
#include "fuzz/driver.hpp"

namespace perun::fuzz {

void one_input(std::string_view input) {
  LineTable table("exec:", "exec:x");
  std::int64_t t_ns = 4'000'000'000'000;
  std::size_t held = 0;
  for (const auto line : text::split(input, '\n')) {
    table.take(line, t_ns += 1'000'000);
    if (t_ns % 64'000'000 == 0 && held == 0) {
      table.hold();
      held = table.sensors().size() + 1;
    }
  }
  check(held == 0 || table.sensors().size() + 1 == held, "no sensor comes later");
  check(table.sensors().size() <= 64 && table.latest().size() == table.sensors().size(), "a reading for each");
  check(table.trouble() == text::printable(table.trouble()), "what is told can be shown");
  std::set<std::string> ids;
  for (std::size_t i = 0; i < table.sensors().size(); ++i) {
    const Sensor& s = table.sensors()[i];
    const Reading& r = table.latest()[i];
    check(ids.insert(s.id).second, "ids are unique");
    check(s.id.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_-.") == std::string::npos,
          "plain ids");
    check(s.label == text::printable(s.label) && !s.label.empty(), "labels can be shown");
    check(s.scale > 0 && s.resolution >= 1 && s.refresh_ns > 0 && s.wraps_at >= 0, "a sensor has steps");
    check(r.raw == missing || r.raw >= 0, "a value or none");
    check(r.t_ns <= t_ns, "no reading of the future");
  }
}

std::span<const std::string_view> dictionary() {
  static constexpr std::array<std::string_view, 20> words{
      "sensor ", "perun-sensor 1", "error ", "unit=kWh",  "unit=J", "domain=gpu", "refresh=250ms",
      "step=",   "wraps=",         "max=",   "accuracy=", "label=", "index=",     " @1732550000.25",
      "n/a",     "9e12",           "-1",     "nan",       "\n",     "# "};
  return words;
}

}  // namespace perun::fuzz
