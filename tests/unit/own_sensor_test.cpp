// SPDX-License-Identifier: BSD-3-Clause
// docs/sensor-protocol.md, statement by statement: exec, socket and file speak the same lines.
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "backends/backend.hpp"
#include "backends/late.hpp"
#include "backends/line_protocol.hpp"
#include "backends/select.hpp"
#include "base/missing.hpp"
#include "support/machines.hpp"

namespace perun {

extern const BackendInfo exec_backend, file_backend, socket_backend;

namespace {

using namespace test;  // NOLINT: the fixtures
using Words = std::vector<std::string>;

constexpr std::int64_t second = 1'000'000'000;

Probe probe(const BackendInfo& info, const std::string& argument) {
  static const Tree tree;
  return info.probe({tree.host(), argument});
}

std::unique_ptr<Backend> open(const BackendInfo& info, const std::string& argument) {
  Probe found = probe(info, argument);
  auto* backend = std::get_if<std::unique_ptr<Backend>>(&found);
  if (const auto* blocked = std::get_if<Blocked>(&found)) ADD_FAILURE() << blocked->reason;
  return backend == nullptr ? nullptr : std::move(*backend);
}

std::string refusal(const BackendInfo& info, const std::string& argument) {
  Probe found = probe(info, argument);
  const auto* blocked = std::get_if<Blocked>(&found);
  const auto* invalid = std::get_if<Invalid>(&found);
  return blocked != nullptr ? blocked->reason : invalid != nullptr ? "invalid: " + invalid->reason : "none";
}

std::vector<Reading> read(Backend& backend) {
  std::vector<Reading> out(backend.sensors().size());
  backend.read(out);
  return out;
}

/// A table that has heard these lines, the last at 1 s.
LineTable heard(const Words& lines) {
  LineTable table("exec:", "exec:x");
  std::int64_t t = second - static_cast<std::int64_t>(lines.size()) + 1;
  for (const auto& line : lines) table.take(line, t++);
  return table;
}

TEST(Protocol, ANumberAloneIsTheMachinesPower) {
  const auto table = heard({"231.4"});
  ASSERT_EQ(table.sensors().size(), 1u);
  const Sensor& s = table.sensors()[0];
  EXPECT_EQ(s.id, "exec:value");
  EXPECT_EQ(s.quantity, Quantity::power);
  EXPECT_EQ(s.behavior, Behavior::gauge);
  EXPECT_EQ(s.domain, Domain::node);
  EXPECT_EQ(table.latest()[0].raw, 231'400'000);
  EXPECT_DOUBLE_EQ(s.scale, 1e-6);
  EXPECT_EQ(table.latest()[0].t_ns, second);
  EXPECT_TRUE(table.complete());
}

TEST(Protocol, ADeclarationSaysEverything) {
  const auto table =
      heard({"perun-sensor 1", "# a comment", "",
             "sensor e unit=kWh domain=supply index=3 refresh=250ms mean=2s step=0.001 wraps=1000 max=3000 accuracy=2.5 "
             "label=Wall plug, left",
             "e 12.5"});
  EXPECT_EQ(table.trouble(), "");
  ASSERT_EQ(table.sensors().size(), 1u);
  const Sensor& s = table.sensors()[0];
  EXPECT_EQ(s.label, "Wall plug, left");
  EXPECT_EQ(s.quantity, Quantity::energy);
  EXPECT_EQ(s.behavior, Behavior::counter);
  EXPECT_EQ(s.domain, Domain::supply);
  EXPECT_EQ(s.index, 3);
  EXPECT_EQ(s.refresh_ns, 250'000'000);
  EXPECT_EQ(s.averaging_ns, 2 * second);
  EXPECT_EQ(s.resolution, 1000);
  EXPECT_EQ(s.wraps_at, 1'000'000'000);
  EXPECT_DOUBLE_EQ(s.max_power_W, 3000);
  EXPECT_DOUBLE_EQ(s.systematic_percent, 2.5);
  EXPECT_DOUBLE_EQ(static_cast<double>(table.latest()[0].raw) * s.scale, 12.5 * 3.6e6) << "J";
}

TEST(Protocol, UnitsAreSi) {
  for (const auto& [unit, si] : std::vector<std::pair<std::string, double>>{{"W", 1},
                                                                            {"mW", 1e-3},
                                                                            {"kW", 1e3},
                                                                            {"J", 1},
                                                                            {"mJ", 1e-3},
                                                                            {"kJ", 1e3},
                                                                            {"Wh", 3600},
                                                                            {"kWh", 3.6e6},
                                                                            {"degC", 1}}) {
    const auto table = heard({"sensor a unit=" + unit, "a 2"});
    ASSERT_TRUE(table.complete()) << unit;
    EXPECT_DOUBLE_EQ(static_cast<double>(table.latest()[0].raw) * table.sensors()[0].scale, 2 * si) << unit;
  }
}

TEST(Protocol, WhatIsNoValueIsAGap) {
  for (const std::string word : {"n/a", "-5", "nan", "inf", "1e13", "", "12,5", "0x10"})
    EXPECT_EQ(heard({"sensor a", "a 7", "a " + word}).latest()[0].raw, missing) << word;
  EXPECT_EQ(heard({"sensor a", "a 0"}).latest()[0].raw, 0);
  EXPECT_EQ(heard({"sensor a", "a 9e12"}).latest()[0].raw, 9'000'000'000'000'000'000);
}

TEST(Protocol, ATimeIsTakenWhenItIsOfTheLastHour) {
  const double now_s = static_cast<double>(now().real_ns) * 1e-9;
  const auto at = [&](double ago) {
    LineTable table("exec:", "exec:x");
    table.take("sensor a", 0);
    table.take("a 5 @" + std::to_string(now_s - ago), 10'000 * second);
    return 10'000 - static_cast<double>(table.latest()[0].t_ns) * 1e-9;
  };
  EXPECT_NEAR(at(100), 100, 2);
  EXPECT_DOUBLE_EQ(at(4000), 0) << "too long ago";
  EXPECT_DOUBLE_EQ(at(-100), 0) << "in the future";
}

TEST(Protocol, WhatIsNotUnderstoodIsTold) {
  for (const auto& [line, told] : std::vector<std::pair<std::string, std::string>>{
           {"hello world", "not understood: 'hello world'"},
           {"sensor", "not a name: ''"},
           {"sensor 12", "not a name: '12'"},
           {"sensor a/b", "not a name: 'a/b'"},
           {"sensor a unit=furlong", "'unit' cannot be 'furlong': 'a unit=furlong'"},
           {"sensor a domain=moon", "'domain' cannot be 'moon': 'a domain=moon'"},
           {"sensor a refresh=0", "'refresh' cannot be '0': 'a refresh=0'"},
           {"sensor a colour=red", "'colour' cannot be 'red': 'a colour=red'"},
           {"sensor a unit", "not like key=value: 'a unit'"},
           {"perun-sensor 2", "another version of the protocol: 'perun-sensor 2'"}})
    EXPECT_TRUE(heard({line}).trouble().ends_with(told)) << heard({line}).trouble();
  EXPECT_EQ(heard({"sensor a", "sensor a"}).sensors().size(), 1u);
  Words many;
  for (int i = 0; i < 70; ++i) many.push_back("sensor s" + std::to_string(i));
  EXPECT_EQ(heard(many).sensors().size(), 64u);
}

TEST(Protocol, SensorsStayAsTheyAreOnceTheRunBegins) {
  auto table = heard({"sensor a", "a 1"});
  table.hold();
  table.take("sensor b", second);
  table.take("nonsense", second);
  EXPECT_EQ(table.sensors().size(), 1u);
  EXPECT_EQ(table.trouble(), "");
}

TEST(Exec, AProgramIsASensor) {
  const auto exec = open(exec_backend, "while sleep 0.05; do echo 120.5; done");
  ASSERT_TRUE(exec);
  EXPECT_EQ(exec->sensors()[0].id, "exec:value");
  EXPECT_EQ(exec->sensors()[0].source, "exec:while sleep 0.05; do echo 120.5; done");
  const Reading first = read(*exec)[0];
  EXPECT_EQ(first.raw, 120'500'000);
  EXPECT_TRUE(exec->may_wait());
  for (int i = 0; i < 200 && read(*exec)[0].t_ns == first.t_ns; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_GT(read(*exec)[0].t_ns, first.t_ns) << "a new line, a new time";
}

TEST(Exec, APowerHoldsAndACounterKeepsItsTime) {
  const auto exec = open(exec_backend, "echo sensor p refresh=10s; echo sensor e unit=J; echo p 5; echo e 7; sleep 600");
  ASSERT_TRUE(exec);
  const auto first = read(*exec);
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  const auto later = read(*exec);
  EXPECT_GT(later[0].t_ns, first[0].t_ns) << "still 5 W";
  EXPECT_EQ(later[1].t_ns, first[1].t_ns) << "7 J then; what it is now nobody knows";
}

TEST(Exec, ItIsKilledWithItsChildren) {
  Tree tree;
  const std::string pids = tree.at("pids").string();
  auto exec = open(exec_backend, "sleep 600 & echo $! >" + pids + "; echo 5; trap '' TERM; wait");
  ASSERT_TRUE(exec);
  exec.reset();
  std::ifstream file(pids);
  pid_t child = 0;
  ASSERT_TRUE(file >> child);
  bool gone = false;
  for (int i = 0; i < 250 && !gone; ++i, std::this_thread::sleep_for(std::chrono::milliseconds(20))) {
    std::ifstream stat("/proc/" + std::to_string(child) + "/stat");
    std::string number, name, state;
    gone = !(stat >> number >> name >> state) || state == "Z";
  }
  EXPECT_TRUE(gone);
}

TEST(Exec, WhenItEndsItsValuesDoToo) {
  const auto exec = open(exec_backend, "echo 5; sleep 0.2");
  ASSERT_TRUE(exec);
  for (int i = 0; i < 250 && read(*exec)[0].raw != missing; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(read(*exec)[0].raw, missing);
}

TEST(Exec, WhatGivesNothingIsRefused) {
  EXPECT_EQ(refusal(exec_backend, "exit 3"), "exec:exit 3: ended without a value: exit status 3");
  EXPECT_EQ(refusal(exec_backend, "/no/such/program"), "exec:/no/such/program: ended without a value: exit status 127");
  EXPECT_EQ(refusal(exec_backend, "echo what is this"), "exec:echo what is this: not understood: 'what is this'");
  EXPECT_EQ(refusal(exec_backend, ""), "invalid: exec: which program? write exec:CMD");
  EXPECT_EQ(refusal(exec_backend, "sleep 60"), "exec:sleep 60: gave no value within 5 s");
}

TEST(Exec, EndlessOutputIsBounded) {
  const auto exec =
      open(exec_backend, "echo 7; head -c 1000000 /dev/zero | tr '\\0' x; echo; while sleep 0.05; do echo 8; done");
  ASSERT_TRUE(exec);
  for (int i = 0; i < 250 && read(*exec)[0].raw != 8'000'000; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(read(*exec)[0].raw, 8'000'000) << "a line of 1 MB is skipped as a whole";
}

TEST(Socket, AServiceIsASensor) {
  Tree tree;
  const std::string path = tree.at("s").string();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  EXPECT_EQ(refusal(socket_backend, path), "socket:" + path.substr(0, 64) + ": no such file or directory");
  const Fd server(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::bind(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(server.get(), 1), 0);
  std::thread serves([&] {
    const Fd peer(::accept(server.get(), nullptr, nullptr));
    const std::string text = "sensor plug unit=J\nplug 10\n";
    ASSERT_EQ(::write(peer.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    char nothing = 0;
    [[maybe_unused]] const auto n = ::read(peer.get(), &nothing, 1);  // until the other side closes
  });
  {
    const auto socket = open(socket_backend, path);
    ASSERT_TRUE(socket);
    EXPECT_EQ(socket->sensors()[0].id, "socket:plug");
    EXPECT_EQ(read(*socket)[0].raw, 10'000'000);
  }
  serves.join();
  EXPECT_EQ(refusal(socket_backend, std::string(200, 'x')), "invalid: socket: the path has 200 bytes; at most 107 go");
}

TEST(File, IsReadAtEveryTick) {
  Tree tree;
  tree.file("plug", "sensor plug unit=W domain=gpu index=2\nsensor more unit=J\nplug 50\nmore 3\n");
  const auto file = open(file_backend, tree.at("plug").string());
  ASSERT_TRUE(file);
  EXPECT_EQ(file->sensors()[0].domain, Domain::gpu);
  EXPECT_EQ(read(*file)[0].raw, 50'000'000);
  tree.file("plug", "sensor plug\nplug 60\n");
  EXPECT_EQ(read(*file)[0].raw, 60'000'000);
  EXPECT_EQ(read(*file)[1].raw, missing) << "not there any more";
  std::filesystem::remove(tree.at("plug"));
  EXPECT_EQ(read(*file)[0].raw, missing);
  tree.file("plug", "garbage\n");
  EXPECT_EQ(read(*file)[0].raw, missing);
  EXPECT_EQ(refusal(file_backend, tree.at("none").string()),
            "file:" + tree.at("none").string() + ": no such file or directory");
  EXPECT_EQ(refusal(file_backend, tree.at("plug").string()),
            "file:" + tree.at("plug").string() + ": not understood: 'garbage'");
}

TEST(Own, ASensorJoinsTheOthersAndMakesUpTheTotal) {
  Tree tree;
  laptop(tree).file("plug", "300\n");
  const auto sources = open_sources(tree.host(), {.extra = {"file:" + tree.at("plug").string()}, .estimates = Estimates::off});
  ASSERT_TRUE(sources);
  Words counted;
  for (const Listed& l : sources->listed)
    if (l.sensor.counted) counted.push_back(l.sensor.id);
  EXPECT_EQ(counted, Words{"file:value"}) << "the whole machine";
  EXPECT_GT(sources->listed.size(), 1u) << "the others are read beside it";
  EXPECT_FALSE(open_sources(tree.host(), {.extra = {"fiel:x"}}));
  const auto none = open_sources(tree.host(), {.extra = {"ipmi"}});
  ASSERT_TRUE(none);
  EXPECT_EQ(none->blocked.front().reason, "asked for, but there is no such source on this machine");
}

/// Takes what comes late, until nothing more is awaited.
std::vector<Sensor> after_all_joined(Latecomers& late, std::vector<std::unique_ptr<Backend>>& backends, Words& blocked) {
  std::vector<Sensor> sensors;
  for (const auto& b : backends) sensors.insert(sensors.end(), b->sensors().begin(), b->sensors().end());
  while (!late.awaited().empty()) {
    pollfd ready{late.fd(), POLLIN, 0};
    EXPECT_EQ(::poll(&ready, 1, 20'000), 1);
    auto joined = late.next(sensors, {});
    if (!joined) continue;
    sensors = joined->sensors;
    for (const BlockedSource& b : joined->blocked) blocked.push_back(b.reason);
    if (joined->backend) backends.push_back(std::move(joined->backend));
  }
  return sensors;
}
Words counted(const std::vector<Sensor>& sensors) {
  Words out;
  for (const Sensor& s : sensors)
    if (s.counted) out.push_back(s.id);
  return out;
}

TEST(Own, ProgramsThatAreSlowToAnswerJoinLate) {
  Tree tree;
  laptop(tree);
  const auto begin = std::chrono::steady_clock::now();
  auto sources = open_sources(
      tree.host(), {.extra = {"exec:sleep 1.5; echo sensor first; echo first 10; sleep 9",
                              "exec:echo sensor second; echo second 20; echo sensor fan domain=rail; echo fan 1; sleep 9"},
                    .estimates = Estimates::off,
                    .late = true});
  ASSERT_TRUE(sources && sources->late);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(1400));
  Words blocked;
  const auto sensors = after_all_joined(*sources->late, sources->backends, blocked);
  EXPECT_EQ(blocked, Words{});
  EXPECT_EQ(counted(sensors), Words{"exec:first"}) << "the user's first, though it came last";
  EXPECT_EQ(std::count_if(sensors.begin(), sensors.end(), [](const Sensor& s) { return s.id == "exec:fan"; }), 0)
      << "what covers no known part is not read unless it is named";
  ASSERT_EQ(sources->backends.back()->sensors().size(), 1u);
  EXPECT_EQ(read(*sources->backends.back())[0].raw, 10'000'000);
}

TEST(Own, AProgramWithNothingToReadUnaskedIsTold) {
  Tree tree;
  auto sources = open_sources(
      tree.host(),
      {.extra = {"exec:sleep 1; echo sensor fan domain=rail; echo fan 1; sleep 9"}, .estimates = Estimates::off, .late = true});
  ASSERT_TRUE(sources && sources->late);
  Words blocked;
  const auto sensors = after_all_joined(*sources->late, sources->backends, blocked);
  EXPECT_EQ(counted(sensors), Words{});
  ASSERT_EQ(blocked.size(), 1u);
  EXPECT_NE(blocked[0].find("none is read unasked"), std::string::npos) << blocked[0];
}

TEST(Own, AProgramWithoutAnAnswerDoesNotOutliveTheRun) {
  Tree tree;
  const std::string mark = tree.at("pid").string();
  auto sources =
      open_sources(tree.host(), {.extra = {"exec:echo $$ >" + mark + ".new; mv " + mark + ".new " + mark + "; sleep 99"},
                                 .estimates = Estimates::off,
                                 .late = true});
  ASSERT_TRUE(sources && sources->late);
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!std::filesystem::exists(mark) && std::chrono::steady_clock::now() < patience)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  pid_t pid = 0;
  std::ifstream(mark) >> pid;
  ASSERT_GT(pid, 0);
  sources->late.reset();
  while (::kill(-pid, 0) == 0 && std::chrono::steady_clock::now() < patience)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(::kill(-pid, 0), -1) << "its whole group is gone";
  for (const auto* nonsense : {"exec:", "socket:"})
    EXPECT_FALSE(open_sources(tree.host(), {.extra = {nonsense}, .late = true})) << "told before the program starts";
}

}  // namespace
}  // namespace perun
