// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "support/tree.hpp"

namespace perun::test {

inline constexpr std::int64_t range_esu14 = 262'143'328'850;      ///< Intel package: (2^32 - 1) x 61.035 uJ
inline constexpr std::int64_t range_fixed_dram = 65'712'999'613;  ///< the 15.3 uJ unit
inline constexpr std::int64_t range_esu16 = 65'532'610'987;       ///< AMD
inline constexpr std::int64_t range_1J = 4'294'967'295'000'000;   ///< psys of Sapphire Rapids

/// One RAPL zone: folder "intel-rapl:0:1", what its file `name` says, its range and counter.
inline Tree& zone(Tree& tree, const std::string& folder, std::string_view name, std::int64_t range,
                  std::int64_t energy_uj = 1'000'000) {
  const std::string at = "sys/class/powercap/" + folder + "/";
  return tree.file(at + "name", std::string(name) + "\n")
      .file(at + "energy_uj", std::to_string(energy_uj) + "\n")
      .file(at + "max_energy_range_uj", std::to_string(range) + "\n");
}

inline Tree& cpuinfo(Tree& tree, std::string_view vendor, std::string_view model, int sockets = 1, int cores = 4,
                     std::string_view flags = "") {
  std::string all;
  for (int s = 0; s < sockets; ++s)
    for (int c = 0; c < cores; ++c)
      all += "processor\t: " + std::to_string(s * cores + c) + "\nvendor_id\t: " + std::string(vendor) +
             "\nmodel name\t: " + std::string(model) + "\nphysical id\t: " + std::to_string(s) +
             "\ncore id\t\t: " + std::to_string(c) + "\nflags\t\t: fpu " + std::string(flags) + "\n\n";
  return tree.file("proc/cpuinfo", all);
}

/// /proc of a machine with two disks (one partitioned, one below dm), a bridge and a physical interface.
inline Tree& proc_files(Tree& tree) {
  tree.file("proc/stat", "cpu  1000 50 300 8000 200 20 30 400 77 5\ncpu0 500 25 150 4000 100 10 15 200 0 0\nintr 1 2 3\n");
  tree.file("proc/meminfo",
            "MemTotal:       16777216 kB\nMemFree:          440324 kB\nMemAvailable:   12582912 kB\nBuffers: 1 kB\n");
  tree.file("proc/diskstats",
            "   7       0 loop0 9 0 9 0 9 0 9 0 0 0 0\n"
            "   8       0 sda 25354637 34367663 1000 18492372 28444756 11134226 2000 63877960 0 9653880 82621804\n"
            "   8       1 sda1 250 0 500 36 0 0 700 0 0 36 36\n"
            " 252       0 dm-0 59910002 0 1000 46229572 39231014 0 2000 1158557800 0 11325968 1206301256\n"
            " 259       0 nvme0n1 47114 4 30 21650 1078320 43950 40 1011053 0 222766 1032546 0 0 0 0 1 2\n");
  for (const char* disk : {"loop0", "sda", "nvme0n1", "dm-0"}) tree.file(std::string("sys/block/") + disk + "/size", "100\n");
  tree.file("sys/block/dm-0/slaves/sda", "");
  tree.file("proc/net/dev",
            "Inter-|   Receive                                                |  Transmit\n"
            " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier "
            "compressed\n"
            "    lo: 1664039048 1566805    0    0    0     0          0         0 1664039048 1566805    0    0    0     0      "
            " 0          0\n"
            "docker0:    2568      38    0    0    0     0          0         0      438       5    0    0    0     0       0  "
            "        0\n"
            "  eth0:874354587 1036395    0    0    0     0          0         0 563352563  732147    0    0    0     0       0 "
            "         0\n");
  tree.file("sys/class/net/lo/type", "772\n")
      .file("sys/class/net/docker0/type", "1\n")
      .file("sys/class/net/eth0/device/vendor", "0x8086\n");
  return tree;
}

/// Client: package with cores and uncore, psys beside it, and the same package once more through MMIO.
inline Tree& laptop(Tree& tree) {
  cpuinfo(tree, "GenuineIntel", "Intel(R) Core(TM) i7-8550U CPU @ 1.80GHz");
  tree.file("sys/class/powercap/intel-rapl/enabled", "1\n").file("sys/class/powercap/intel-rapl-mmio/enabled", "1\n");
  zone(tree, "intel-rapl:0", "package-0", range_esu14, 3'000'000);
  zone(tree, "intel-rapl:0:0", "core", range_esu14, 2'000'000);
  zone(tree, "intel-rapl:0:1", "uncore", range_esu14, 100'000);
  zone(tree, "intel-rapl:1", "psys", range_esu14, 5'000'000);
  return zone(tree, "intel-rapl-mmio:0", "package-0", range_esu14, 3'000'000);
}

/// Two-socket server whose psys (1 J steps) was registered between the packages.
inline Tree& server(Tree& tree) {
  cpuinfo(tree, "GenuineIntel", "Intel(R) Xeon(R) Platinum 8480+", 2);
  zone(tree, "intel-rapl:0", "package-0", range_esu14, 10);
  zone(tree, "intel-rapl:0:0", "dram", range_esu14, 20);
  zone(tree, "intel-rapl:1", "psys", range_1J, 30);
  zone(tree, "intel-rapl:2", "package-1", range_esu14, 40);
  return zone(tree, "intel-rapl:2:0", "dram", range_esu14, 50);
}

/// Two packages of two dies each, DRAM in the fixed unit.
inline Tree& multi_die(Tree& tree) {
  cpuinfo(tree, "GenuineIntel", "Intel(R) Xeon(R) Platinum 9242 CPU @ 2.30GHz", 2);
  const std::string names[] = {"package-0-die-0", "package-0-die-1", "package-1-die-0", "package-1-die-1"};
  for (int i = 0; i < 4; ++i) {
    const std::string folder = "intel-rapl:" + std::to_string(i);
    zone(tree, folder, names[i], range_esu14, 100 + i);
    zone(tree, folder + ":0", "dram", range_fixed_dram, 200 + i);
  }
  return tree;
}

/// AMD server: the zone "core" is one single core.
inline Tree& epyc(Tree& tree) {
  cpuinfo(tree, "AuthenticAMD", "AMD EPYC 7763 64-Core Processor", 2);
  for (const std::string n : {"0", "1"}) {
    zone(tree, "intel-rapl:" + n, "package-" + n, range_esu16);
    zone(tree, "intel-rapl:" + n + ":0", "core", range_esu16);
  }
  return tree;
}

/// Twelve sockets: zone numbers are hexadecimal, so socket 10 is intel-rapl:a.
inline Tree& many_sockets(Tree& tree) {
  for (int i = 0; i < 12; ++i)
    zone(tree, std::string("intel-rapl:") + "0123456789ab"[i], "package-" + std::to_string(i), range_esu14, 1000 + i);
  return tree;
}

}  // namespace perun::test
