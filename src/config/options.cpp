// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "config/config.hpp"
#include "config/values.hpp"

namespace perun {

namespace {

constexpr std::array<std::string_view, 3> color_choices{"auto", "always", "never"};

using namespace values;
using Text = std::string_view;
using enum Takes;

constexpr Option table[] = {
    {"report", "format", "--format", value, "FORMAT", report_formats_in_words, Scope::results,
     [](Config& c, Text t) -> Status {
       auto word = choice(t, report_formats);
       if (!word && text::lower(text::trim(t)) == "html")
         return invalid("this perun was built without the format html", "build it where there is npm, with -DPERUN_WEB=ON");
       if (!word) return word.error();
       c.format = *std::move(word);
       return Ok{};
     },
     [](const Config& c) { return c.format; }},
    {"report", "pue", "--pue", value, "X", "power usage effectiveness", Scope::factors,
     [](Config& c, Text t) { return at_least(c.pue, 1, t); }, [](const Config& c) { return text::shortest(c.pue); }},
    {"report", "emissions-factor", "--emissions-factor,--emissions_factor", value, "X",
     "kgCO2e per kWh, a country (DE), or a CSV file of values over time", Scope::factors, emissions,
     [](const Config& c) { return factor_spelled(c.emissions_factor, c.emissions_country, c.emissions_file); }},
    {"report", "price-factor", "--price-factor,--price_factor", value, "X",
     "cent per kWh, a country of Europe (DE), or a CSV file of values over time", Scope::factors, price,
     [](const Config& c) { return factor_spelled(c.price_factor, c.price_country, c.price_file); }},
    {"report", "overhead-power", "--overhead-power,--overhead_power", value, "WATT", "of each node for parts without a sensor",
     Scope::factors, [](Config& c, Text t) { return power(c.overhead_power_W, t); },
     [](const Config& c) { return text::shortest(c.overhead_power_W); }},
    {"report", "html-max-samples", "--html-max-samples,--html_max_samples", value, "N",
     "readings in an html report; more are thinned out", Scope::results,
     [](Config& c, Text t) { return samples(c.html_max_samples, t); },
     [](const Config& c) { return std::to_string(c.html_max_samples); }},
    {"report", "embodied-kg", "--embodied-kg,--embodied_kg", value, "KG", "CO2e of making one node, for the SCI score",
     Scope::factors, [](Config& c, Text t) { return at_least(c.embodied_kg, 0, t); },
     [](const Config& c) { return text::shortest(c.embodied_kg); }},
    {"report", "lifespan-years", "--lifespan-years,--lifespan_years", value, "YEARS", "over which that is spread",
     Scope::factors, [](Config& c, Text t) { return at_least(c.lifespan_years, 0.1, t); },
     [](const Config& c) { return text::shortest(c.lifespan_years); }},
    {"report", "resource-share", "--resource-share,--resource_share", value, "X", "part of a node that the run had, 0 to 1",
     Scope::factors, [](Config& c, Text t) { return share(c.resource_share, t); },
     [](const Config& c) { return text::shortest(c.resource_share); }},
    {"monitor", "frequency", "--frequency", value, "HZ", "sampling rate: 10, 0.5, 100Hz", Scope::monitor,
     [](Config& c, Text t) { return frequency(c.frequency_hz, t); },
     [](const Config& c) { return text::shortest(c.frequency_hz); }},
    {"monitor", "data_out", "--data_out,--data-out", value, "DIR", "where the data files are", Scope::data,
     [](Config& c, Text t) { return folder(c.data_out, t); }, [](const Config& c) { return c.data_out.string(); }},
    {"monitor", "name", "--name", value, "APP", "name of the data file (default: PROGRAM's)", Scope::monitor,
     [](Config& c, Text t) { return app_name(c.name, t); }, [](const Config& c) { return c.name; }},
    {"monitor", "spool", "--spool", value, "DIR", "where runs go when data_out fails; none; auto is ~/.local/state/perun",
     Scope::data, [](Config& c, Text t) { return folder(c.spool, t); }, [](const Config& c) { return c.spool.string(); }},
    {"monitor", "tag", "--tag", list, "NAME,...", "words to find the run again by", Scope::monitor,
     [](Config& c, Text t) { return tags(c.tags, t); }, [](const Config& c) { return joined(c.tags); }},
    {"monitor", "backends", "--backends", list, "NAME,...", "use only these sources, e.g. rapl:perf,proc", Scope::sources,
     [](Config& c, Text t) { return patterns(c.backends, t); }, [](const Config& c) { return joined(c.backends); }},
    {"monitor", "sensor", "--sensor", list, "SOURCE", "also exec:CMD, file:PATH, socket:PATH, ipmi", Scope::sources,
     [](Config& c, Text t) { return sources(c.sensor, t); }, [](const Config& c) { return joined(c.sensor); }},
    {"monitor", "sensors", "--sensors", list, "GLOB,...", "use only these sensors, e.g. 'rapl:*'", Scope::sources,
     [](Config& c, Text t) { return patterns(c.sensors, t); }, [](const Config& c) { return joined(c.sensors); }},
    {"monitor", "exclude", "--exclude", list, "GLOB,...", "leave these sensors out", Scope::sources,
     [](Config& c, Text t) { return patterns(c.exclude, t); }, [](const Config& c) { return joined(c.exclude); }},
    {"monitor", "count", "--count", list, "GLOB,...", "the total is made of these, e.g. rapl:psys", Scope::sources,
     [](Config& c, Text t) { return patterns(c.count, t); }, [](const Config& c) { return joined(c.count); }},
    {"monitor", "no-count", "--no-count,--no_count", list, "GLOB,...", "measured, but never in the total", Scope::sources,
     [](Config& c, Text t) { return patterns(c.no_count, t); }, [](const Config& c) { return joined(c.no_count); }},
    {"monitor", "rounds", "--rounds", value, "N", "run the program N times, as N runs", Scope::monitor,
     [](Config& c, Text t) { return count(c.rounds, 1, t); }, [](const Config& c) { return std::to_string(c.rounds); }},
    {"monitor", "warmup_rounds", "--warmup-rounds,--warmup_rounds", value, "N", "unmeasured runs before", Scope::monitor,
     [](Config& c, Text t) { return count(c.warmup_rounds, 0, t); },
     [](const Config& c) { return std::to_string(c.warmup_rounds); }},
    {"monitor", "max-overhead", "--max-overhead,--max_overhead", value, "PERCENT", "of a core for sampling; 0: any",
     Scope::monitor, [](Config& c, Text t) { return percent(c.max_overhead_percent, t); },
     [](const Config& c) { return text::shortest(c.max_overhead_percent); }},
    {"monitor", "region-frequency", "--region-frequency,--region_frequency", value, "HZ",
     "rate of energy counters while the program marks regions", Scope::monitor,
     [](Config& c, Text t) { return frequency(c.region_frequency_hz, t); },
     [](const Config& c) { return text::shortest(c.region_frequency_hz); }},
    {"monitor", "control-pipe", "--control,--control-pipe,--control_pipe", value, "fifo:PATH",
     "take marks from this pipe: begin NAME, end NAME, mark TEXT", Scope::monitor,
     [](Config& c, Text t) { return control(c.control, t); },
     [](const Config& c) { return c.control.empty() ? "" : "fifo:" + c.control.string(); }},
    {"monitor", "work", "--work", list, "NAME=N", "what the program does, for J per unit: tokens=5000", Scope::monitor,
     [](Config& c, Text t) { return work(c.work, t); }, [](const Config& c) { return spelled(c.work); }},
    {"monitor", "mpi-hooks", "--mpi-hooks,--mpi_hooks", nothing, "", "time and energy of the calls of MPI, by rank",
     Scope::monitor, [](Config& c, Text t) { return truth(c.mpi_hooks, t); },
     [](const Config& c) { return spelled(c.mpi_hooks); }},
    {"monitor", "no-estimate", "--no-estimate,--no_estimate", nothing, "", "n/a instead of estimates", Scope::sources,
     [](Config& c, Text t) { return truth(c.no_estimate, t); }, [](const Config& c) { return spelled(c.no_estimate); }},
    {"monitor", "strict", "--strict", nothing, "", "stop before the start if not measured", Scope::monitor,
     [](Config& c, Text t) { return truth(c.strict, t); }, [](const Config& c) { return spelled(c.strict); }},
    {"monitor", "cpu-tdp", "--cpu-tdp,--cpu_tdp", value, "WATT", "CPU TDP for estimates; 0: find out", Scope::sources,
     [](Config& c, Text t) { return power(c.cpu_tdp_W, t); }, [](const Config& c) { return text::shortest(c.cpu_tdp_W); }},
    {"monitor", "estimate", "--estimate", value, "gpu=MODEL|WATT", "estimate GPUs without a sensor: gpu=A100, gpu=4x300W@70%",
     Scope::sources, estimate, [](const Config& c) { return c.estimate; }},
    {"monitor", "baseline", "--baseline", value, "WHAT", "idle power to set against: 10s, 35W, auto, FILE", Scope::monitor,
     baseline, [](const Config& c) { return c.baseline; }},
    {"monitor", "sysfs", "--sysfs", value, "DIR", "read sensors below here", Scope::sources,
     [](Config& c, Text t) { return folder(c.sysfs, t); }, [](const Config& c) { return c.sysfs.string(); }},
    {"monitor", "procfs", "--procfs", value, "DIR", "read utilization below here", Scope::sources,
     [](Config& c, Text t) { return folder(c.procfs, t); }, [](const Config& c) { return c.procfs.string(); }},
    {"perun", "log_lvl", "-l,--log_lvl,--log-lvl", value, "LEVEL", "DEBUG INFO WARN ERROR CRITICAL", Scope::everywhere,
     log_level, [](const Config& c) { return c.log_lvl; }},
    {"perun", "color", "--color", value, "WHEN", "auto, always or never", Scope::everywhere,
     [](Config& c, Text t) -> Status {
       auto word = choice(t, color_choices);
       if (!word) return word.error();
       c.color = *std::move(word);
       return Ok{};
     },
     [](const Config& c) { return c.color; }},
};

bool same_key(std::string_view a, std::string_view b) noexcept {
  const auto plain = [](char c) { return c == '_' ? '-' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(a, b, {}, plain, plain);
}

}  // namespace

std::span<const Option> options() noexcept {
  return table;
}

const Option* find_option(std::string_view key) noexcept {
  const auto row = std::ranges::find_if(table, [&](const Option& o) { return same_key(o.key, key); });
  return row == std::end(table) ? nullptr : &*row;
}

std::string variable(const Option& option) {
  std::string name = "PERUN_";
  for (const char c : option.key) name += c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return name;
}

bool is_tag(std::string_view text) noexcept {
  constexpr std::size_t longest = 100;
  const auto bad = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F || c == ','; };
  return !text.empty() && text.size() <= longest && text::trim(text) == text && std::ranges::none_of(text, bad) &&
         text::is_utf8(text);
}

std::vector<std::string> list_items(std::string_view text) {
  std::vector<std::string> items;
  std::size_t begin = 0;
  int depth = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size()) {
      depth += text[i] == '(' ? 1 : text[i] == ')' ? -1 : 0;
      if (text[i] != ',' || depth > 0) continue;
    }
    if (const auto item = text::trim(text.substr(begin, i - begin)); !item.empty()) items.emplace_back(item);
    begin = i + 1;
  }
  return items;
}

std::string_view format_of(std::string_view file) noexcept {
  const auto dot = file.find_last_of("./");
  if (dot == std::string_view::npos || file[dot] != '.') return "";
  if (file.ends_with(".bench.json")) return "bench";
  const auto suffix = file.substr(dot + 1);
  if (suffix == "prom") return "prometheus";
  const auto known = std::ranges::find(report_formats, suffix);
  return known == report_formats.end() ? std::string_view{} : *known;
}

}  // namespace perun
