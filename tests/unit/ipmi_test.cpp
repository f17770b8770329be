// SPDX-License-Identifier: BSD-3-Clause
// A management controller at the seam below the ioctl.
#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "backends/backend.hpp"
#include "base/missing.hpp"
#include "support/tree.hpp"

namespace perun {

extern const BackendInfo ipmi_backend;

namespace {

using test::Tree;
using Bytes = std::vector<std::uint8_t>;

/// Answers by network function and command; what is not there is "invalid command". One at a time.
class FakeBmc {
 public:
  FakeBmc() { current_ = this; }
  ~FakeBmc() { current_ = nullptr; }
  FakeBmc(const FakeBmc&) = delete;
  FakeBmc& operator=(const FakeBmc&) = delete;

  [[nodiscard]] Host host() {
    tree.file("dev/ipmi0", "");
    Host h = tree.host();
    h.ask_ipmi = [](const Fd&, const IpmiRequest& request, std::span<std::uint8_t> out) noexcept {
      if (current_->error != 0) return errno = current_->error, -1;
      const auto at = current_->answers.find({request.network_function, request.command});
      const Bytes answer = at == current_->answers.end() ? Bytes{0xC1} : at->second;
      std::copy(answer.begin(), answer.end(), out.begin());
      current_->asked.emplace_back(request.data.begin(), request.data.end());
      return static_cast<int>(answer.size());
    };
    return h;
  }
  void power(int watts, bool active = true) {
    const auto low = static_cast<std::uint8_t>(watts & 0xFF), high = static_cast<std::uint8_t>(watts >> 8);
    Bytes b{0x00, 0xDC, low, high, 0x0F, 0x01, 0xE9, 0x01, 0x3F, 0x01};
    b.resize(18);
    b.push_back(active ? 0x40 : 0x00);
    answers[{0x2C, 0x02}] = b;
  }
  void maker(std::uint32_t number) {
    Bytes b(12);
    for (int i = 0; i < 3; ++i) b[static_cast<std::size_t>(7 + i)] = static_cast<std::uint8_t>(number >> 8 * i);
    answers[{0x06, 0x01}] = b;
  }
  void energy(std::uint32_t joules, std::uint16_t milli) {
    Bytes b(15);
    for (std::size_t i = 0; i < 4; ++i) b[3 + i] = static_cast<std::uint8_t>(joules >> 8 * i);
    for (std::size_t i = 0; i < 2; ++i) b[7 + i] = static_cast<std::uint8_t>(milli >> 8 * i);
    answers[{0x3A, 0x32}] = b;
  }

  void node_manager(int watts) {
    Bytes b{0x00, 0x57, 0x01, 0x00, static_cast<std::uint8_t>(watts & 0xFF), static_cast<std::uint8_t>(watts >> 8)};
    b.resize(21);
    answers[{0x2E, 0xC8}] = b;
  }

  /// The byte that says where the energy stands, and the energy behind `more` other bytes.
  void node_manager_energy(std::uint64_t mJ, std::size_t more = 1) {
    answers[{0x2E, 0x82}] = {0x00, 0x66, 0x4A, 0x00, 0x01, 0x02, 0x03, 0x20};
    Bytes b{0x00, 0x66, 0x4A, 0x00};
    b.resize(b.size() + more, 0xEE);
    for (int i = 8; i-- > 0;) b.push_back(static_cast<std::uint8_t>(mJ >> 8 * i));
    answers[{0x2E, 0x81}] = b;
  }

  Tree tree;
  int error = 0;
  std::map<std::pair<int, int>, Bytes> answers;
  std::vector<Bytes> asked;

