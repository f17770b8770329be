// SPDX-License-Identifier: BSD-3-Clause
// A made-up sensor with a power known in closed form, for trying perun out, for tests and for other people's CI:
//   sim:SHAPE:ARGS[:key=value...]   times count from the probe
//   sim:const:100W          sim:square:20W:200W:1s   low in the first half of each period
//   sim:ramp:0W:100W:10s    sim:sine:20W:200W:1s     begins in the middle, rising
//   sim:trace:FILE          lines "t_s,W": steps, each holds until the next, the last for ever
//   keys: name= domain= refresh= window= wrap= slow= gauge fault=missing|zero|frozen|backward@FROM-TO
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <thread>
#include <utility>
#include <vector>

#include "backends/backend.hpp"
#include "backends/bracket.hpp"
#include "backends/curve.hpp"
#include "base/result.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "host/sysfs.hpp"

namespace perun {
namespace {

constexpr std::string_view usage =
    "sim:const:100W, sim:square:20W:200W:1s, sim:sine:20W:200W:1s, sim:ramp:0W:100W:10s or sim:trace:FILE";

/// A stretch of time in which the sensor misbehaves.
struct Fault {
  enum class Kind : unsigned char { missing, zero, frozen, backward } kind;
  std::int64_t from_ns, to_ns;
};
constexpr std::array<std::string_view, 4> fault_names{"missing", "zero", "frozen", "backward"};

/// All that the user's words say.
struct Plan {
  Curve curve;
  std::string name, shape;
  Domain domain = Domain::package;
  Behavior behavior = Behavior::counter;
  std::int64_t refresh_ns = 1'000'000;
  std::int64_t window_ns = 0;  ///< how long it looks before each refresh; 0: all the time (a gauge: at the moment)
  std::int64_t wraps_at = 0;
  std::int64_t slow_ns = 0;  ///< how long each reading takes
  std::vector<Fault> faults = {};
};

Error wrong(std::string what) {
  return {Errc::invalid, "sim: " + std::move(what), {}};
}

Result<double> watts(std::string_view text) {
  auto value = units::parse_quantity(text, "W");
  if (!value) return wrong(value.error().what);
  if (*value < 0 || *value > 1e6) return wrong(fmt::format("the power '{}' is not within 0 W and 1 MW", text));
  return value;
}

Result<std::int64_t> positive_ns(std::string_view text) {
  auto value = units::parse_duration_ns(text);
  if (!value) return wrong(value.error().what);
  if (*value == 0) return wrong(fmt::format("'{}' is too short", text));
  return value;
}

Result<Curve> read_trace(std::string_view file) {
  const auto all = sysfs::text(std::string(file), 64 << 20);
  if (!all) return wrong(fmt::format("cannot read the trace '{}'", file));
  Curve curve{.shape = Curve::Shape::trace};
  int number = 0;
  for (const auto raw : text::split(*all, '\n')) {
    const auto line = text::trim(raw);
    ++number;
    if (line.empty() || line[0] == '#' || (number == 1 && line == "t_s,W")) continue;
    const auto cells = text::split(line, ',');
    const auto t = text::number(text::trim(cells[0]));
    const auto w = cells.size() == 2 ? text::number(text::trim(cells[1])) : std::nullopt;
    if (!t || !w || *t < 0 || *w < 0 || *w > 1e6)
      return wrong(fmt::format("{}:{}: '{}' is not like 1.5,100 (seconds, watts)", file, number, text::to_utf8(line)));
    if (curve.steps.empty()) {
      curve.steps.push_back({*t, *w, *t * *w});
      continue;
    }
    const Curve::Step& last = curve.steps.back();
    if (*t <= last.t_s) return wrong(fmt::format("{}:{}: the times do not rise", file, number));
    curve.steps.push_back({*t, *w, last.energy_J + last.watts * (*t - last.t_s)});
  }
  if (curve.steps.empty()) return wrong(fmt::format("the trace '{}' holds no line like 1.5,100 (seconds, watts)", file));
  return curve;
}

/// How many words behind the shape belong to it: powers, then one time where it has two powers.
struct ShapeRow {
  std::string_view name;
  Curve::Shape shape;
  std::size_t words;
};
constexpr std::array<ShapeRow, 5> shapes{{{"const", Curve::Shape::constant, 1},
                                          {"square", Curve::Shape::square, 3},
                                          {"sine", Curve::Shape::sine, 3},
                                          {"ramp", Curve::Shape::ramp, 3},
                                          {"trace", Curve::Shape::trace, 1}}};

Result<Curve> parse_curve(const ShapeRow& row, std::span<const std::string_view> words) {
  if (words.size() < row.words)
    return wrong(fmt::format("'{}' has {} of {} values; write {}", row.name, words.size(), row.words, usage));
  if (row.shape == Curve::Shape::trace) return read_trace(words[0]);
  const auto low = watts(words[0]);
  if (!low) return low.error();
  if (row.shape == Curve::Shape::constant) return Curve{.shape = row.shape, .low_W = *low, .high_W = *low};
  const auto high = watts(words[1]);
  if (!high) return high.error();
  const auto period = positive_ns(words[2]);
  if (!period) return period.error();
  return Curve{.shape = row.shape, .low_W = *low, .high_W = *high, .period_s = static_cast<double>(*period) * 1e-9};
}

Status set_name(Plan& plan, std::string_view text) {
  constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
  if (text.empty() || text.size() > 64 || text.find_first_not_of(allowed) != std::string_view::npos)
    return wrong(fmt::format("the name '{}' is not made of 1 to 64 letters, digits, '_', '-' and '.'", text::to_utf8(text)));
  plan.name = text;
  return Ok{};
}

Status set_domain(Plan& plan, std::string_view text) {
  constexpr std::array allowed{Domain::package, Domain::dram, Domain::gpu, Domain::node, Domain::platform};
  std::vector<std::string_view> names;
  for (const Domain d : allowed) {
    if (name(d) == text) return plan.domain = d, Ok{};
    names.push_back(name(d));
  }
  return wrong(
      fmt::format("unknown domain '{}'{} (package, dram, gpu, node, platform)", text, text::did_you_mean(text, names)));
}

Status set_refresh(Plan& plan, std::string_view text) {
  const auto ns = positive_ns(text);
  if (!ns) return ns.error();
  plan.refresh_ns = *ns;
  return Ok{};
}

Status set_window(Plan& plan, std::string_view text) {
  const auto ns = positive_ns(text);
  if (!ns) return ns.error();
  plan.window_ns = *ns;
  return Ok{};
}

Status set_slow(Plan& plan, std::string_view text) {
  const auto ns = positive_ns(text);
  if (!ns) return ns.error();
  plan.slow_ns = *ns;
  return Ok{};
}

Status set_wrap(Plan& plan, std::string_view text) {
  const auto joules = units::parse_quantity(text, "J");
  if (!joules) return wrong(joules.error().what);
  if (*joules < 1e-3 || *joules > 1e12) return wrong(fmt::format("the range '{}' is not within 1 mJ and 1 TJ", text));
  plan.wraps_at = std::llround(*joules * 1e6);
  return Ok{};
}

Status add_fault(Plan& plan, std::string_view text) {
  const auto at = text.find('@');
  const auto dash = text.find('-', at == std::string_view::npos ? 0 : at);
  if (at == std::string_view::npos || dash == std::string_view::npos)
    return wrong(fmt::format("the fault '{}' is not like missing@1s-2s", text));
  const auto kind = text.substr(0, at);
  const auto found = std::find(fault_names.begin(), fault_names.end(), kind);
  if (found == fault_names.end())
    return wrong(
        fmt::format("unknown fault '{}'{} (missing, zero, frozen, backward)", kind, text::did_you_mean(kind, fault_names)));
  const auto from = units::parse_duration_ns(text.substr(at + 1, dash - at - 1));
  const auto to = units::parse_duration_ns(text.substr(dash + 1));
  if (!from || !to || *to <= *from) return wrong(fmt::format("the fault '{}' does not end after its begin", text));
  plan.faults.push_back({static_cast<Fault::Kind>(found - fault_names.begin()), *from, *to});
  return Ok{};
}

struct KeyRow {
  std::string_view key;
  Status (*set)(Plan&, std::string_view);
};
constexpr std::array<KeyRow, 7> keys{{{"name", &set_name},
                                      {"domain", &set_domain},
                                      {"refresh", &set_refresh},
                                      {"window", &set_window},
                                      {"wrap", &set_wrap},
                                      {"slow", &set_slow},
                                      {"fault", &add_fault}}};
constexpr std::array<std::string_view, 8> key_names{
    "name=", "domain=", "refresh=", "window=", "wrap=", "slow=", "fault=", "gauge"};

Status set_key(Plan& plan, std::string_view word) {
  if (word == "gauge") return plan.behavior = Behavior::gauge, Ok{};
  const auto equals = word.find('=');
  const auto key = word.substr(0, equals);
  for (const KeyRow& row : keys)
    if (row.key == key && equals != std::string_view::npos) return row.set(plan, word.substr(equals + 1));
  return wrong(fmt::format("cannot read '{}'{} (keys: name=, domain=, refresh=, window=, wrap=, slow=, fault=, gauge)",
                           text::to_utf8(word), text::did_you_mean(key, key_names)));
}

Result<Plan> parse(std::string_view argument) {
  if (argument.empty()) return wrong(fmt::format("what to simulate? write {}", usage));
  const auto words = text::split(argument, ':');
  std::vector<std::string_view> names;
  const ShapeRow* row = nullptr;
  for (const ShapeRow& shape : shapes) {
    names.push_back(shape.name);
    if (shape.name == words[0]) row = &shape;
  }
  if (row == nullptr)
    return wrong(fmt::format("unknown shape '{}'{} ({})", text::to_utf8(words[0]), text::did_you_mean(words[0], names), usage));
  const auto behind = std::span(words).subspan(1);
  auto curve = parse_curve(*row, behind);
  if (!curve) return curve.error();
  Plan plan{.curve = *std::move(curve), .name = std::string(row->name), .shape = std::string(row->name)};
  for (const auto word : behind.subspan(row->words))
    if (const Status set = set_key(plan, word); !set) return set.error();
  const bool backward =
      std::any_of(plan.faults.begin(), plan.faults.end(), [](const Fault& f) { return f.kind == Fault::Kind::backward; });
  if (plan.behavior == Behavior::gauge && (backward || plan.wraps_at > 0))
    return wrong("a gauge neither wraps nor runs backward");
  if (plan.behavior == Behavior::counter && plan.window_ns > 0 &&
      (plan.window_ns >= plan.refresh_ns || plan.refresh_ns < 1'000'000))
    return wrong("the window of a counter lies within its refresh, which is then at least 1ms");
  return plan;
}

class Sim final : public Backend {
 public:
  Sim(Plan plan, Sensor sensor, std::int64_t (*now_ns)())
      : plan_(std::move(plan)), sensor_(std::move(sensor)), now_ns_(now_ns), begin_ns_(now_ns()) {}

