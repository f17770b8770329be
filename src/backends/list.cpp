// SPDX-License-Identifier: BSD-3-Clause
#include "backends/list.hpp"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.hpp"
#include "base/units.hpp"
#include "host/clock.hpp"
#include "model/domains.hpp"

namespace perun {

namespace {

constexpr std::size_t columns = 80;

/// One sensor as words.
struct Row {
  std::string id, label, step, update, range, total;
};
constexpr std::array<std::string Row::*, 6> cells{&Row::id, &Row::label, &Row::step, &Row::update, &Row::range, &Row::total};

std::optional<std::int64_t> measured_ns(const Sensor& s, const Periods& periods) {
  const auto at = periods.find(s.id);
  return at == periods.end() ? std::nullopt : std::optional(at->second);
}

std::string step(const Sensor& s) {
  if (s.kind == Kind::estimated) return "-";
  const double size = static_cast<double>(s.resolution) * s.scale;
  if (s.quantity == Quantity::bytes) return fmt::format("{} B", s.resolution);
  if (s.quantity == Quantity::temperature || s.quantity == Quantity::events) return fmt::format("{:g}", size);
  return units::si(size, s.quantity == Quantity::utilization ? "s" : unit(s.quantity), 3);
}

std::string update(const Sensor& s, const Periods& periods) {
  if (const auto seen = measured_ns(s, periods)) return "~" + units::si(static_cast<double>(*seen) * 1e-9, "s", 3);
  return s.refresh_ns > 0 ? units::si(static_cast<double>(s.refresh_ns) * 1e-9, "s", 3) : "-";
}

/// Numbered remarks below a table; the same text has one number.
class Footnotes {
 public:
  std::string mark(const std::string& text) {
    if (text.empty()) return "";
    auto at = std::find(texts_.begin(), texts_.end(), text);
    if (at == texts_.end()) at = texts_.insert(at, text);
    return fmt::format(" [{}]", at - texts_.begin() + 1);
  }
  [[nodiscard]] const std::vector<std::string>& texts() const { return texts_; }

