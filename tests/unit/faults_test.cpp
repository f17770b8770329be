// SPDX-License-Identifier: BSD-3-Clause
// Fourteen ways in which a source can fail, on three kinds of sources, through the real backends on a fake machine in
// simulated time: whatever happens, the truth lies within the bounds, and what happened is told.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <memory>
#include <tuple>

#include "analysis/summarize.hpp"
#include "backends/backend.hpp"
#include "backends/bracket.hpp"
#include "host/sysfs.hpp"
#include "model/domains.hpp"
#include "support/clock.hpp"
#include "support/faulty_pread.hpp"
#include "support/rig.hpp"
#include "support/tree.hpp"

namespace perun {
namespace {

using test::Answer;
using test::Clock;

constexpr std::int64_t ms = 1'000'000, begin_ns = 100'000 * ms;
constexpr double length_s = 10, from_s = 4, to_s = 6;  ///< the run, and when the fault is there

enum class Fault : unsigned char {
  eio,
  eacces,
  enodata,
  empty,
  garbage,
  zero,
  frozen,
  backward,
  reset,
  spike,
  vanished,
  slow,
  clock_step,
  suspend
};
enum class Source : unsigned char { counter, gauge, estimate };
constexpr std::array fault_names{"eio",      "eacces", "enodata", "empty",    "garbage", "zero",       "frozen",
                                 "backward", "reset",  "spike",   "vanished", "slow",    "clock_step", "suspend"};
constexpr std::array source_names{"counter", "gauge", "estimate"};

/// A power meter as hwmon shows one: a file with microwatts.
class Meter final : public Backend {
 public:
  explicit Meter(const Host& host) : file_(sysfs::open(host.at_sys("power1_average"))), now_ns_(host.now_ns) {
    sensor_ = test::power_gauge();
    sensor_.refresh_ns = 100 * ms;
    sensor_.max_power_W = 500;
  }
  std::span<const Sensor> sensors() const noexcept override { return {&sensor_, 1}; }
  void read(std::span<Reading> out) noexcept override {
    const auto before = now_ns_();
    const auto raw = sysfs::reread(file_);
    out[0] = bracketed(before, now_ns_(), raw);
  }

 private:
  Fd file_;
  Sensor sensor_;
  std::int64_t (*now_ns_)();
};

/// A machine with 100 W and half of its processor time busy, and one source that fails for two seconds.
class Machine {
 public:
  Machine(Source source, Fault fault) : source_(source), fault_(fault) {
    tree_.file("sys/class/powercap/intel-rapl:0/name", "package-0\n")
        .file("sys/class/powercap/intel-rapl:0/max_energy_range_uj", "262143328850\n")
        .file("sys/class/powercap/intel-rapl:0/constraint_0_max_power_uw", "250000000\n")
        .file("sys/class/powercap/intel-rapl:0/energy_uj", "1\n")
        .file("sys/power1_average", "1\n")
        .file("proc/stat", "cpu  1 0 0 1\n")
        .file("proc/cpuinfo", "processor : 0\nphysical id : 0\ncore id : 0\nvendor_id : GenuineIntel\nmodel name : X\n");
    Clock::set(begin_ns);
    host_ = tree_.host();
    host_.now_ns = &Clock::read;
    test::faulty_pread = [this](std::string_view real) { return read(real); };
    backend_ = open();
  }
  ~Machine() { test::faulty_pread = nullptr; }

  Run run() {
    Run run;
    NodeRecord node;
    node.host = "node";
    for (const Sensor& s : backend_->sensors()) node.sensors.push_back(s);
    const auto verdicts = judge_total(node.sensors);
    for (std::size_t k = 0; k < verdicts.size(); ++k) node.sensors[k].counted = verdicts[k].counted;
    node.series.resize(node.sensors.size());
    std::vector<Reading> readings(node.sensors.size());
    const auto wall = [this](std::int64_t t) {
      const bool after = seconds(t) >= from_s;
      return t + (fault_ == Fault::clock_step && after ? -3600'000 * ms
                  : fault_ == Fault::suspend && after  ? 7200'000 * ms
                                                       : 0);
    };
    for (int i = 0; i <= 100; ++i) {
      const std::int64_t at = begin_ns + i * 100 * ms;
      if (Clock::now > at) continue;  // the source before took too long
      Clock::set(at);
      backend_->read(readings);
      for (std::size_t k = 0; k < readings.size(); ++k) node.series[k].push(readings[k]);
    }
    const std::int64_t end = begin_ns + static_cast<std::int64_t>(length_s * 1e9);
    node.clock = {{begin_ns, wall(begin_ns)}, {end, wall(end)}};
    run.begin = node.clock.front();
    run.end = node.clock.back();
    run.outcome.finished = true;
    run.nodes.push_back(std::move(node));
    return run;
  }