 private:
  static inline FakeBmc* current_ = nullptr;
};

std::unique_ptr<Backend> open(const Host& host) {
  Probe found = ipmi_backend.probe({host, ""});
  auto* backend = std::get_if<std::unique_ptr<Backend>>(&found);
  return backend == nullptr ? nullptr : std::move(*backend);
}
std::string refusal(const Host& host) {
  Probe found = ipmi_backend.probe({host, ""});
  const auto* blocked = std::get_if<Blocked>(&found);
  return blocked == nullptr ? "not blocked" : blocked->reason;
}
std::vector<std::int64_t> read(Backend& backend) {
  std::vector<Reading> out(backend.sensors().size());
  backend.read(out);
  std::vector<std::int64_t> raw;
  for (const Reading& r : out) raw.push_back(r.raw);
  return raw;
}
using Numbers = std::vector<std::int64_t>;

TEST(Ipmi, DcmiTellsTheMachinesPower) {
  FakeBmc bmc;
  bmc.maker(0x0002A2);
  bmc.power(344);
  const auto ipmi = open(bmc.host());
  ASSERT_TRUE(ipmi);
  ASSERT_EQ(ipmi->sensors().size(), 1u);
  const Sensor& s = ipmi->sensors()[0];
  EXPECT_EQ(s.id, "ipmi:power");
  EXPECT_EQ(s.domain, Domain::node);
  EXPECT_EQ(s.refresh_ns, 2'000'000'000);
  EXPECT_EQ(read(*ipmi), Numbers{344});
  EXPECT_EQ(bmc.asked.back(), (Bytes{0xDC, 0x01, 0x00, 0x00}));
  bmc.power(344, false);
  EXPECT_EQ(read(*ipmi), Numbers{missing}) << "not measuring at present";
  bmc.power(0);
  EXPECT_EQ(read(*ipmi), Numbers{missing}) << "what is on draws more";
  bmc.answers[{0x2C, 0x02}].resize(7);
  EXPECT_EQ(read(*ipmi), Numbers{missing}) << "cut off";
  bmc.power(345);
  bmc.error = ETIMEDOUT;
  EXPECT_EQ(read(*ipmi), Numbers{missing});
  bmc.error = 0;
  EXPECT_EQ(read(*ipmi), Numbers{345});
  for (const Bytes& question : bmc.asked) EXPECT_NE(question, (Bytes{4, 2, 0, 0, 0})) << "a maker's command, asked of another";
}

TEST(Ipmi, LenovoCountsEnergy) {
  FakeBmc bmc;
  bmc.maker(0x004A66);
  bmc.energy(123'456, 789);
  bmc.power(400);
  const auto ipmi = open(bmc.host());
  ASSERT_TRUE(ipmi);
  ASSERT_EQ(ipmi->sensors().size(), 2u);
  EXPECT_EQ(ipmi->sensors()[0].behavior, Behavior::counter);
  EXPECT_EQ(ipmi->sensors()[1].part_of, "ipmi:energy");
  EXPECT_EQ(read(*ipmi), (Numbers{123'456'789, 400}));
  bmc.energy(123'457, 1000);
  EXPECT_EQ(read(*ipmi)[0], missing) << "no such thousandth";
}

TEST(Ipmi, IntelsNodeManagerTellsWhereDcmiDoesNot) {
  FakeBmc bmc;
  const Host host = bmc.host();
  bmc.maker(0x000157);
  bmc.node_manager(312);
  const auto ipmi = open(host);
  ASSERT_TRUE(ipmi);
  ASSERT_EQ(ipmi->sensors().size(), 1u);
  EXPECT_EQ(ipmi->sensors()[0].source, "ipmi node manager");
  EXPECT_EQ(bmc.asked.back(), (Bytes{0x57, 0x01, 0x00, 0x01, 0x00, 0x00}));
  Reading r{};
  ipmi->read({&r, 1});
  EXPECT_EQ(r.raw, 312);
  bmc.answers[{0x2E, 0xC8}] = {0x00, 0x57, 0x01, 0x00, 0x38};
  ipmi->read({&r, 1});
  EXPECT_EQ(r.raw, missing) << "half of an answer";
  bmc.node_manager(312);
  bmc.power(300);
  EXPECT_EQ(open(host)->sensors()[0].source, "ipmi dcmi") << "what all makers have goes first";
  bmc.answers.erase({0x2C, 0x02});
  bmc.maker(0x0002A2);
  bmc.asked.clear();
  EXPECT_EQ(open(host), nullptr) << "not Intel's";
  for (const Bytes& b : bmc.asked) EXPECT_NE(b.size(), 6u) << "others are not asked";
}

TEST(Ipmi, LenovosNodeManagerCountsEnergyToo) {
  FakeBmc bmc;
  const Host host = bmc.host();
  bmc.maker(0x004A66);
  bmc.power(400);
  bmc.node_manager_energy(0x0123'4567'89AB'CDEF);
  const auto ipmi = open(host);
  ASSERT_TRUE(ipmi);
  ASSERT_EQ(ipmi->sensors().size(), 2u);
  const Sensor& s = ipmi->sensors()[0];
  EXPECT_EQ(s.id + " " + s.source, "ipmi:energy ipmi node manager energy");
  EXPECT_EQ(s.behavior, Behavior::counter);
  EXPECT_EQ(s.scale, 1e-3);
  EXPECT_EQ(s.wraps_at, 0) << "64 bits of mJ";
  EXPECT_EQ(s.note, "");
  EXPECT_EQ(ipmi->sensors()[1].part_of, "ipmi:energy");
  bmc.asked.clear();
  EXPECT_EQ(read(*ipmi), (Numbers{0x0123'4567'89AB'CDEF, 400})) << "the highest byte first";
  ASSERT_EQ(bmc.asked.size(), 2u) << "where it stands is asked once";
  EXPECT_EQ(bmc.asked[0], (Bytes{0x66, 0x4A, 0x00, 0x20, 0x01, 0x82, 0x00, 0x08}));
  for (const std::size_t more : {0u, 7u}) {
    bmc.node_manager_energy(5'000, more);
    EXPECT_EQ(read(*ipmi)[0], 5'000) << more;
  }
  bmc.answers[{0x2E, 0x81}].resize(11);
  EXPECT_EQ(read(*ipmi)[0], missing) << "cut off";
  bmc.node_manager_energy(~std::uint64_t{0});
  EXPECT_EQ(read(*ipmi)[0], missing) << "all ones";
  bmc.node_manager_energy(0);
  EXPECT_EQ(read(*ipmi)[0], missing) << "not counting";
  bmc.node_manager_energy(5'000);
  bmc.answers[{0x2E, 0x81}][1] = 0x57;
  EXPECT_EQ(read(*ipmi)[0], missing) << "of another maker";
  bmc.node_manager_energy(6'000);
  EXPECT_EQ(read(*ipmi)[0], 6'000);
  bmc.energy(1, 0);
  EXPECT_EQ(open(host)->sensors()[0].source, "ipmi energy") << "the maker's own goes first";
}

TEST(Ipmi, WhereEnergyIsRefusedPowerSaysWhy) {
  FakeBmc bmc;
  const Host host = bmc.host();
  bmc.maker(0x004A66);
  bmc.power(400);
  bmc.answers[{0x2E, 0x82}] = {0xD4};
  const auto ipmi = open(host);
  ASSERT_TRUE(ipmi);
  ASSERT_EQ(ipmi->sensors().size(), 1u);
  EXPECT_EQ(ipmi->sensors()[0].id, "ipmi:power");
  EXPECT_EQ(ipmi->sensors()[0].note,
            "power, as its counters of energy do not answer: energy (completion code 0xc1), node manager energy (completion "
            "code 0xd4)");
  bmc.maker(0x0002A2);
  EXPECT_EQ(open(host)->sensors()[0].note, "") << "others have none that could be refused";
}

TEST(Ipmi, WhatDoesNotAnswerIsTold) {
  FakeBmc bmc;
  const Host host = bmc.host();
  bmc.error = ETIMEDOUT;
  EXPECT_EQ(refusal(host), "the BMC does not answer: connection timed out");
  bmc.error = 0;
  bmc.maker(1);
  EXPECT_EQ(refusal(host), "the BMC tells no power: dcmi (completion code 0xc1)");
  bmc.answers[{0x2C, 0x02}] = {0xD4};
  EXPECT_EQ(refusal(host), "the BMC tells no power: dcmi (completion code 0xd4)");
  bmc.power(100, false);
  EXPECT_EQ(refusal(host), "the BMC tells no power: dcmi (it does not measure at present)");
  Tree none;
  EXPECT_TRUE(std::holds_alternative<Absent>(ipmi_backend.probe({none.host(), ""})));
}

}  // namespace
}  // namespace perun