 private:
  std::vector<std::string> texts_;
};

/// `text` broken between words into lines of at most 80 columns behind `first`, the later ones indented alike.
std::string wrapped(const std::string& first, std::string_view text) {
  std::string out = first;
  std::size_t used = first.size();
  for (const auto word : text::split(text, ' ')) {
    if (used > first.size() && used + 1 + word.size() > columns) {
      out += "\n" + std::string(first.size(), ' ');
      used = first.size();
    }
    if (used > first.size()) out += ' ', ++used;
    out += word;
    used += word.size();
  }
  return out + "\n";
}

std::string table(const std::vector<Row>& rows) {
  std::array<std::size_t, cells.size()> widths{};
  for (const Row& row : rows)
    for (std::size_t c = 0; c < cells.size(); ++c) widths[c] = std::max(widths[c], (row.*cells[c]).size());
  std::size_t width = 0;
  for (const std::size_t w : widths) width += w + 2;
  const bool narrow = width <= columns;
  std::string out;
  for (const Row& row : rows) {
    // Ids that are too long for one line get a line of their own.
    std::string line = narrow ? fmt::format("  {:<{}}", row.id, widths[0]) : fmt::format("  {}\n      ", row.id);
    line += fmt::format("  {:<{}}  {:>{}}  {:>{}}  {:>{}}  {}", row.label, widths[1], row.step, widths[2], row.update,
                        widths[3], row.range, widths[4], row.total);
    line.resize(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

/// The backend that an id belongs to, and the sources its sensors name, each once.
std::string_view backend_of(const Sensor& s) {
  return std::string_view(s.id).substr(0, s.id.find(':'));
}

std::string heading(std::string_view backend, const Sources& sources) {
  std::vector<std::string_view> names;
  Kind kind = Kind::measured;
  for (const Listed& l : sources.listed) {
    if (backend_of(l.sensor) != backend) continue;
    kind = l.sensor.kind;
    if (std::find(names.begin(), names.end(), l.sensor.source) == names.end()) names.emplace_back(l.sensor.source);
  }
  return wrapped("", fmt::format("{} ({})", fmt::join(names, ", "), name(kind)));
}

std::string in_total(const Listed& l, Footnotes& notes) {
  if (!l.selected) return "no" + notes.mark("not selected");
  if (!is_meter(l.sensor)) return "-";
  return l.sensor.counted ? "yes" : "no" + notes.mark(l.why_not);
}

std::string group_text(std::string_view backend, const Sources& sources, const Periods& periods) {
  std::vector<Row> rows{{"Sensor", "What", "Step", "Update", "Range", "Total"}};
  Footnotes notes;
  for (const Listed& l : sources.listed) {
    const Sensor& s = l.sensor;
    if (backend_of(s) != backend) continue;
    const double range = static_cast<double>(s.wraps_at) * s.scale;
    rows.push_back({s.id, s.label, step(s), update(s, periods), range > 0 ? units::si(range, unit(s.quantity), 3) : "-",
                    in_total(l, notes) + notes.mark(s.note)});
  }
  std::string out = heading(backend, sources) + table(rows);
  for (std::size_t i = 0; i < notes.texts().size(); ++i) out += wrapped(fmt::format("  [{}] ", i + 1), notes.texts()[i]);
  return out;
}

/// What makes up the total, and what of the node has no sensor; empty when nothing counts.
std::string total_text(const Sources& sources) {
  std::vector<std::string> counted;
  std::vector<Domain> measured;
  for (const Listed& l : sources.listed) {
    if (!l.sensor.counted) continue;
    counted.push_back(l.sensor.label + (l.sensor.kind == Kind::estimated ? " (estimated)" : ""));
    if (l.sensor.kind != Kind::estimated) measured.push_back(l.sensor.domain);
  }
  if (counted.empty()) return "";
  std::string out = fmt::format("{}", fmt::join(counted, " + "));
  if (const auto without = without_sensor(measured); !without.empty())
    out += fmt::format("; without a sensor: {}", fmt::join(without, ", "));
  return out;
}

/// null for what is not known.
Json seconds_or_null(std::optional<std::int64_t> ns) {
  return ns && *ns > 0 ? Json(static_cast<double>(*ns) * 1e-9) : Json(nullptr);
}
Json text_or_null(const std::string& s) {
  return s.empty() ? Json(nullptr) : Json(s);
}
Json number_or_null(double value) {
  return value > 0 ? Json(value) : Json(nullptr);
}

Json sensor_json(const Listed& l, const Periods& periods) {
  const Sensor& s = l.sensor;
  return {{"id", s.id},
          {"label", s.label},
          {"source", s.source},
          {"kind", name(s.kind)},
          {"quantity", name(s.quantity)},
          {"behavior", name(s.behavior)},
          {"unit", unit(s.quantity)},
          {"domain", name(s.domain)},
          {"index", s.index},
          {"resolution", static_cast<double>(s.resolution) * s.scale},
          {"wraps_at", number_or_null(static_cast<double>(s.wraps_at) * s.scale)},
          {"update_period_s", seconds_or_null(s.refresh_ns)},
          {"update_period_measured_s", seconds_or_null(measured_ns(s, periods))},
          {"max_power_W", number_or_null(s.max_power_W)},
          {"systematic_percent", number_or_null(s.systematic_percent)},
          {"part_of", text_or_null(s.part_of)},
          {"selected", l.selected},
          {"in_total", s.counted},
          {"why_not", text_or_null(l.why_not)},
          {"note", text_or_null(s.note)}};
}

}  // namespace

Periods measure_periods(const Sources& sources, std::int64_t budget_ns) {
  struct Seen {
    std::int64_t last = missing, first_ns = 0, last_ns = 0, changes = 0;
  };
  constexpr timespec pause{0, 100'000};
  std::vector<std::vector<Reading>> readings;
  std::vector<std::vector<Seen>> seen;
  for (const auto& backend : sources.backends) {
    readings.emplace_back(backend->sensors().size());
    seen.emplace_back(backend->sensors().size());
  }
  for (const std::int64_t end = monotonic_ns() + budget_ns; monotonic_ns() < end; ::nanosleep(&pause, nullptr))
    for (std::size_t b = 0; b < readings.size(); ++b) {
      if (sources.backends[b]->may_wait()) continue;  // one reading may take longer than all there is
      sources.backends[b]->read(readings[b]);
      for (std::size_t i = 0; i < readings[b].size(); ++i) {
        const Reading& r = readings[b][i];
        Seen& s = seen[b][i];
        if (r.raw == missing || r.raw == s.last) continue;
        if (s.last != missing && ++s.changes == 1) s.first_ns = r.t_ns;
        s.last = r.raw;
        s.last_ns = r.t_ns;
      }
    }
  Periods periods;
  for (std::size_t b = 0; b < readings.size(); ++b)
    for (std::size_t i = 0; i < readings[b].size(); ++i) {
      const Sensor& sensor = sources.backends[b]->sensors()[i];
      const Seen& s = seen[b][i];
      // A model's number changes at every look; that says nothing of it.
      if (is_meter(sensor) && sensor.kind == Kind::measured && s.changes >= 3)
        periods[sensor.id] = (s.last_ns - s.first_ns) / (s.changes - 1);
    }
  return periods;
}

std::string list_text(const Sources& sources, const Periods& periods) {
  std::vector<std::string_view> backends;
  for (const Listed& l : sources.listed)
    if (const auto b = backend_of(l.sensor); std::find(backends.begin(), backends.end(), b) == backends.end())
      backends.push_back(b);
  std::string out = backends.empty() ? "No sensor can be read here.\n\n" : "";
  for (const auto backend : backends) out += group_text(backend, sources, periods) + "\n";
  if (const std::string total = total_text(sources); !total.empty()) out += wrapped("Total    ", total);
  if (!periods.empty()) out += "~ seen just now; else as the hardware is specified.\n";
  for (const Choice& c : sources.choices) out += wrapped("Chosen   ", fmt::format("{}: {}", c.backend, c.text));
  for (const BlockedSource& b : sources.blocked) {
    out += wrapped("Blocked  ", fmt::format("{}: {}", b.backend, b.reason));
    if (!b.hint.empty()) out += wrapped("  to fix ", b.hint);
  }
  if (!sources.absent.empty()) out += fmt::format("Not on this machine: {}\n", fmt::join(sources.absent, ", "));
  while (out.ends_with("\n\n")) out.pop_back();
  return out;
}

Json list_json(const Sources& sources, const Periods& periods) {
  Json out = {{"schema", "perun-sensors/1"},
              {"sensors", Json::array()},
              {"choices", Json::array()},
              {"blocked", Json::array()},
              {"absent", sources.absent}};
  for (const Choice& c : sources.choices) out["choices"].push_back({{"backend", c.backend}, {"choice", c.text}});
  for (const Listed& l : sources.listed) out["sensors"].push_back(sensor_json(l, periods));
  for (const BlockedSource& b : sources.blocked)
    out["blocked"].push_back({{"backend", b.backend}, {"reason", b.reason}, {"fix", text_or_null(b.hint)}});
  return out;
}

}  // namespace perun
