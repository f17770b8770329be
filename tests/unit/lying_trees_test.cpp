// SPDX-License-Identifier: BSD-3-Clause
// Trees below /sys and /proc that lie: whatever their files hold, nothing crashes, no number is made up, and what is wrong
// is told in words that a terminal can show.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <ctime>
#include <filesystem>
#include <string>
#include <vector>

#include "backends/list.hpp"
#include "backends/select.hpp"
#include "base/fd.hpp"
#include "base/missing.hpp"
#include "base/text.hpp"
#include "host/machine.hpp"
#include "support/machines.hpp"

namespace perun {
namespace {

namespace fs = std::filesystem;
using namespace test;  // NOLINT: the fixtures

const std::string zone_folder = "sys/class/powercap/intel-rapl:0/";
const std::string package_counter = zone_folder + "energy_uj";

/// A machine with one package at 5 J, a known limit and plain /proc files.
Tree& machine(Tree& tree) {
  proc_files(cpuinfo(tree, "GenuineIntel", "Intel(R) Core(TM) i7-8550U CPU @ 1.80GHz"));
  return zone(tree, "intel-rapl:0", "package-0", range_esu14, 5'000'000)
      .file(zone_folder + "constraint_0_max_power_uw", "95000000\n");
}

Sources opened(const Tree& tree, const Selection& selection = {}) {
  auto sources = open_sources(tree.host(), selection);
  EXPECT_TRUE(sources);
  return sources ? *std::move(sources) : Sources{};
}

const Sensor* sensor(const Sources& sources, std::string_view id) {
  for (const Listed& l : sources.listed)
    if (l.sensor.id == id) return &l.sensor;
  return nullptr;
}

/// What a sensor reads now; missing also when there is no such sensor.
std::int64_t reading(const Sources& sources, std::string_view id) {
  for (const auto& backend : sources.backends) {
    std::vector<Reading> out(backend->sensors().size());
    backend->read(out);
    for (std::size_t i = 0; i < out.size(); ++i)
      if (backend->sensors()[i].id == id) return out[i].raw;
  }
  return missing;
}

/// What `perun sensors` says is for a terminal and for JSON, whatever the files held.
void check_words(const Sources& sources) {
  const std::string text = list_text(sources);
  EXPECT_TRUE(text::is_utf8(text));
  for (std::size_t i = 0; i < text.size(); ++i) {
    EXPECT_TRUE(static_cast<unsigned char>(text[i]) >= 0x20 || text[i] == '\n') << text;
    EXPECT_FALSE(text[i] == '\xC2' && static_cast<unsigned char>(text[i + 1]) < 0xA0) << text;
  }
  EXPECT_NO_THROW(static_cast<void>(list_json(sources).dump()));
}

/// Texts that are no number a counter can hold.
const std::vector<std::string> no_numbers = {"",
                                             "\n",
                                             "garbage\n",
                                             "-1\n",
                                             "-9223372036854775808\n",
                                             "18446744073709551616\n",
                                             "0x10",
                                             "1e9\n",
                                             "1 2\n",
                                             "1\n2\n",
                                             "9223372036854775808\n",
                                             "nan\n",
                                             "5.5",
                                             "\x1B[2J5\n",
                                             "\xFF\xFE\n",
                                             "+\n",
                                             std::string("5\0"
                                                         "5",
                                                         3),
                                             std::string(100'000, '7')};

TEST(LyingTrees, ACounterThatIsNoNumberIsBlockedAndEstimatedInstead) {
  for (const auto& text : no_numbers) {
    Tree tree;
    const Sources sources = opened(machine(tree).file(package_counter, text));
    EXPECT_EQ(sensor(sources, "rapl:package-0"), nullptr) << text;
    ASSERT_EQ(sources.blocked.size(), 1u) << text;
    EXPECT_NE(sources.blocked[0].reason.find("intel-rapl:0"), std::string::npos) << sources.blocked[0].reason;
    ASSERT_NE(sensor(sources, "estimate:cpu"), nullptr) << text;
    check_words(sources);
  }
}

TEST(LyingTrees, ACounterThatStopsBeingOneIsMissing) {
  Tree tree;
  const Sources sources = opened(machine(tree));
  for (const auto& text : no_numbers) {
    tree.file(package_counter, text);
    EXPECT_EQ(reading(sources, "rapl:package-0"), missing) << text;
  }
  tree.file(package_counter, "7000000\n");
  EXPECT_EQ(reading(sources, "rapl:package-0"), 7'000'000);
}

TEST(LyingTrees, ARangeThatCannotBeIsUnknownAndSaid) {
  std::vector<std::string> ranges = no_numbers;
  ranges.insert(ranges.end(), {"0\n", "-262143328850\n"});
  for (const auto& text : ranges) {
    if (text == "1\n2\n") continue;  // its first line is a range
    Tree tree;
    const Sources sources = opened(machine(tree).file(zone_folder + "max_energy_range_uj", text));
    const Sensor* s = sensor(sources, "rapl:package-0");
    ASSERT_NE(s, nullptr) << text;
    EXPECT_EQ(s->wraps_at, 0) << text;
    EXPECT_EQ(s->note, "its range is unknown: a wrap cannot be told from a reset");
    EXPECT_GE(s->resolution, 1);
    EXPECT_EQ(reading(sources, "rapl:package-0"), 5'000'000);
    check_words(sources);
  }
  Tree tree;
  machine(tree);
  fs::remove(tree.at(zone_folder + "max_energy_range_uj"));
  EXPECT_EQ(sensor(opened(tree), "rapl:package-0")->wraps_at, 0);
}

TEST(LyingTrees, ALimitThatCannotBeIsNotBelieved) {
  for (const auto& text : no_numbers) {
    Tree tree;
    const Sources sources = opened(machine(tree).file(zone_folder + "constraint_0_max_power_uw", text));
    const double watts = sensor(sources, "rapl:package-0")->max_power_W;
    EXPECT_TRUE(watts >= 2 && watts <= 3000) << watts << " of " << text;
  }
}

TEST(LyingTrees, FoldersAndLinkLoopsInTheirPlaceAreNoFiles) {
  for (const char* file : {"energy_uj", "max_energy_range_uj", "name", "constraint_0_max_power_uw"})
    for (const bool loop : {false, true}) {
      Tree tree;
      const auto path = machine(tree).at(zone_folder + file);
      fs::remove(path);
      if (loop)
        fs::create_symlink(path.filename(), path);
      else
        fs::create_directory(path);
      const Sources sources = opened(tree);
      const bool decides = std::string_view(file) == "energy_uj" || std::string_view(file) == "name";
      EXPECT_EQ(sensor(sources, "rapl:package-0") == nullptr, decides) << file;
      EXPECT_EQ(sources.blocked.size(), decides ? 1u : 0u) << file;
      EXPECT_EQ(sensor(sources, "estimate:cpu") != nullptr, decides) << file;
      check_words(sources);
    }
}

TEST(LyingTrees, ZonesThatLinkInCirclesEnd) {
  Tree tree;
  machine(tree);
  fs::create_directory_symlink(".", tree.at(zone_folder + "intel-rapl:0:0"));
  fs::create_directory_symlink("intel-rapl:2", tree.at("sys/class/powercap/intel-rapl:1"));
  fs::create_directory_symlink("intel-rapl:1", tree.at("sys/class/powercap/intel-rapl:2"));
  fs::create_directory_symlink("../powercap", tree.at("sys/class/powercap/intel-rapl:3"));
  const Sources sources = opened(tree);
  EXPECT_EQ(reading(sources, "rapl:package-0"), 5'000'000);
  EXPECT_EQ(sources.blocked.size(), 3u);
  check_words(sources);
}

TEST(LyingTrees, NamesThatATerminalWouldObeyAreShownHarmless) {
  for (const std::string name : {"package-0\n\x1B[2Jpackage-1", "pack\x1B]0;owned\x07",
                                 "\xC2\x9B"
                                 "2J",
                                 "\xFF\xFE", "package-0\x7F", "package-"}) {
    Tree tree;
    const Sources sources = opened(machine(tree).file(zone_folder + "name", name));
    EXPECT_EQ(sensor(sources, "rapl:package-0"), nullptr);
    ASSERT_EQ(sources.blocked.size(), 1u);
    check_words(sources);
  }
  Tree tree;
  cpuinfo(machine(tree), "GenuineIntel",
          "Intel \x1B[2J \xC2\x9B"
          "31m \xFF");
  EXPECT_EQ(processors(tree.host()).model, "Intel  [2J  31m \xEF\xBF\xBD");
  tree.file("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "\x1B[31m\n");
  for (const auto& [key, value] : describe_machine(tree.host())) EXPECT_EQ(value, text::printable(value)) << key;
}

TEST(LyingTrees, FolderNamesThatAreNoZonesAreLeftAlone) {
  Tree tree;
  machine(tree);
  for (const std::string folder :
       {"intel-rapl:0\n1", "intel-rapl:\x1B[2J", "intel-rapl:\xFF", "intel-rapl:0:0:x", "intel-rapl"})
    fs::create_directories(tree.at("sys/class/powercap/" + folder));
  const Sources sources = opened(tree);
  EXPECT_TRUE(sources.blocked.empty());
  EXPECT_EQ(reading(sources, "rapl:package-0"), 5'000'000);
}

TEST(LyingTrees, LyingFilesOfProcAreMissing) {
  const std::vector<std::string> lies = {"",
                                         "cpu\n",
                                         "cpu -1 -1 -1 -1\n",
                                         "cpu 18446744073709551616 1 1 1 1\n",
                                         "cpu a b c d\n",
                                         "MemTotal: -5 kB\nMemAvailable: 1 kB\n",
                                         "MemTotal: 18446744073709551616 kB\nMemAvailable: 1 kB\n",
                                         "MemTotal: 5 kB\nMemAvailable: 10 kB\n",
                                         "8 0 sda 1 1 18446744073709551616 1 1 1 5 1\n",
                                         "8 0 sda 1 1 -7 1 1 1 5 1\n",
                                         "  eth0: -1 2 3 4 5 6 7 8 9 10\n",
                                         "  eth0: 9223372036854775808 2 3 4 5 6 7 8 9 10\n",
                                         "\x1B[2J\xFF\n",
                                         std::string(20'000, 'x')};
  for (const auto& text : lies) {
    Tree tree;
    machine(tree);
    for (const char* file : {"proc/stat", "proc/meminfo", "proc/diskstats", "proc/net/dev"}) tree.file(file, text);
    const Sources sources = opened(tree);
    for (const Listed& l : sources.listed)
      if (l.sensor.id.starts_with("proc:")) {
        EXPECT_EQ(reading(sources, l.sensor.id), missing) << l.sensor.id << " of " << text;
      }
    check_words(sources);
  }
}

TEST(LyingTrees, FoldersInThePlaceOfProcFilesAreMissing) {
  Tree tree;
  machine(tree);
  for (const char* file : {"proc/stat", "proc/meminfo", "proc/diskstats", "proc/net/dev", "proc/cpuinfo"}) {
    fs::remove(tree.at(file));
    fs::create_directory(tree.at(file));
  }
  const Sources sources = opened(tree);
  for (const Listed& l : sources.listed)
    if (l.sensor.id.starts_with("proc:")) {
      EXPECT_EQ(reading(sources, l.sensor.id), missing) << l.sensor.id;
    }
  EXPECT_EQ(reading(sources, "rapl:package-0"), 5'000'000);
  EXPECT_EQ(processors(tree.host()).model, "unknown");
}

TEST(LyingTrees, AnEstimateNeverComesFromLies) {
  for (const std::string cpus : {"", "processor\t: -5\nphysical id\t: 18446744073709551616\n", "\xFF\xFF:\x1B\n:::\n"})
    for (const std::string memory : {"MemTotal: 18446744073709551616 kB\n", "MemTotal: 9223372036854775807 kB\n",
                                     "MemTotal: -9223372036854775807 kB\n", "MemTotal: -1 kB\n", "MemTotal: x\n"}) {
      Tree tree;
      tree.file("proc/cpuinfo", cpus).file("proc/meminfo", memory).file("proc/stat", "cpu 1 1 1 1 1 1 1 1\n");
      const Sources sources = opened(tree);
      EXPECT_EQ(sensor(sources, "estimate:dram"), nullptr) << memory;
      ASSERT_NE(sensor(sources, "estimate:cpu"), nullptr);
      EXPECT_GE(reading(sources, "estimate:cpu"), 0);
      check_words(sources);
    }
}

/// Lowers the number of files this process may have open, for as long as it lives.
class FileLimit {
 public:
  explicit FileLimit(rlim_t most) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit lowered{most, before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &lowered);
  }
  ~FileLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  FileLimit(const FileLimit&) = delete;
  FileLimit& operator=(const FileLimit&) = delete;

 private:
  rlimit before_{};
};

/// Ten thousand zones, most of them links to the last folder, which are quicker to make.
Tree& ten_thousand_zones(Tree& tree) {
  for (int i = 0; i < 520; ++i) zone(tree, "intel-rapl:" + std::to_string(i), "package-" + std::to_string(i), range_esu14);
  for (int i = 520; i < 10'000; ++i)
    fs::create_directory_symlink("intel-rapl:519", tree.at("sys/class/powercap/intel-rapl:" + std::to_string(i)));
  return tree;
}

TEST(LyingTrees, TenThousandZonesTakeLittleTimeAndLeaveFilesForOthers) {
  Tree tree;
  proc_files(ten_thousand_zones(tree));
  const std::clock_t begin = std::clock();
  Sources all = opened(tree);
  EXPECT_LT(std::clock() - begin, 5 * CLOCKS_PER_SEC) << "of processor time";
  EXPECT_EQ(all.backends.at(0)->sensors().size(), 512u);
  check_words(all);
  all.backends.clear();

  const FileLimit limit(64);
  const Sources some = opened(tree);
  ASSERT_FALSE(some.backends.empty());
  EXPECT_LT(some.backends[0]->sensors().size(), 64u);
  bool rapl = false, proc = false;
  for (const BlockedSource& b : some.blocked) {
    rapl = rapl || (b.backend == "rapl" && b.reason.find("too many open files") != std::string::npos);
    proc = proc || (b.backend == "proc" && b.reason == "cannot be looked for: too many open files (the limit is 64)");
  }
  EXPECT_TRUE(rapl);
  EXPECT_TRUE(proc);
  EXPECT_TRUE(some.absent.empty()) << "what could not be looked for is not absent";
  std::vector<Fd> files;
  for (int i = 0; i < 12; ++i) files.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  for (const Fd& file : files) EXPECT_TRUE(file) << "for the journal";
}

}  // namespace
}  // namespace perun
