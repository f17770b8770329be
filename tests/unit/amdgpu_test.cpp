// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "backends/backend.hpp"
#include "backends/gpu_metrics.hpp"
#include "support/amd.hpp"
#include "support/hwmon.hpp"
#include "support/nvidia.hpp"

namespace perun {

extern const BackendInfo amdgpu_backend;

namespace {

using namespace test;  // NOLINT: the fixtures

std::unique_ptr<Backend> open(const Host& host) {
  Probe found = amdgpu_backend.probe({host, ""});
  auto* backend = std::get_if<std::unique_ptr<Backend>>(&found);
  return backend == nullptr ? nullptr : std::move(*backend);
}

std::vector<std::string> meters(const Backend& backend) {
  std::vector<std::string> out;
  for (const Sensor& s : backend.sensors())
    if (s.quantity == Quantity::energy || s.quantity == Quantity::power)
      out.push_back(s.id + " '" + s.label + "' " + s.source + ", " + std::string(name(s.domain)) +
                    (s.part_of.empty() ? "" : " in " + s.part_of));
  return out;
}

std::vector<std::int64_t> read(Backend& backend) {
  std::vector<Reading> readings(backend.sensors().size());
  backend.read(readings);
  std::vector<std::int64_t> raw;
  for (const Reading& r : readings) raw.push_back(r.raw);
  return raw;
}

using Words = std::vector<std::string>;

/// A machine whose files change at each look at the clock.
class Moving {
 public:
  explicit Moving(std::function<void(Tree&, double)> move) : move_(std::move(move)) { current_ = this; }
  ~Moving() { current_ = nullptr; }
  Moving(const Moving&) = delete;
  Moving& operator=(const Moving&) = delete;

  [[nodiscard]] Host host() {
    move_(tree, 0);
    begin_ns_ = monotonic_ns();
    Host h = tree.host();
    h.now_ns = [] {
      const std::int64_t now = monotonic_ns();
      current_->move_(current_->tree, static_cast<double>(now - current_->begin_ns_) * 1e-9);
      return now;
    };
    return h;
  }

  Tree tree;