  std::span<const Sensor> sensors() const noexcept override { return {&sensor_, 1}; }

  bool may_wait() const noexcept override { return plan_.slow_ns > 0; }

  void read(std::span<Reading> out) noexcept override {
    const std::int64_t before = now_ns_();
    if (plan_.slow_ns > 0) std::this_thread::sleep_for(std::chrono::nanoseconds(plan_.slow_ns));
    const std::int64_t after = plan_.slow_ns > 0 ? now_ns_() : before;
    out.front() = bracketed(before, after, with_faults(before + (after - before) / 2 - begin_ns_));
  }

 private:
  /// The true number at the last refresh, not yet wrapped.
  [[nodiscard]] std::int64_t truth(std::int64_t t_ns) const noexcept {
    const std::int64_t refreshed_ns = t_ns - t_ns % plan_.refresh_ns;
    const double t_s = static_cast<double>(refreshed_ns) * 1e-9;
    const double value = plan_.window_ns > 0                 ? windowed(refreshed_ns)
                         : plan_.behavior == Behavior::gauge ? plan_.curve.power(t_s)
                                                             : plan_.curve.energy(t_s);
    return static_cast<std::int64_t>(std::min(value * 1e6, 9e18));
  }

  /// Mean power of the window before a refresh.
  [[nodiscard]] double seen_W(std::int64_t refreshed_ns) const noexcept {
    const double to_s = static_cast<double>(refreshed_ns) * 1e-9, length_s = static_cast<double>(plan_.window_ns) * 1e-9;
    const double from_s = std::max(0.0, to_s - length_s);
    return to_s > from_s ? (plan_.curve.energy(to_s) - plan_.curve.energy(from_s)) / (to_s - from_s) : plan_.curve.power(0);
  }