  /// What the source would have shown without its fault.
  [[nodiscard]] double truth_J() const {
    if (source_ != Source::estimate) return 100 * length_s;
    return 200 * 0.75 * length_s;  // the model: 0.75 of the TDP at half load
  }

 private:
  static double seconds(std::int64_t t_ns) { return static_cast<double>(t_ns - begin_ns) * 1e-9; }

  std::unique_ptr<Backend> open() {
    if (source_ == Source::gauge) return std::make_unique<Meter>(host_);
    for (const BackendInfo* info : backends())
      if (info->name == (source_ == Source::counter ? "rapl" : "estimate")) {
        auto found = info->probe({.host = host_, .argument = {}, .cpu_tdp_W = 200});
        return std::move(std::get<std::unique_ptr<Backend>>(found));
      }
    return nullptr;
  }

  /// The file's text at a time, without a fault.
  [[nodiscard]] std::string text(double t, double factor = 1, double offset = 0) const {
    if (source_ == Source::counter) return fmt::format("{:.0f}\n", (200e9 + 100e6 * t) * factor + offset);
    if (source_ == Source::gauge) {
      const double ripple = 1e6 * std::sin(37 * t);
      return fmt::format("{:.0f}\n", (100e6 + ripple) * factor);
    }
    const double ticks = (100'000 + 50 * t) * factor + offset;
    return fmt::format("cpu  {:.0f} 0 0 {:.0f} 0 0 0 0 0 0\n", ticks, ticks);
  }

  std::optional<Answer> read(std::string_view real) {
    const bool mine = source_ == Source::estimate ? real.starts_with("cpu") : real == "1\n";
    if (!mine) return std::nullopt;
    const double t = seconds(Clock::now);
    const bool on = t >= from_s - 1e-9 && t < to_s - 1e-9, once = on && t < from_s + 0.05;
    const bool later = t >= from_s - 1e-9;
    switch (fault_) {
      case Fault::eio:
        if (on) return Answer{.error = EIO};
        break;
      case Fault::eacces:
        if (on) return Answer{.error = EACCES};
        break;
      case Fault::enodata:
        if (on) return Answer{.error = ENODATA};
        break;
      case Fault::vanished:
        if (later) return Answer{.error = ENODEV};
        break;
      case Fault::empty:
        if (on) return Answer{};
        break;
      case Fault::garbage:
        if (on) return Answer{.text = "<unknown>\n"};
        break;
      case Fault::zero:
        if (on) return Answer{.text = source_ == Source::estimate ? "cpu  0 0 0 0\n" : "0\n"};
        break;
      case Fault::frozen:
        if (on) return Answer{.text = text(from_s)};
        break;
      case Fault::backward:
        if (on) return Answer{.text = text(source_ == Source::gauge ? -t : 2 * from_s - t, source_ == Source::gauge ? -1 : 1)};
        break;
      case Fault::reset:
        if (later) return Answer{.text = text(t, 1, source_ == Source::counter ? -200.4e9 : -100'200)};
        break;
      case Fault::spike:
        if (once) return Answer{.text = text(t, 10)};
        break;
      case Fault::suspend:  // what was counted is lost while the machine sleeps
        if (later) return Answer{.text = text(t, 1, source_ == Source::counter ? -200.4e9 : 0)};
        break;
      case Fault::slow:
        if (on) Clock::now += 2000 * ms;
        return Answer{.text = text(on ? t + 1 : t)};
      case Fault::clock_step:
        break;
    }
    return Answer{.text = text(t)};
  }

  Source source_;
  Fault fault_;
  test::Tree tree_;
  Host host_;
  std::unique_ptr<Backend> backend_;
};

bool told(const RunSummary& s, std::initializer_list<Caveat> any) {
  for (const Note& n : s.notes)
    for (const Caveat c : any)
      if (n.caveat == c) return true;
  return false;
}

class Faults : public testing::TestWithParam<std::tuple<Source, Fault>> {};

TEST_P(Faults, TheTruthIsWithinTheBoundsAndTheFaultIsTold) {
  const auto [source, fault] = GetParam();
  Machine machine(source, fault);
  const perun::Run run = machine.run();
  const RunSummary s = summarize(run);
  const Amount& e = s.usage.energy;
  const double truth = machine.truth_J();
  std::printf("  %-9s %-10s truth %6.0f J: %7.1f J +- %6.1f J, bounds %7.1f .. %7.1f J, %llu failed, %llu thrown out\n",
              source_names[static_cast<std::size_t>(source)], fault_names[static_cast<std::size_t>(fault)], truth, e.joules(),
              e.uncertainty_J, e.lower_J, e.upper_J, static_cast<unsigned long long>(s.nodes[0].devices[0].read_errors),
              static_cast<unsigned long long>(s.nodes[0].devices[0].invalid));
  ASSERT_EQ(e.kind, source == Source::estimate ? Kind::estimated : Kind::measured);
  // A wrong number would be one outside of what is said of it.
  EXPECT_LE(e.lower_J, truth * (1 + 1e-9));
  EXPECT_GE(e.upper_J, truth * (1 - 1e-9));
  const double systematic = source == Source::estimate ? 0.3 * truth : 0;
  EXPECT_NEAR(e.joules(), truth, e.uncertainty_J + systematic + 0.2);
  EXPECT_GE(e.lower_J, 0);
  EXPECT_LE(e.lower_J, e.joules());
  EXPECT_GE(e.upper_J, e.joules());
  EXPECT_LT(e.uncertainty_J, 2.5 * truth) << "and is still an answer";

  const bool counts = source != Source::gauge;
  const DeviceSummary& d = s.nodes[0].devices[0];
  switch (fault) {
    case Fault::eio:
    case Fault::eacces:
    case Fault::enodata:
    case Fault::empty:
    case Fault::garbage:
      EXPECT_EQ(d.read_errors, 20U);
      EXPECT_TRUE(told(s, {Caveat::read_errors}));
      if (source == Source::counter) {
        EXPECT_NEAR(e.joules(), truth, 0.2) << "a gap of a counter costs nothing";
      }
      if (source == Source::gauge) {
        EXPECT_GT(e.uncertainty_J, 19) << "a tenth of what was bridged";
      }
      break;
    case Fault::vanished:
      EXPECT_TRUE(told(s, {Caveat::lost_readings, Caveat::read_errors}));
      EXPECT_GT(e.uncertainty_J, 100) << "six of ten seconds were not seen";
      break;
    case Fault::zero:
    case Fault::spike:
    case Fault::backward:
      if (source == Source::estimate) break;  // the model keeps the load it knows
      EXPECT_GT(d.invalid + d.read_errors, 0U);
      EXPECT_TRUE(told(s, {Caveat::read_errors, Caveat::invalid_intervals}));
      break;
    case Fault::frozen:
      if (source == Source::counter) {
        EXPECT_NEAR(e.joules(), truth, 0.2) << "it caught up";
      }
      if (source == Source::gauge) {
        EXPECT_TRUE(told(s, {Caveat::stuck}));
      }
      break;
    case Fault::reset:
      if (source == Source::counter) {
        EXPECT_TRUE(told(s, {Caveat::invalid_intervals}));
        EXPECT_EQ(d.invalid, 1U);
      }
      break;
    case Fault::slow:
      EXPECT_GT(s.nodes[0].longest_gap_s, 1.0);
      break;
    case Fault::clock_step:
      EXPECT_TRUE(told(s, {Caveat::clock_jump}));
      if (counts) {
        EXPECT_NEAR(e.joules(), truth, 0.03 * truth);
      }
      break;
    case Fault::suspend:
      EXPECT_TRUE(told(s, {Caveat::clock_jump}));
      break;
  }
}

std::vector<std::tuple<Source, Fault>> matrix() {
  std::vector<std::tuple<Source, Fault>> all;
  for (std::size_t s = 0; s < source_names.size(); ++s)
    for (std::size_t f = 0; f < fault_names.size(); ++f) all.emplace_back(static_cast<Source>(s), static_cast<Fault>(f));
  return all;
}

INSTANTIATE_TEST_SUITE_P(Matrix, Faults, testing::ValuesIn(matrix()), [](const auto& row) {
  return fmt::format("{}_{}", source_names[static_cast<std::size_t>(std::get<0>(row.param))],
                     fault_names[static_cast<std::size_t>(std::get<1>(row.param))]);
});

}  // namespace
}  // namespace perun