 private:
  std::function<void(Tree&, double)> move_;
  std::int64_t begin_ns_ = 0;
  static inline Moving* current_ = nullptr;
};

std::uint64_t steps(double joules) {
  return static_cast<std::uint64_t>(joules * 0x1p16);
}

TEST(GpuMetrics, EveryRevisionHasItsPlaces) {
  struct Case {
    unsigned char format, content;
    std::size_t power, bytes;
    std::uint64_t unit_mW;
    std::size_t energy, energy_bytes, clock;
  };
  for (const Case& c : std::vector<Case>{{1, 0, 34, 2, 1000, 36, 4, 8},
                                         {1, 1, 22, 2, 1000, 24, 8, 32},
                                         {1, 2, 22, 2, 1000, 24, 8, 32},
                                         {1, 3, 22, 2, 1000, 24, 8, 32},
                                         {1, 4, 10, 2, 1000, 24, 8, 32},
                                         {1, 5, 10, 2, 1000, 88, 8, 96},
                                         {1, 6, 10, 2, 1000, 16, 8, 24},
                                         {1, 7, 10, 2, 1000, 24, 8, 32},
                                         {1, 8, 10, 2, 1000, 24, 8, 32},
                                         {2, 0, 44, 2, 1000, 0, 0, 8},
                                         {2, 1, 40, 2, 1000, 0, 0, 32},
                                         {2, 2, 40, 2, 1000, 0, 0, 32},
                                         {2, 3, 40, 2, 1000, 0, 0, 32},
                                         {2, 4, 40, 2, 1, 0, 0, 32},
                                         {3, 0, 112, 4, 1, 0, 0, 104}}) {
    std::vector<Place> places{{c.power, static_cast<int>(c.bytes), 217}, {c.clock, 8, 5'000'000'000}};
    if (c.energy_bytes > 0) places.push_back({c.energy, static_cast<int>(c.energy_bytes), 655'360});
    const std::string table = gpu_metrics(c.format, c.content, places);
    const auto m = parse_gpu_metrics({reinterpret_cast<const unsigned char*>(table.data()), table.size()});
    const std::string which = std::to_string(c.format) + "." + std::to_string(c.content);
    EXPECT_TRUE(m.known) << which;
    EXPECT_EQ(m.power_mW, static_cast<std::int64_t>(217 * c.unit_mW)) << which;
    EXPECT_EQ(m.boottime_ns, 5'000'000'000) << which;
    EXPECT_EQ(m.energy, c.energy_bytes > 0 ? 655'360 : missing) << which;
    EXPECT_EQ(m.apu, c.format > 1) << which;
  }
}

TEST(GpuMetrics, WhatIsNotUnderstoodIsMissing) {
  const auto parse = [](const std::string& t) {
    return parse_gpu_metrics({reinterpret_cast<const unsigned char*>(t.data()), t.size()});
  };
  EXPECT_FALSE(parse("").known);
  EXPECT_FALSE(parse("abc").known);
  EXPECT_FALSE(parse(gpu_metrics(1, 9, {})).known) << "a list of attributes, without places";
  EXPECT_FALSE(parse(gpu_metrics(4, 0, {})).known);
  EXPECT_FALSE(parse(gpu_metrics(1, 3, {}).substr(0, 100)).known) << "cut off";
  const auto empty = parse(gpu_metrics(1, 3, {}));
  EXPECT_TRUE(empty.known);
  EXPECT_EQ(empty.energy, missing) << "all bits set";
  EXPECT_EQ(empty.power_mW, missing);
  EXPECT_EQ(parse(gpu_metrics(1, 3, {}, 30)).energy, missing) << "too short for it";
}

TEST(Amdgpu, TheCounterOfTheTableCountsInItsTrueUnit) {
  Moving machine([](Tree& tree, double s) {
    tree.file(amd_file(0, "gpu_metrics"), gpu_metrics(1, 4, {{10, 2, 300}, {24, 8, steps(1000 + 300 * s)}}));
  });
  const Host host = machine.host();
  amd_card(machine.tree, 0, "0000:c1:00.0").file(amd_file(0, "unique_id"), "0123456789abcdef\n");
  const auto amd = open(host);
  ASSERT_TRUE(amd);
  const std::string card = "amdgpu:0123456789abcdef";
  EXPECT_EQ(meters(*amd), (Words{card + ":energy 'gpu:0' amdgpu gpu_metrics, gpu",
                                 card + ":power 'gpu:0 power' amdgpu gpu_metrics, gpu in " + card + ":energy"}));
  std::vector<Reading> first(amd->sensors().size()), last(first);
  amd->read(first);
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  amd->read(last);
  const double joules = static_cast<double>(last[0].raw - first[0].raw) * amd->sensors()[0].scale;
  EXPECT_NEAR(joules, 300 * static_cast<double>(last[0].t_ns - first[0].t_ns) * 1e-9, 3) << "2^-16 J, not 15.3 uJ";
  EXPECT_DOUBLE_EQ(amd->sensors()[0].scale, 0x1p-16);
  EXPECT_EQ(read(*amd)[1], 300'000);
}

TEST(Amdgpu, ACounterThatCannotBeBelievedDoesNotCount) {
  struct Case {
    const char* why;
    double (*joules)(double);
  };
  for (const Case& c : std::vector<Case>{{"stood still", [](double) { return 1000.0; }},
                                         {"went backward", [](double s) { return 5000 - 300 * s; }},
                                         {"does not fit the power", [](double s) { return 300 * 50 * s; }}}) {
    Moving machine([&](Tree& tree, double s) {
      tree.file(amd_file(0, "gpu_metrics"), gpu_metrics(1, 3, {{22, 2, 300}, {24, 8, steps(c.joules(s))}}));
    });
    const Host host = machine.host();
    amd_card(machine.tree, 0, "0000:c1:00.0");
    const auto amd = open(host);
    ASSERT_TRUE(amd) << c.why;
    EXPECT_EQ(meters(*amd), (Words{"amdgpu:0000-c1-00.0:power 'gpu:0' amdgpu gpu_metrics, gpu",
                                   "amdgpu:0000-c1-00.0:energy 'gpu:0' amdgpu gpu_metrics, gpu in amdgpu:0000-c1-00.0:power"}))
        << c.why;
    EXPECT_EQ(amd->sensors()[1].note, std::string(c.why) + " when the run began: power counts in its place");
  }
}

TEST(Amdgpu, TwoDiesOfACardAreOneMeter) {
  Tree tree;
  amd_power(amd_card(tree, 0, "0000:c1:00.0", "0x7408"), 0, 500);
  amd_power(amd_card(tree, 1, "0000:c6:00.0", "0x7408"), 1, 0);
  const auto amd = open(tree.host());
  ASSERT_TRUE(amd);
  EXPECT_EQ(meters(*amd), (Words{"amdgpu:0000-c1-00.0:power 'gpu:0' amdgpu hwmon, gpu"}));
  EXPECT_EQ(amd->sensors()[0].note, "both dies of the card");
  EXPECT_EQ(amd->facts()[1].second, "amdgpu, 0000-c6-00.0, 0000:c6:00.0, measured with the other die of its card");
  EXPECT_TRUE(amd->blocked().empty());
}

TEST(Amdgpu, GraphicsInAProcessorIsAnApu) {
  Tree tree;
  chip(tree, 0, "amdgpu", {{"power1_input", "15000000"}, {"power1_label", "PPT"}, {"in1_label", "vddnb"}});
  amd_card(tree, 1, "0000:04:00.0").file(amd_file(1, "gpu_metrics"), gpu_metrics(2, 4, {{40, 2, 12'345}}));
  amd_power(amd_card(tree, 2, "0000:05:00.0", "0x74a0"), 2, 70);
  const auto amd = open(tree.host());
  ASSERT_TRUE(amd);
  EXPECT_EQ(meters(*amd), (Words{"amdgpu:0000-04-00.0:power 'cpu:0 APU' amdgpu gpu_metrics, apu",
                                 "amdgpu:0000-05-00.0:power 'cpu:0 module' amdgpu hwmon, module",
                                 "amdgpu:hwmon0:power 'cpu:1 APU' amdgpu hwmon, apu"}));
  EXPECT_EQ(read(*amd)[0], 12'345) << "mW in this revision";
}

TEST(Amdgpu, WhatExplainsTheEnergyIsReadToo) {
  Tree tree;
  amd_power(amd_card(tree, 0, "0000:c1:00.0"), 0, 90);
  const auto amd = open(tree.host());
  ASSERT_TRUE(amd);
  EXPECT_EQ(read(*amd), (std::vector<std::int64_t>{90'000, 42, 1'234'567'168}));
  tree.file(amd_file(0, "hwmon/hwmon5/power1_input"), "garbage").file(amd_file(0, "gpu_busy_percent"), "");
  EXPECT_EQ(read(*amd), (std::vector<std::int64_t>{missing, missing, 1'234'567'168}));
}

TEST(Amdgpu, TheLibraryHelpsWhereTheTableIsNew) {
  Tree tree;
  amd_card(tree, 0, "0000:c1:00.0").file(amd_file(0, "gpu_metrics"), gpu_metrics(1, 9, {}));
  Probe without = amdgpu_backend.probe({tree.host(), ""});
  ASSERT_TRUE(std::holds_alternative<std::unique_ptr<Backend>>(without)) << "utilization is there";
  EXPECT_EQ(std::get<0>(without)->blocked()[0].reason, "gpu:0 (0000:c1:00.0): tells neither energy nor power");
  library(tree, "librocm_smi64.so.6", FAKE_ROCM_SO).file("fake_rocm", "0000:c0:00.0 50\n0000:c1:00.0 400\n");
  ::setenv("FAKE_ROCM", tree.at("fake_rocm").c_str(), 1);
  const auto amd = open(tree.host());
  ASSERT_TRUE(amd);
  EXPECT_EQ(meters(*amd)[0], "amdgpu:0000-c1-00.0:energy 'gpu:0' rocm_smi, gpu");
  const auto first = read(*amd);
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  const double joules = static_cast<double>(read(*amd)[0] - first[0]) * 0x1p-16;
  EXPECT_GT(joules, 400 * 0.19);
  EXPECT_LT(joules, 400 * 2.0) << "400 W for 0.2 s, on a busy machine more";
  EXPECT_EQ(first[1], 400'000);
}

TEST(Amdgpu, ACardThatTellsNothingIsTold) {
  Tree tree;
  tree.file(amd_file(0, "vendor"), "0x1002\n").file(amd_file(0, "gpu_metrics"), "nonsense");
  Probe found = amdgpu_backend.probe({tree.host(), ""});
  const auto* blocked = std::get_if<Blocked>(&found);
  ASSERT_TRUE(blocked);
  EXPECT_EQ(blocked->reason, "gpu:0 (): tells neither energy nor power");
}

}  // namespace
}  // namespace perun