  /// Of a counter: the sum of all windows so far, each taken for the whole time since the one before.
  [[nodiscard]] double windowed(std::int64_t refreshed_ns) const noexcept {
    if (plan_.behavior == Behavior::gauge) return seen_W(refreshed_ns);
    if (refreshed_ns < summed_ns_) summed_ns_ = 0, summed_J_ = 0;
    while (summed_ns_ < refreshed_ns) {
      summed_ns_ += plan_.refresh_ns;
      summed_J_ += seen_W(summed_ns_) * static_cast<double>(plan_.refresh_ns) * 1e-9;
    }
    return summed_J_;
  }

  [[nodiscard]] std::int64_t wrapped(std::int64_t raw) const noexcept {
    return plan_.wraps_at > 0 ? raw % (plan_.wraps_at + 1) : raw;
  }

  [[nodiscard]] std::int64_t with_faults(std::int64_t t_ns) const noexcept {
    for (const Fault& fault : plan_.faults) {
      if (t_ns < fault.from_ns || t_ns >= fault.to_ns) continue;
      switch (fault.kind) {
        case Fault::Kind::missing:
          return missing;
        case Fault::Kind::zero:
          return 0;
        case Fault::Kind::frozen:
          return wrapped(truth(fault.from_ns));
        case Fault::Kind::backward:
          return wrapped(std::max<std::int64_t>(2 * truth(fault.from_ns) - truth(t_ns), 0));
      }
    }
    return wrapped(truth(t_ns));
  }

