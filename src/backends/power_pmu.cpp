// SPDX-License-Identifier: BSD-3-Clause
#include "backends/power_pmu.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "backends/files.hpp"
#include "base/text.hpp"
#include "host/cpus.hpp"
#include "host/sysfs.hpp"

namespace perun {

namespace {

namespace fs = std::filesystem;

constexpr std::array<std::pair<std::string_view, Domain>, 5> known{{{"energy-pkg", Domain::package},
                                                                    {"energy-cores", Domain::cores},
                                                                    {"energy-gpu", Domain::uncore},
                                                                    {"energy-ram", Domain::dram},
                                                                    {"energy-psys", Domain::platform}}};
/// More packages and dies than any machine has.
constexpr std::size_t most_cpus = 512;

/// Which bits of `config` an event's number goes to.
struct Bits {
  int low = 0, high = 0;
};

std::optional<std::uint64_t> whole(std::string_view s) {
  int base = 10;
  if (s.starts_with("0x") || s.starts_with("0X")) s.remove_prefix(2), base = 16;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), value, base);
  return error == std::errc{} && end == s.data() + s.size() && !s.empty() ? std::optional(value) : std::nullopt;
}

/// "config:0-7" or "config:3".
std::optional<Bits> parse_format(std::string_view text) {
  constexpr std::string_view field = "config:";
  if (!text.starts_with(field)) return std::nullopt;
  text.remove_prefix(field.size());
  const auto dash = text.find('-');
  const auto low = whole(text.substr(0, dash));
  const auto high = dash == std::string_view::npos ? low : whole(text.substr(dash + 1));
  if (!low || !high || *low > *high || *high > 63) return std::nullopt;
  return Bits{static_cast<int>(*low), static_cast<int>(*high)};
}

/// "event=0x02".
std::optional<std::uint64_t> parse_event(std::string_view text, Bits bits) {
  constexpr std::string_view field = "event=";
  if (!text.starts_with(field)) return std::nullopt;
  const auto value = whole(text.substr(field.size()));
  const int width = bits.high - bits.low + 1;
  if (!value || (width < 64 && *value >> width != 0)) return std::nullopt;
  return *value << bits.low;
}

std::string says(const fs::path& path, std::string_view text) {
  return fmt::format("{} says '{}'", path.string(), files::printable(text));
}

/// The first line of a file that has to be there.
Result<std::string> needed(const fs::path& path) {
  errno = 0;
  auto line = sysfs::line(path);
  if (line) return *std::move(line);
  return Error{errno == ENOENT ? Errc::not_found : Errc::io, path.string() + ": " + files::reason(errno)};
}

Result<PowerPmu::Event> read_event(const fs::path& folder, std::string_view name, Domain domain, Bits bits) {
  PowerPmu::Event event{.name = std::string(name), .domain = domain};
  const fs::path file = folder / event.name;
  const auto text = needed(file);
  if (!text) return text.error();
  const auto config = parse_event(*text, bits);
  if (!config) return Error{Errc::format, says(file, *text)};
  event.config = *config;

  const fs::path unit_file = folder / (event.name + ".unit"), scale_file = folder / (event.name + ".scale");
  const auto unit = needed(unit_file), scale = needed(scale_file);
  if (!unit) return Error{Errc::format, unit.error().what};
  if (!scale) return Error{Errc::format, scale.error().what};
  if (*unit != "Joules") return Error{Errc::format, says(unit_file, *unit)};
  event.scale = text::number(*scale).value_or(0);
  // A count is far below a joule; anything else would make nonsense of 64 bits.
  if (!std::isfinite(event.scale) || event.scale < 1e-15 || event.scale > 1)
    return Error{Errc::format, says(scale_file, *scale)};
  return event;
}

}  // namespace

Result<PowerPmu> find_power_pmu(const Host& host) {
  const fs::path folder = host.at_sys("bus/event_source/devices/power");
  const auto type = needed(folder / "type");
  if (!type) return type.error();
  PowerPmu pmu;
  const auto number = whole(*type);
  if (!number || *number > std::numeric_limits<std::uint32_t>::max()) return Error{Errc::format, says(folder / "type", *type)};
  pmu.type = static_cast<std::uint32_t>(*number);

  const auto mask = needed(folder / "cpumask");
  if (!mask) return Error{Errc::format, mask.error().what};
  auto cpus = parse_cpu_list(*mask);
  if (!cpus || cpus->size() > most_cpus) return Error{Errc::format, says(folder / "cpumask", *mask)};
  pmu.cpus = *std::move(cpus);

  const auto format = needed(folder / "format/event");
  if (!format) return Error{Errc::format, format.error().what};
  const auto bits = parse_format(*format);
  if (!bits) return Error{Errc::format, says(folder / "format/event", *format)};

  for (const auto& [name, domain] : known) {
    auto event = read_event(folder / "events", name, domain, *bits);
    if (event)
      pmu.events.push_back(*std::move(event));
    else if (event.error().code != Errc::not_found)
      pmu.problems.push_back(event.error().what);
  }
  if (pmu.events.empty() || pmu.events.front().domain != Domain::package)
    return Error{Errc::format,
                 pmu.problems.empty() ? (folder / "events/energy-pkg").string() + " is not there" : pmu.problems.front()};
  return pmu;
}

}  // namespace perun
