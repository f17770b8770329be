// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/qualify.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "base/missing.hpp"
#include "base/units.hpp"
#include "model/domains.hpp"
#include "model/readings.hpp"

namespace perun {

namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::size_t enough = 20;  ///< changes, before anything is said of their rhythm

std::string time_text(std::int64_t ns) {
  return units::si(static_cast<double>(ns) * 1e-9, "s", 3);
}

std::int64_t quantile(std::vector<std::int64_t> values, double q) {
  if (values.empty()) return 0;
  const auto at = values.begin() + std::lround(q * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

double greatest_W(const Sensor& s) {
  if (s.max_power_W > 0) return s.max_power_W;
  return s.domain == Domain::node || s.domain == Domain::supply ? 10'000 : s.domain == Domain::gpu ? 2000 : 1500;
}

/// Good readings with the wraps taken out, and what was wrong on the way.
class Look {
 public:
  Look(const Trial& trial, Qualified& out) : s_(*trial.sensor), out_(out) {
    std::vector<std::int64_t> reads;
    std::size_t failed = 0;
    for (const Reading& r : trial.readings) {
      reads.push_back(2 * std::int64_t{r.halfwidth_ns});
      failed += r.raw == missing ? 1 : 0;
      if (r.raw != missing && (good_.empty() || r.t_ns > good_.back().t_ns)) good_.push_back(r);
    }
    out.read_ns = quantile(reads, 0.5);
    if (out.read_ns > 50'000'000) say(Defect::slow_read, "a reading takes " + time_text(out.read_ns));
    if (failed > 1 && failed * 100 > trial.readings.size())
      say(Defect::failing, fmt::format("{} of {} readings failed", failed, trial.readings.size()));
    s_.behavior == Behavior::counter ? follow_counter() : follow_gauge();
    rhythm();
  }

  /// What was left of the readings: times, and a number that only means itself (gauge) or rises (counter).
  [[nodiscard]] const std::vector<Reading>& clean() const noexcept { return clean_; }

 private:
  void say(Defect d, std::string text) {
    const bool told = std::any_of(out_.faults.begin(), out_.faults.end(), [&](const Fault& f) { return f.defect == d; });
    if (!told) out_.faults.push_back({d, std::move(text)});
  }

  [[nodiscard]] double allowed(std::int64_t dt_ns) const {
    const double refresh_s = static_cast<double>(std::max<std::int64_t>(s_.refresh_ns, 1'000'000)) * 1e-9;
    return greatest_W(s_) * (static_cast<double>(dt_ns) * 1e-9 + 2 * refresh_s) + static_cast<double>(s_.resolution) * s_.scale;
  }

  /// Whether the counter is back above `raw` within the next readings: then it was those that were wrong.
  [[nodiscard]] bool comes_back(std::size_t i, std::int64_t raw) const {
    for (std::size_t k = i; k < std::min(i + 4, good_.size()); ++k)
      if (good_[k].raw >= raw &&
          static_cast<double>(good_[k].raw - raw) * s_.scale <= allowed(good_[k].t_ns - good_[i].t_ns) * 2)
        return true;
    return false;
  }

  void follow_counter() {
    std::int64_t turned = 0, changed_ns = good_.empty() ? 0 : good_.front().t_ns;
    for (std::size_t i = 0; i < good_.size(); ++i) {
      Reading r = good_[i];
      if (!clean_.empty()) {
        const Reading& before = clean_.back();
        std::int64_t d = r.raw + turned - before.raw;
        const std::int64_t dt = r.t_ns - changed_ns;  // what was not shown in time may come at once
        if (d < 0 && s_.wraps_at > 0 && static_cast<double>(d + s_.wraps_at) * s_.scale <= allowed(dt)) {
          turned += s_.wraps_at + 1;
          d += s_.wraps_at + 1;
        }
        if (d < 0) {
          const bool back = comes_back(i + 1, before.raw - turned);
          if (back && r.raw == 0) say(Defect::zeros, "it reads 0 in between");
          if (!back && -d * 2 > before.raw - turned)
            say(Defect::reset, "the counter began anew");
          else if (r.raw != 0 || !back)
            say(Defect::backward,
                fmt::format("it fell by {}", units::si(-static_cast<double>(d) * s_.scale, unit(s_.quantity), 3)));
          if (back) continue;
          turned += -d;
        } else if (static_cast<double>(d) * s_.scale > allowed(dt)) {
          say(Defect::spike, fmt::format("it rose by {} in {}",
                                         units::si(static_cast<double>(d) * s_.scale, unit(s_.quantity), 3), time_text(dt)));
          if (i + 1 < good_.size() && good_[i + 1].raw < r.raw) continue;
          turned -= d;
        }
        r.raw += turned;
        if (r.raw != before.raw) changed_ns = r.t_ns;
      }
      clean_.push_back(r);
    }
  }

  void follow_gauge() {
    std::vector<std::int64_t> values;
    for (const Reading& r : good_) values.push_back(r.raw);
    const std::int64_t middle = quantile(values, 0.5);
    for (const Reading& r : good_) {
      const double value = static_cast<double>(r.raw) * s_.scale;
      if (r.raw < 0) {
        say(Defect::backward, "it reads below 0");
      } else if (is_meter(s_) && r.raw == 0 && middle > 0 && s_.domain != Domain::cores && s_.domain != Domain::uncore) {
        say(Defect::zeros, "it reads 0 in between");
      } else if (is_meter(s_) && value > greatest_W(s_)) {
        say(Defect::spike, fmt::format("it reads {}", units::si(value, "W", 3)));
      } else {
        clean_.push_back(r);
      }
    }
  }

  void rhythm() {
    std::vector<std::int64_t> between, apart;
    std::set<std::int64_t> steps;
    std::int64_t last_change = 0, longest = 0, divisor = 0;
    std::size_t same = 0;
    for (std::size_t i = 1; i < clean_.size(); ++i) {
      const std::int64_t d = std::abs(clean_[i].raw - clean_[i - 1].raw), t = clean_[i].t_ns;
      apart.push_back(t - clean_[i - 1].t_ns);
      same += d == 0 ? 1 : 0;
      if (d == 0) continue;
      if (last_change != 0) between.push_back(t - last_change);
      last_change = t;
      divisor = std::gcd(divisor, d);
      steps.insert(d);
    }
    if (clean_.size() < 2) return;
    out_.repeated = static_cast<double>(same) / static_cast<double>(clean_.size() - 1);
    out_.step = divisor;
    if (between.size() >= 3) {
      out_.update_ns = quantile(between, 0.5);
      out_.jitter_ns = (quantile(between, 0.9) - quantile(between, 0.1)) / 2;
    }
    const std::int64_t looks = quantile(apart, 0.95), all = clean_.back().t_ns - clean_.front().t_ns;
    for (const std::int64_t b : between) longest = std::max(longest, b);
    longest = std::max(longest, clean_.back().t_ns - (last_change == 0 ? clean_.front().t_ns : last_change));
    standing_still(between, longest, looks, all);
    if (between.size() < enough) return;
    if (s_.refresh_ns > 0 && out_.update_ns > 2 * s_.refresh_ns + 2 * looks)
      say(Defect::slow_update,
          fmt::format("it is renewed every {}, not every {}", time_text(out_.update_ns), time_text(s_.refresh_ns)));
    if (quantile(between, 0.95) > 3 * out_.update_ns + 3 * looks)
      say(Defect::irregular, fmt::format("one in twenty updates takes more than {}, half of them less than {}",
                                         time_text(quantile(between, 0.95)), time_text(out_.update_ns)));
    coarse(divisor, steps.size(), all);
  }

  void standing_still(const std::vector<std::int64_t>& between, std::int64_t longest, std::int64_t looks, std::int64_t all) {
    // Some meters of little resolution rest; a counter of something that is on does not.
    const bool counter = s_.behavior == Behavior::counter && s_.quantity == Quantity::energy;
    const std::int64_t refresh = std::max<std::int64_t>(s_.refresh_ns, 1'000'000);
    if (between.empty() && counter && all > 20 * refresh && all > second)
      say(Defect::stuck, fmt::format("it stood still for {}", time_text(all)));
    else if (between.size() >= enough && longest > 20 * out_.update_ns + 20 * looks && longest > second / 2)
      say(Defect::stuck, fmt::format("it stood still for {}", time_text(longest)));
  }

  void coarse(std::int64_t divisor, std::size_t different, std::int64_t all) {
    if (different < 3 || divisor < 10 * std::max<std::int64_t>(s_.resolution, 1)) return;
    if (s_.behavior == Behavior::counter) {
      // The energy of one refresh is a step of constant power, and none of the counter.
      const double per_refresh = static_cast<double>(clean_.back().raw - clean_.front().raw) / static_cast<double>(all) *
                                 static_cast<double>(std::max<std::int64_t>(s_.refresh_ns, 1));
      if (std::abs(static_cast<double>(divisor) - per_refresh) < 0.1 * per_refresh) return;
    }
    say(Defect::coarse,
        fmt::format("its step is {}, not {}", units::si(static_cast<double>(divisor) * s_.scale, unit(s_.quantity), 3),
                    units::si(static_cast<double>(s_.resolution) * s_.scale, unit(s_.quantity), 3)));
  }

  const Sensor& s_;
  Qualified& out_;
  std::vector<Reading> good_, clean_;
};

/// Power at each reading, of a counter over the time since the one before, in s since the first.
struct Point {
  double t_s, watts;
};
std::vector<Point> powers(const Sensor& s, const std::vector<Reading>& readings, std::int64_t from_ns) {
  std::vector<Point> out;
  const std::int64_t least_ns = std::max<std::int64_t>(2 * s.refresh_ns, 5'000'000);
  std::size_t before = 0;
  for (std::size_t i = 0; i < readings.size(); ++i) {
    const double t_s = static_cast<double>(readings[i].t_ns - from_ns) * 1e-9;
    if (s.behavior == Behavior::gauge) {
      out.push_back({t_s, static_cast<double>(readings[i].raw) * s.scale});
    } else if (readings[i].t_ns - readings[before].t_ns >= least_ns) {
      const double dt_s = static_cast<double>(readings[i].t_ns - readings[before].t_ns) * 1e-9;
      out.push_back({t_s - dt_s / 2, static_cast<double>(readings[i].raw - readings[before].raw) * s.scale / dt_s});
      before = i;
    }
  }
  return out;
}

/// When a step of load shows: half of it, and from a tenth to nine tenths. Only of a step that is no noise.
void respond(const Sensor& s, const std::vector<Reading>& readings, std::int64_t step_ns, Qualified& out) {
  if (!is_meter(s)) return;
  const auto points = powers(s, readings, step_ns);
  double low = 0, high = 0;
  int below = 0, above = 0;
  const double end_s = points.empty() ? 0 : points.back().t_s;
  for (const Point& p : points) {
    if (p.t_s < 0) low += p.watts, ++below;
    if (p.t_s > end_s * 0.6) high += p.watts, ++above;
  }
  if (below < 5 || above < 5 || end_s < 1) return;
  low /= below;
  high /= above;
  if (high < 1.2 * low || high - low < 0.5) return;
  const auto crossed = [&](double part) -> std::optional<double> {
    for (const Point& p : points)
      if (p.t_s >= 0 && p.watts >= low + part * (high - low)) return p.t_s;
    return std::nullopt;
  };
  out.lag_s = crossed(0.5);
  if (const auto tenth = crossed(0.1), nine = crossed(0.9); tenth && nine) out.window_s = *nine - *tenth;
}

/// Whether a sensor's joules are in those of `whole`: it says so, or the whole is a machine or a board and it a counter in it.
bool inside(const Sensor& s, const Sensor& whole) {
  if (!s.part_of.empty()) return s.part_of == whole.id;
  const bool machine = whole.domain == Domain::node || whole.domain == Domain::platform;
  return machine && s.behavior == Behavior::counter &&
         (s.domain == Domain::package || s.domain == Domain::dram || (s.domain == Domain::gpu && whole.domain == Domain::node));
}

double joules(const Trial& t, Window window) {
  Series series;
  for (const Reading& r : t.readings) series.push(r);
  const Energy e = energy_between(*t.sensor, SeriesCursor(series), window);
  return e.available ? e.joules : 0;
}

}  // namespace

char Qualified::grade() const noexcept {
  char worst = 'A';
  for (const Fault& f : faults) {
    const bool timing = f.defect == Defect::slow_update || f.defect == Defect::irregular || f.defect == Defect::coarse ||
                        f.defect == Defect::slow_read;
    const bool values = f.defect == Defect::spike || f.defect == Defect::zeros || f.defect == Defect::failing ||
                        f.defect == Defect::backward || f.defect == Defect::reset;
    worst = std::max(worst, timing ? 'B' : values ? 'C' : 'D');
  }
  return worst;
}

Qualified qualify(const Trial& trial, std::optional<std::int64_t> step_ns) {
  Qualified out;
  out.id = trial.sensor->id;
  const Look look(trial, out);
  if (step_ns) respond(*trial.sensor, look.clean(), *step_ns, out);
  return out;
}

void cross_check(std::span<const Trial> trials, std::span<Qualified> out) {
  std::int64_t from = INT64_MIN, to = INT64_MAX;
  for (const Trial& t : trials) {
    if (!is_meter(*t.sensor) || t.readings.empty()) continue;
    from = std::max(from, t.readings.front().t_ns);
    to = std::min(to, t.readings.back().t_ns);
  }
  if (from >= to) return;
  std::vector<double> energy;
  for (const Trial& t : trials) energy.push_back(is_meter(*t.sensor) ? joules(t, {from, to}) : 0);
  for (std::size_t whole = 0; whole < trials.size(); ++whole) {
    const Sensor& w = *trials[whole].sensor;
    double parts = 0;
    for (std::size_t i = 0; i < trials.size(); ++i) {
      const Sensor& s = *trials[i].sensor;
      if (i == whole || !inside(s, w) || energy[i] <= 0 || energy[whole] <= 0) continue;
      if (s.domain != w.domain) {
        parts += energy[i];
      } else if (s.behavior != w.behavior && std::abs(energy[i] - energy[whole]) > 0.2 * std::max(energy[i], energy[whole])) {
        out[whole].faults.push_back({Defect::mismatch, fmt::format("{} here, {} by {}", units::si(energy[whole], "J", 3),
                                                                   units::si(energy[i], "J", 3), s.id)});
      }
    }
    if (parts > 1.1 * energy[whole])
      out[whole].faults.push_back(
          {Defect::exceeds_whole,
           fmt::format("{}, but its parts are {} together", units::si(energy[whole], "J", 3), units::si(parts, "J", 3))});
  }
}

}  // namespace perun