  Plan plan_;
  Sensor sensor_;
  std::int64_t (*now_ns_)();
  std::int64_t begin_ns_;
  mutable std::int64_t summed_ns_ = 0;  ///< up to here the windows of a counter are summed up
  mutable double summed_J_ = 0;
};

Probe probe(const ProbeContext& context) {
  auto plan = parse(context.argument);
  if (!plan) return Invalid{plan.error().what};
  Sensor s{.id = "sim:" + plan->name, .label = plan->name, .source = "sim " + plan->shape};
  s.quantity = plan->behavior == Behavior::gauge ? Quantity::power : Quantity::energy;
  s.behavior = plan->behavior;
  s.domain = plan->domain;
  s.scale = 1e-6;
  s.wraps_at = plan->wraps_at;
  s.refresh_ns = plan->refresh_ns;
  s.averaging_ns = plan->window_ns;
  s.max_power_W = std::max(2 * plan->curve.highest_W(), 1.0);
  s.note = "simulated, not measured";
  return std::make_unique<Sim>(*std::move(plan), std::move(s), context.host.now_ns);
}

}  // namespace

extern const BackendInfo sim_backend;
const BackendInfo sim_backend{"sim", "a simulated sensor: sim:const:100W, sim:square:20W:200W:1s ...",
                              BackendInfo::Use::on_request, &probe};

}  // namespace perun
