// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "backends/backend.hpp"
#include "backends/curve.hpp"
#include "support/clock.hpp"
#include "support/tree.hpp"

namespace perun {

extern const BackendInfo sim_backend;

namespace {

using test::Clock;

constexpr std::int64_t second = 1'000'000'000, ms = 1'000'000;

Probe probe(const std::string& argument) {
  Host host;
  host.now_ns = &Clock::read;
  return sim_backend.probe({host, argument});
}

/// A simulated sensor whose clock began at 7 s.
class Simulated {
 public:
  explicit Simulated(const std::string& argument) {
    Clock::set(begin);
    Probe found = probe(argument);
    if (const auto* invalid = std::get_if<Invalid>(&found)) ADD_FAILURE() << invalid->reason;
    if (auto* backend = std::get_if<std::unique_ptr<Backend>>(&found)) backend_ = std::move(*backend);
  }
  [[nodiscard]] const Sensor& sensor() const { return backend_->sensors()[0]; }
  /// The raw number `t_ns` after the probe.
  std::int64_t at(std::int64_t t_ns) {
    Clock::set(begin + t_ns);
    Reading r{};
    backend_->read({&r, 1});
    EXPECT_EQ(r.t_ns, begin + t_ns);
    return r.raw;
  }

 private:
  static constexpr std::int64_t begin = 7 * second;
  std::unique_ptr<Backend> backend_;
};

std::string refusal(const std::string& argument) {
  Probe found = probe(argument);
  const auto* invalid = std::get_if<Invalid>(&found);
  return invalid != nullptr ? invalid->reason : "NOT REFUSED";
}

TEST(Curve, EnergyIsTheIntegralOfPower) {
  using Shape = Curve::Shape;
  const Curve curves[] = {{Shape::constant, 100, 100, 1},
                          {Shape::square, 20, 200, 0.7},
                          {Shape::sine, 20, 200, 0.9},
                          {Shape::ramp, 10, 100, 2.5},
                          {Shape::trace, 0, 0, 1, {{0.5, 30, 15}, {1.25, 0, 37.5}, {3, 400, 37.5}}}};
  for (const Curve& curve : curves) {
    double sum = 0;
    const double dt = 1e-5;
    EXPECT_EQ(curve.energy(0), 0);
    for (int i = 0; i < 400'000; ++i) {
      sum += curve.power((i + 0.5) * dt) * dt;
      if (i % 50'000 == 49'999) {
        EXPECT_NEAR(curve.energy((i + 1) * dt), sum, 5e-3) << int(curve.shape) << " at " << (i + 1) * dt;
      }
    }
  }
}

TEST(Curve, ShapesAreAsDocumented) {
  const Curve square{Curve::Shape::square, 20, 200, 1};
  EXPECT_EQ(square.power(0.25), 20);
  EXPECT_EQ(square.power(0.75), 200);
  EXPECT_DOUBLE_EQ(square.energy(1), 110);
  EXPECT_DOUBLE_EQ(square.energy(1000.5), 110'000 + 10);
  const Curve sine{Curve::Shape::sine, 20, 200, 1};
  EXPECT_DOUBLE_EQ(sine.power(0), 110);
  EXPECT_DOUBLE_EQ(sine.power(0.25), 200);
  EXPECT_DOUBLE_EQ(sine.energy(3), 330);
  const Curve ramp{Curve::Shape::ramp, 0, 100, 10};
  EXPECT_DOUBLE_EQ(ramp.power(5), 50);
  EXPECT_DOUBLE_EQ(ramp.power(50), 100);
  EXPECT_DOUBLE_EQ(ramp.energy(20), 500 + 1000);
  EXPECT_DOUBLE_EQ(ramp.highest_W(), 100);
}

TEST(Sim, ConstantPowerCountsItsEnergy) {
  Simulated sim("const:100W");
  EXPECT_EQ(sim.at(0), 0);
  EXPECT_EQ(sim.at(second), 100'000'000);
  EXPECT_EQ(sim.at(2 * second), 200'000'000);
  EXPECT_EQ(sim.at(7 * 86'400 * second), 60'480'000'000'000) << "a week";
}

TEST(Sim, DescribesItself) {
  Simulated plain("const:100W");
  const Sensor& s = plain.sensor();
  EXPECT_EQ(s.id, "sim:const");
  EXPECT_EQ(s.label, "const");
  EXPECT_EQ(s.source, "sim const");
  EXPECT_EQ(s.quantity, Quantity::energy);
  EXPECT_EQ(s.behavior, Behavior::counter);
  EXPECT_EQ(s.domain, Domain::package);
  EXPECT_DOUBLE_EQ(s.scale, 1e-6);
  EXPECT_EQ(s.wraps_at, 0);
  EXPECT_EQ(s.refresh_ns, ms);
  EXPECT_EQ(s.max_power_W, 200);
  EXPECT_EQ(s.note, "simulated, not measured");
  Simulated all("square:20W:0.2kW:1s:name=gpu0:domain=gpu:refresh=20ms:wrap=200J");
  EXPECT_EQ(all.sensor().id, "sim:gpu0");
  EXPECT_EQ(all.sensor().label, "gpu0");
  EXPECT_EQ(all.sensor().source, "sim square");
  EXPECT_EQ(all.sensor().domain, Domain::gpu);
  EXPECT_EQ(all.sensor().refresh_ns, 20 * ms);
  EXPECT_EQ(all.sensor().wraps_at, 200'000'000);
  EXPECT_EQ(all.sensor().max_power_W, 400);
}

TEST(Sim, AWindowIsAllThatItSees) {
  // 20 W for the first half of each 100 ms, 200 W for the second: 25 ms before each refresh it was 200 W.
  Simulated counter("square:20W:200W:100ms:refresh=100ms:window=25ms");
  EXPECT_EQ(counter.sensor().averaging_ns, 25 * ms);
  EXPECT_EQ(counter.at(99 * ms), 0);
  EXPECT_LE(std::abs(counter.at(100 * ms) - 20'000'000), 1) << "200 W, for 100 ms";
  EXPECT_LE(std::abs(counter.at(1000 * ms) - 200'000'000), 1) << "and not 110 J, the truth";
  EXPECT_LE(std::abs(counter.at(500 * ms) - 100'000'000), 1) << "asked for an earlier time";
  Simulated gauge("square:20W:200W:100ms:gauge:refresh=50ms:window=10ms");
  EXPECT_LE(std::abs(gauge.at(50 * ms) - 20'000'000), 1);
  EXPECT_LE(std::abs(gauge.at(100 * ms) - 200'000'000), 1);
  EXPECT_EQ(refusal("const:5W:refresh=10ms:window=10ms"),
            "sim: the window of a counter lies within its refresh, which is then at least 1ms");
}

TEST(Sim, ShowsTheValueOfTheLastRefresh) {
  Simulated sim("const:100W:refresh=10ms");
  EXPECT_EQ(sim.at(9 * ms), 0);
  EXPECT_EQ(sim.at(10 * ms), 1'000'000);
  EXPECT_EQ(sim.at(19 * ms + 999'999), 1'000'000);
  EXPECT_EQ(sim.at(20 * ms), 2'000'000);
}

TEST(Sim, SquareSineAndRampFollowTheirCurves) {
  Simulated square("square:20W:200W:1s");
  EXPECT_EQ(square.at(second / 2), 10'000'000);
  EXPECT_EQ(square.at(second), 110'000'000);
  Simulated sine("sine:20W:200W:1s");
  EXPECT_NEAR(static_cast<double>(sine.at(2 * second)), 220'000'000, 2);
  Simulated ramp("ramp:0W:100W:10s");
  EXPECT_EQ(ramp.at(20 * second), 1'500'000'000);
}

TEST(Sim, WrapsBehindItsRange) {
  Simulated sim("const:100W:wrap=200J");
  EXPECT_EQ(sim.at(1999 * ms), 199'900'000);
  EXPECT_EQ(sim.at(2000 * ms), 200'000'000) << "the range itself is still shown";
  EXPECT_EQ(sim.at(2001 * ms), 99'999) << "200,100,000 less 200,000,001";
  EXPECT_EQ(sim.at(5000 * ms), 500'000'000 - 2 * 200'000'001LL);
}

TEST(Sim, AGaugeShowsPower) {
  Simulated sim("ramp:0W:100W:10s:gauge:refresh=1s");
  EXPECT_EQ(sim.sensor().quantity, Quantity::power);
  EXPECT_EQ(sim.sensor().behavior, Behavior::gauge);
  EXPECT_EQ(sim.at(0), 0);
  EXPECT_EQ(sim.at(5'999 * ms), 50'000'000);
  EXPECT_EQ(sim.at(60 * second), 100'000'000);
}

TEST(Sim, FaultsHappenWhenAskedFor) {
  Simulated gap("const:100W:fault=missing@1s-2s");
  EXPECT_EQ(gap.at(999 * ms), 99'900'000);
  EXPECT_EQ(gap.at(1000 * ms), missing);
  EXPECT_EQ(gap.at(1999 * ms), missing);
  EXPECT_EQ(gap.at(2000 * ms), 200'000'000);
  Simulated zero("const:100W:fault=zero@1s-2s");
  EXPECT_EQ(zero.at(1500 * ms), 0);
  Simulated frozen("const:100W:fault=frozen@1s-2s");
  EXPECT_EQ(frozen.at(1999 * ms), 100'000'000);
  Simulated backward("const:100W:fault=backward@1s-3s");
  EXPECT_EQ(backward.at(1500 * ms), 50'000'000);
  EXPECT_EQ(backward.at(2500 * ms), 0) << "not below zero";
  EXPECT_EQ(backward.at(3000 * ms), 300'000'000);
  Simulated two("const:100W:fault=missing@1s-2s:fault=zero@3s-4s");
  EXPECT_EQ(two.at(1500 * ms), missing);
  EXPECT_EQ(two.at(2500 * ms), 250'000'000);
  EXPECT_EQ(two.at(3500 * ms), 0);
}

TEST(Sim, ReplaysATrace) {
  test::Tree tree;
  tree.file("t.csv", "t_s,W\n# a comment\n0.5, 30\r\n\n1.5,0\n3,400");
  Simulated sim("trace:" + tree.at("t.csv").string());
  EXPECT_EQ(sim.at(250 * ms), 7'500'000) << "the first power holds before it";
  EXPECT_EQ(sim.at(1500 * ms), 45'000'000);
  EXPECT_EQ(sim.at(3000 * ms), 45'000'000);
  EXPECT_EQ(sim.at(13'000 * ms), 4'045'000'000);
  EXPECT_EQ(sim.sensor().max_power_W, 800);
}

TEST(Sim, BadTracesAreToldWithTheirLine) {
  test::Tree tree;
  const std::string path = tree.at("t.csv").string();
  const auto reason = [&](const char* text) {
    tree.file("t.csv", text);
    return refusal("trace:" + path);
  };
  EXPECT_EQ(refusal("trace:/nowhere/x.csv"), "sim: cannot read the trace '/nowhere/x.csv'");
  EXPECT_EQ(reason(""), "sim: the trace '" + path + "' holds no line like 1.5,100 (seconds, watts)");
  EXPECT_EQ(reason("0,1\n1\n"), "sim: " + path + ":2: '1' is not like 1.5,100 (seconds, watts)");
  EXPECT_EQ(reason("0,1\n1,-5\n"), "sim: " + path + ":2: '1,-5' is not like 1.5,100 (seconds, watts)");
  EXPECT_EQ(reason("0,1\n0,2\n"), "sim: " + path + ":2: the times do not rise");
}

TEST(Sim, MistakesAreToldBeforeAnythingStarts) {
  const std::string usage =
      "sim:const:100W, sim:square:20W:200W:1s, sim:sine:20W:200W:1s, sim:ramp:0W:100W:10s or sim:trace:FILE";
  EXPECT_EQ(refusal(""), "sim: what to simulate? write " + usage);
  EXPECT_EQ(refusal("sqare:1:2:3"), "sim: unknown shape 'sqare'; did you mean 'square'? (" + usage + ")");
  EXPECT_EQ(refusal("const"), "sim: 'const' has 0 of 1 values; write " + usage);
  EXPECT_EQ(refusal("square:1W"), "sim: 'square' has 1 of 3 values; write " + usage);
  EXPECT_EQ(refusal("const:many"), "sim: 'many' is not a quantity like 100W or 1.5kW");
  EXPECT_EQ(refusal("const:-5W"), "sim: the power '-5W' is not within 0 W and 1 MW");
  EXPECT_EQ(refusal("const:2MW"), "sim: the power '2MW' is not within 0 W and 1 MW");
  EXPECT_EQ(refusal("sine:1W:2W:0s"), "sim: '0s' is too short");
  EXPECT_EQ(refusal("sine:1W:2W:x"), "sim: 'x' is not a duration like 10ms, 2.5s, 3m or 1h");
  EXPECT_EQ(
      refusal("const:1W:nam=x"),
      "sim: cannot read 'nam=x'; did you mean 'name='? (keys: name=, domain=, refresh=, window=, wrap=, slow=, fault=, gauge)");
  EXPECT_EQ(
      refusal("const:1W:name"),
      "sim: cannot read 'name'; did you mean 'name='? (keys: name=, domain=, refresh=, window=, wrap=, slow=, fault=, gauge)");
  EXPECT_EQ(refusal("const:1W:name=a b"), "sim: the name 'a b' is not made of 1 to 64 letters, digits, '_', '-' and '.'");
  EXPECT_EQ(refusal("const:1W:domain=cpu"),
            "sim: unknown domain 'cpu'; did you mean 'gpu'? (package, dram, gpu, node, platform)");
  EXPECT_EQ(refusal("const:1W:refresh=0"), "sim: '0' is too short");
  EXPECT_EQ(refusal("const:1W:wrap=0J"), "sim: the range '0J' is not within 1 mJ and 1 TJ");
  EXPECT_EQ(refusal("const:1W:fault=missing"), "sim: the fault 'missing' is not like missing@1s-2s");
  EXPECT_EQ(refusal("const:1W:fault=mising@1s-2s"),
            "sim: unknown fault 'mising'; did you mean 'missing'? (missing, zero, frozen, backward)");
  EXPECT_EQ(refusal("const:1W:fault=zero@2s-1s"), "sim: the fault 'zero@2s-1s' does not end after its begin");
  EXPECT_EQ(refusal("const:1W:gauge:wrap=1J"), "sim: a gauge neither wraps nor runs backward");
  EXPECT_EQ(refusal("const:1W:gauge:fault=backward@1s-2s"), "sim: a gauge neither wraps nor runs backward");
}

}  // namespace
}  // namespace perun
