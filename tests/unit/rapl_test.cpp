// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <vector>

#include "backends/backend.hpp"
#include "support/clock.hpp"
#include "support/machines.hpp"
#include "support/plain_user.hpp"

namespace perun {

extern const BackendInfo rapl_backend;

namespace {

namespace fs = std::filesystem;
using namespace test;  // NOLINT: the fixtures

using Ids = std::vector<std::string>;

std::unique_ptr<Backend> open_rapl(const Host& host) {
  Probe found = rapl_backend.probe({host, ""});
  auto* backend = std::get_if<std::unique_ptr<Backend>>(&found);
  if (backend == nullptr) return nullptr;
  return std::move(*backend);
}
std::unique_ptr<Backend> open_rapl(const Tree& tree) {
  return open_rapl(tree.host());
}

Blocked blocked_rapl(const Tree& tree) {
  Probe found = rapl_backend.probe({tree.host(), ""});
  const auto* blocked = std::get_if<Blocked>(&found);
  return blocked != nullptr ? *blocked : Blocked{"NOT BLOCKED", ""};
}

Ids ids(const Backend& backend) {
  Ids out;
  for (const Sensor& s : backend.sensors()) out.push_back(s.id);
  return out;
}
Ids labels(const Backend& backend) {
  Ids out;
  for (const Sensor& s : backend.sensors()) out.push_back(s.label);
  return out;
}
std::vector<std::int64_t> read(Backend& backend) {
  std::vector<Reading> readings(backend.sensors().size());
  backend.read(readings);
  std::vector<std::int64_t> raw;
  for (const Reading& r : readings) raw.push_back(r.raw);
  return raw;
}

TEST(Rapl, LaptopShowsEachZoneOnceAndLeavesOutTheMmioDouble) {
  Tree tree;
  const auto rapl = open_rapl(laptop(tree));
  ASSERT_TRUE(rapl);
  EXPECT_EQ(ids(*rapl), (Ids{"rapl:package-0", "rapl:package-0:core", "rapl:package-0:uncore", "rapl:psys"}));
  EXPECT_EQ(labels(*rapl), (Ids{"cpu:0 package", "cpu:0 cores", "cpu:0 uncore", "psys"}));
  EXPECT_EQ(read(*rapl), (std::vector<std::int64_t>{3'000'000, 2'000'000, 100'000, 5'000'000}));
  EXPECT_TRUE(rapl->blocked().empty());
  const auto sensors = rapl->sensors();
  EXPECT_EQ(sensors[0].part_of, "");
  EXPECT_EQ(sensors[1].part_of, "rapl:package-0");
  EXPECT_EQ(sensors[2].part_of, "rapl:package-0");
  EXPECT_EQ(sensors[3].part_of, "");
  EXPECT_EQ(sensors[3].domain, Domain::platform);
  for (const Sensor& s : sensors) {
    EXPECT_EQ(s.source, "rapl powercap");
    EXPECT_EQ(s.quantity, Quantity::energy);
    EXPECT_EQ(s.behavior, Behavior::counter);
    EXPECT_EQ(s.kind, Kind::measured);
    EXPECT_DOUBLE_EQ(s.scale, 1e-6);
    EXPECT_EQ(s.wraps_at, range_esu14);
    EXPECT_EQ(s.resolution, 61);
    EXPECT_EQ(s.refresh_ns, 1'000'000);
    EXPECT_EQ(s.systematic_percent, 5);
  }
}

TEST(Rapl, MmioServesWhereNothingElseIs) {
  Tree tree;
  zone(tree, "intel-rapl-mmio:0", "package-0", range_esu14, 7);
  zone(tree, "intel-rapl-mmio:0:0", "dram", range_esu14, 8);
  const auto rapl = open_rapl(tree);
  ASSERT_TRUE(rapl);
  EXPECT_EQ(ids(*rapl), (Ids{"rapl:package-0", "rapl:package-0:dram"}));
  EXPECT_EQ(rapl->sensors()[0].source, "rapl powercap mmio");
}

TEST(Rapl, OrderFollowsTheSocketsNotTheRegistration) {
  Tree tree;
  const auto rapl = open_rapl(server(tree));
  ASSERT_TRUE(rapl);
  EXPECT_EQ(ids(*rapl), (Ids{"rapl:package-0", "rapl:package-0:dram", "rapl:package-1", "rapl:package-1:dram", "rapl:psys"}));
  EXPECT_EQ(labels(*rapl), (Ids{"cpu:0 package", "cpu:0 dram", "cpu:1 package", "cpu:1 dram", "psys"}));
  EXPECT_EQ(read(*rapl), (std::vector<std::int64_t>{10, 20, 40, 50, 30}));
  EXPECT_EQ(rapl->sensors()[4].resolution, 1'000'000);
  EXPECT_EQ(rapl->sensors()[3].index, 1);
  EXPECT_EQ(rapl->sensors()[1].part_of, "") << "dram is outside the package";
}

TEST(Rapl, DiesAreSensorsOfTheirOwn) {
  Tree tree;
  const auto rapl = open_rapl(multi_die(tree));
  ASSERT_TRUE(rapl);
  EXPECT_EQ(ids(*rapl),
            (Ids{"rapl:package-0-die-0", "rapl:package-0-die-0:dram", "rapl:package-0-die-1", "rapl:package-0-die-1:dram",
                 "rapl:package-1-die-0", "rapl:package-1-die-0:dram", "rapl:package-1-die-1", "rapl:package-1-die-1:dram"}));
  EXPECT_EQ(labels(*rapl)[6], "cpu:1.1 package");
  EXPECT_EQ(labels(*rapl)[7], "cpu:1.1 dram");
  EXPECT_EQ(read(*rapl), (std::vector<std::int64_t>{100, 200, 101, 201, 102, 202, 103, 203}));
}

TEST(Rapl, TheOneCoreThatAmdShowsIsLeftOut) {
  Tree tree;
  const auto rapl = open_rapl(epyc(tree));
  ASSERT_TRUE(rapl);
  EXPECT_EQ(ids(*rapl), (Ids{"rapl:package-0", "rapl:package-1"}));
  EXPECT_EQ(rapl->sensors()[0].resolution, 15);
  EXPECT_EQ(rapl->sensors()[0].systematic_percent, 10);
  EXPECT_EQ(rapl->sensors()[0].note, "modelled inside the processor");
}

TEST(Rapl, ZoneNumbersAreHexadecimalAndMeanNothing) {
  Tree tree;
  const auto rapl = open_rapl(many_sockets(tree));
  ASSERT_TRUE(rapl);
  ASSERT_EQ(rapl->sensors().size(), 12u);
  for (std::uint16_t i = 0; i < 12; ++i) {
    EXPECT_EQ(rapl->sensors()[i].id, "rapl:package-" + std::to_string(i));
    EXPECT_EQ(rapl->sensors()[i].index, i);
    EXPECT_EQ(read(*rapl)[i], 1000 + i);
  }
}

TEST(Rapl, FollowsTheSymbolicLinksOfARealMachine) {
  Tree tree;
  const std::string real = "sys/devices/virtual/powercap/intel-rapl/intel-rapl:0/";
  for (const std::string sub : {"", "intel-rapl:0:0/"}) {
    tree.file(real + sub + "name", sub.empty() ? "package-0\n" : "dram\n").file(real + sub + "energy_uj", "5\n");
    tree.file(real + sub + "max_energy_range_uj", "1000\n");
  }
  fs::create_directories(tree.at("sys/class/powercap"));
  fs::create_directory_symlink("../../devices/virtual/powercap/intel-rapl/intel-rapl:0",
                               tree.at("sys/class/powercap/intel-rapl:0"));
  fs::create_directory_symlink("../../devices/virtual/powercap/intel-rapl/intel-rapl:0/intel-rapl:0:0",
                               tree.at("sys/class/powercap/intel-rapl:0:0"));
  const auto rapl = open_rapl(tree);
  ASSERT_TRUE(rapl);
  EXPECT_EQ(ids(*rapl), (Ids{"rapl:package-0", "rapl:package-0:dram"}));
}

TEST(Rapl, OnlyTheFixedDramUnitIsCorrected) {
  Tree tree;
  const auto fixed = open_rapl(multi_die(tree));
  ASSERT_TRUE(fixed);
  // 2^32 steps of 2^-16 J are 65536 J, which powercap shows as 15.3 uJ each.
  EXPECT_NEAR(4294967296.0 * 15.3 * fixed->sensors()[1].scale, 65536.0, 1e-6);
  EXPECT_NEAR(fixed->sensors()[1].scale, 1e-6 * 15258.789 / 15300, 1e-14);
  EXPECT_EQ(fixed->sensors()[1].note, "unit corrected from 15.3 uJ to 2^-16 J");
  EXPECT_DOUBLE_EQ(fixed->sensors()[0].scale, 1e-6);
  Tree other;
  const auto msr = open_rapl(server(other));
  ASSERT_TRUE(msr);
  EXPECT_DOUBLE_EQ(msr->sensors()[1].scale, 1e-6);
  EXPECT_EQ(msr->sensors()[1].note, "");
}

TEST(Rapl, AnUnknownRangeKeepsTheSensorWithANote) {
  for (const char* range : {"", "0\n", "-5\n", "garbage\n", "99999999999999999999999\n"}) {
    Tree tree;
    zone(tree, "intel-rapl:0", "package-0", 1);
    tree.file("sys/class/powercap/intel-rapl:0/max_energy_range_uj", range);
    const auto rapl = open_rapl(tree);
    ASSERT_TRUE(rapl) << range;
    EXPECT_EQ(rapl->sensors()[0].wraps_at, 0) << range;
    EXPECT_EQ(rapl->sensors()[0].resolution, 1) << range;
    EXPECT_EQ(rapl->sensors()[0].note, "its range is unknown: a wrap cannot be told from a reset") << range;
  }
  Tree tree;
  zone(tree, "intel-rapl:0", "package-0", 1);
  fs::remove(tree.at("sys/class/powercap/intel-rapl:0/max_energy_range_uj"));
  EXPECT_EQ(open_rapl(tree)->sensors()[0].wraps_at, 0);
}

TEST(Rapl, GreatestPowerIsTwiceTheHighestBelievableLimit) {
  const auto with = [](const std::vector<std::pair<std::string, std::string>>& limits, std::string_view name = "package-0") {
    Tree tree;
    zone(tree, "intel-rapl:0", name, range_esu14);
    for (const auto& [file, text] : limits) tree.file("sys/class/powercap/intel-rapl:0/constraint_" + file, text);
    return open_rapl(tree)->sensors()[0].max_power_W;
  };
  EXPECT_DOUBLE_EQ(with({}), 1500);
  EXPECT_DOUBLE_EQ(with({{"0_max_power_uw", "95000000\n"}}), 190);
  // A 15 W laptop processor may draw 44 W for half a minute.
  EXPECT_DOUBLE_EQ(with({{"0_max_power_uw", "15000000\n"}, {"1_power_limit_uw", "44000000\n"}}), 88);
  // The firmware opened the limit: 4090 W says nothing.
  EXPECT_DOUBLE_EQ(with({{"0_max_power_uw", "95000000\n"}, {"0_power_limit_uw", "4090000000\n"}}), 1500);
  EXPECT_DOUBLE_EQ(with({{"0_max_power_uw", "\n"}, {"1_max_power_uw", "0\n"}}), 1500);
  EXPECT_DOUBLE_EQ(with({{"0_max_power_uw", "800000000\n"}}), 1600);
  EXPECT_DOUBLE_EQ(with({}, "psys"), 15'000);
}

TEST(Rapl, SgxIsNoted) {
  Tree tree;
  zone(tree, "intel-rapl:0", "package-0", range_esu14).file("sys/class/misc/sgx_enclave/dev", "10:125\n");
  EXPECT_EQ(open_rapl(tree)->sensors()[0].note, "SGX is on and may add noise to short readings");
}

TEST(Rapl, ConsecutiveReadsShareAStampAndCarryTheirBracket) {
  Tree tree;
  Host host = laptop(tree).host();
  host.now_ns = &Clock::read;
  Clock::set(1'000, 101);
  const auto rapl = open_rapl(host);
  ASSERT_TRUE(rapl);
  Clock::set(1'000, 101);
  std::vector<Reading> out(4);
  rapl->read(out);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(out[i].t_ns, 1'050 + 101 * static_cast<std::int64_t>(i));
    EXPECT_EQ(out[i].halfwidth_ns, 51);
  }
}

TEST(Rapl, ReadingsFollowTheFileAndFailuresAreMissing) {
  Tree tree;
  zone(tree, "intel-rapl:0", "package-0", range_esu14, 10);
  const auto rapl = open_rapl(tree);
  ASSERT_TRUE(rapl);
  // An open counter must be followed without opening it again, so the file is written over in place.
  const std::string file = "sys/class/powercap/intel-rapl:0/energy_uj";
  const std::vector<std::pair<std::string, std::int64_t>> cases{{"12345678901\n", 12'345'678'901},
                                                                {"0\n", 0},
                                                                {"", missing},
                                                                {"12x\n", missing},
                                                                {"-1\n", missing},
                                                                {"7 8\n", missing},
                                                                {"9223372036854775808\n", missing},
                                                                {std::string(100, '1'), missing},
                                                                {"42\n", 42}};
  for (const auto& [text, raw] : cases) {
    tree.file(file, text);
    EXPECT_EQ(read(*rapl)[0], raw) << text;
  }
}

TEST(Rapl, OneBrokenZoneDoesNotBlockTheOthers) {
  Tree tree;
  server(tree);
  const auto counter = tree.at("sys/class/powercap/intel-rapl:2/energy_uj");
  fs::remove(counter);
  fs::create_symlink("energy_uj", counter);
  const auto rapl = open_rapl(tree);
  ASSERT_TRUE(rapl);
  EXPECT_EQ(ids(*rapl), (Ids{"rapl:package-0", "rapl:package-0:dram", "rapl:package-1:dram", "rapl:psys"}));
  ASSERT_EQ(rapl->blocked().size(), 1u);
  EXPECT_EQ(rapl->blocked()[0].backend, "rapl");
  EXPECT_EQ(rapl->blocked()[0].reason, counter.string() + ": too many levels of symbolic links");
  EXPECT_EQ(rapl->blocked()[0].hint, "");
}

TEST(Rapl, WithoutRightsItIsBlockedAndSaysWhatToDo) {
  Tree tree;
  server(tree);
  fs::permissions(tree.root(), fs::perms(0755));
  for (const std::string z : {"0", "0:0", "1", "2", "2:0"})
    fs::permissions(tree.at("sys/class/powercap/intel-rapl:" + z + "/energy_uj"), fs::perms::none);
  const PlainUser user;
  const Blocked blocked = blocked_rapl(tree);
  const std::string root = tree.at("sys/class/powercap").string();
  EXPECT_EQ(blocked.reason, root + "/intel-rapl:0/energy_uj: permission denied (and 4 more)");
  EXPECT_EQ(blocked.hint,
            "sudo chmod a+r " + root +
                "/intel-rapl*/energy_uj (until reboot; lets every user read them, see CVE-2020-8694), or run perun as root");
}

TEST(Rapl, CountersThatAreNoNumbersAreBlocked) {
  const auto reason = [](auto&& make) {
    Tree tree;
    zone(tree, "intel-rapl:0", "package-0", range_esu14);
    const auto counter = tree.at("sys/class/powercap/intel-rapl:0/energy_uj");
    fs::remove(counter);
    make(counter);
    std::string text = blocked_rapl(tree).reason;
    return text.substr(std::min(text.find(": "), text.size()));
  };
  EXPECT_EQ(reason([](const fs::path& p) { fs::create_directory(p); }), ": not a regular file");
  EXPECT_EQ(reason([](const fs::path& p) { ASSERT_EQ(::mkfifo(p.c_str(), 0600), 0); }), ": not a regular file");
  EXPECT_EQ(reason([](const fs::path& p) { std::ofstream(p) << ""; }), ": does not hold a number");
  EXPECT_EQ(reason([](const fs::path& p) { std::ofstream(p) << "many\n"; }), ": does not hold a number");
  EXPECT_EQ(reason([](const fs::path&) {}), ": no such file or directory");
  EXPECT_EQ(reason([](const fs::path& p) { fs::create_symlink("/dev/zero", p); }), ": not a regular file");
}

TEST(Rapl, NamesItDoesNotKnowAreToldNotGuessed) {
  for (const std::string name : {"package-0\nevil", "package--1", "package-99999", "package-0-die-", "packages", "", "dram0"}) {
    Tree tree;
    zone(tree, "intel-rapl:0", name, range_esu14);
    EXPECT_TRUE(blocked_rapl(tree).reason.starts_with("zone intel-rapl:0 has the unknown name '")) << name;
    EXPECT_EQ(blocked_rapl(tree).reason.find('\n'), std::string::npos) << name;
  }
  Tree tree;
  zone(tree, "intel-rapl:0", "package-0", range_esu14);
  zone(tree, "intel-rapl:1", "package-0", range_esu14);
  zone(tree, "intel-rapl:7:0", "dram", range_esu14);
  const auto rapl = open_rapl(tree);
  ASSERT_TRUE(rapl);
  EXPECT_EQ(ids(*rapl), (Ids{"rapl:package-0"}));
  ASSERT_EQ(rapl->blocked().size(), 2u);
  EXPECT_EQ(rapl->blocked()[0].reason, "zone intel-rapl:1 repeats the name 'package-0' and is not used");
  EXPECT_EQ(rapl->blocked()[1].reason, "zone intel-rapl:7:0 ('dram') belongs to no package zone");
}

TEST(Rapl, AContainerThatHidesTheZonesIsTold) {
  Tree tree;
  fs::create_directories(tree.at("sys/class/powercap"));
  fs::create_directory_symlink("../../devices/virtual/powercap/intel-rapl/intel-rapl:0",
                               tree.at("sys/class/powercap/intel-rapl:0"));
  const Blocked blocked = blocked_rapl(tree);
  EXPECT_EQ(blocked.reason, "zone intel-rapl:0 is hidden in this container");
  EXPECT_EQ(blocked.hint, "run it with --security-opt systempaths=unconfined, or mount /sys/devices/virtual/powercap into it");
}

TEST(Rapl, OtherControlTypesAreNoRapl) {
  Tree tree;
  zone(tree, "dtpm:0", "package-0", range_esu14);
  zone(tree, "intel-rapl:zz", "package-0", range_esu14);
  tree.file("sys/class/powercap/intel-rapl", "a file, not a folder");
  Probe found = rapl_backend.probe({tree.host(), ""});
  EXPECT_TRUE(std::holds_alternative<Absent>(found));
}

/// Zones from..to-1 as links to one folder: quicker to make than folders.
void link_zones(Tree& tree, int from, int to, const char* target) {
  fs::create_directories(tree.at("sys/class/powercap"));
  for (int i = from; i < to; ++i)
    fs::create_directory_symlink(tree.at(target), tree.at("sys/class/powercap/intel-rapl:" + std::to_string(i)));
}

TEST(Rapl, TenThousandZonesAreSurvived) {
  Tree tree;
  for (int i = 1000; i < 1520; ++i) {
    const std::string at = "sys/class/powercap/intel-rapl:" + std::to_string(i);
    tree.file(at + "/name", "package-" + std::to_string(i)).file(at + "/energy_uj", "1");
  }
  link_zones(tree, 1520, 10'000, "sys/class/powercap/intel-rapl:1519");
  const auto rapl = open_rapl(tree);
  ASSERT_TRUE(rapl);
  EXPECT_EQ(rapl->sensors().size(), 512u);
  ASSERT_EQ(rapl->blocked().size(), 1u);
  EXPECT_EQ(rapl->blocked()[0].reason, "zone intel-rapl:1512 is one zone too many");
}

TEST(Rapl, TenThousandBrokenZonesAreAFewLines) {
  Tree tree;
  tree.file("empty/x", "");
  link_zones(tree, 0, 10'000, "empty");
  const std::string reason = blocked_rapl(tree).reason;
  EXPECT_LT(reason.size(), 400u);
  EXPECT_TRUE(reason.ends_with(", and 9996 more zones cannot be used")) << reason;
}

TEST(Rapl, AnUnknownMechanismIsInvalid) {
  Tree tree;
  Probe found = rapl_backend.probe({tree.host(), "x"});
  ASSERT_TRUE(std::holds_alternative<Invalid>(found));
  EXPECT_EQ(std::get<Invalid>(found).reason, "rapl is read by perf, powercap or msr, not by 'x'");
}

}  // namespace
}  // namespace perun
