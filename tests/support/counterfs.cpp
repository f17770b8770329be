// SPDX-License-Identifier: BSD-3-Clause
// A file system that is a machine with RAPL counters of known truth:
//
//   counterfs MOUNT CURVE [RANGE_UJ]
//
// serves MOUNT/class/powercap/intel-rapl:0/{name,energy_uj,max_energy_range_uj}. energy_uj is the closed-form integral of
// the power curve over CLOCK_MONOTONIC up to the last full millisecond, in uJ, modulo the range: what a perfect counter
// with a refresh of 1 ms shows. CURVE is const:W or square:LOW:HIGH:PERIOD_S; its time 0 is that of the clock.
// Runs in the foreground; unmounts on SIGTERM.
#define FUSE_USE_VERSION 31
#include <fuse.h>
#include <time.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include "backends/curve.hpp"
#include "base/text.hpp"

namespace {

struct Machine {
  perun::Curve curve;
  std::uint64_t range_uj = 262'143'328'850;
};

const std::string zone = "/class/powercap/intel-rapl:0";

const Machine& machine() {
  return *static_cast<Machine*>(fuse_get_context()->private_data);
}

std::string content(std::string_view path) {
  if (path == zone + "/name") return "package-0\n";
  if (path == zone + "/max_energy_range_uj") return std::to_string(machine().range_uj) + "\n";
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const double ms = std::floor(static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) * 1e-6);
  const auto uj = static_cast<std::uint64_t>(machine().curve.energy(ms * 1e-3) * 1e6);
  return std::to_string(uj % (machine().range_uj + 1)) + "\n";
}

bool is_folder(std::string_view path) {
  return path == "/" || (zone + "/").starts_with(std::string(path) + "/");
}
bool is_file(std::string_view path) {
  return path == zone + "/name" || path == zone + "/energy_uj" || path == zone + "/max_energy_range_uj";
}

int get_attributes(const char* path, struct stat* info, fuse_file_info*) {
  std::memset(info, 0, sizeof *info);
  if (!is_folder(path) && !is_file(path)) return -ENOENT;
  info->st_mode = is_folder(path) ? S_IFDIR | 0755 : S_IFREG | 0444;
  info->st_nlink = is_folder(path) ? 2 : 1;
  info->st_size = is_folder(path) ? 0 : 4096;
  return 0;
}

int list(const char* path, void* buffer, fuse_fill_dir_t fill, off_t, fuse_file_info*, fuse_readdir_flags) {
  const std::string folder = std::string_view(path) == "/" ? "" : path;
  if (folder == zone) {
    for (const char* name : {"name", "energy_uj", "max_energy_range_uj"}) fill(buffer, name, nullptr, 0, {});
  } else {
    const std::string rest = zone.substr(folder.size() + 1);
    fill(buffer, rest.substr(0, rest.find('/')).c_str(), nullptr, 0, {});
  }
  return 0;
}

int open_file(const char* path, fuse_file_info* info) {
  if (!is_file(path)) return -ENOENT;
  info->direct_io = 1;  // every pread asks anew, as in sysfs
  return 0;
}

int read_file(const char* path, char* buffer, std::size_t size, off_t offset, fuse_file_info*) {
  const std::string text = content(path);
  if (offset >= static_cast<off_t>(text.size())) return 0;
  const auto from = static_cast<std::size_t>(offset);
  const auto n = std::min(size, text.size() - from);
  std::memcpy(buffer, text.data() + from, n);
  return static_cast<int>(n);
}

bool parse(std::string_view words, perun::Curve& curve) {
  const auto parts = perun::text::split(words, ':');
  const auto value = [&](std::size_t i) { return perun::text::number(parts.at(i)).value(); };
  if (parts[0] == "const") {
    curve.low_W = curve.high_W = value(1);
    return true;
  }
  curve.shape = perun::Curve::Shape::square;
  curve.low_W = value(1);
  curve.high_W = value(2);
  curve.period_s = value(3);
  return parts[0] == "square";
}

}  // namespace

int main(int argc, char** argv) {
  Machine machine;
  if (argc < 3 || !parse(argv[2], machine.curve)) {
    std::fprintf(stderr, "usage: counterfs MOUNT const:W|square:LOW:HIGH:PERIOD_S [RANGE_UJ]\n");
    return 2;
  }
  if (argc > 3) machine.range_uj = static_cast<std::uint64_t>(perun::text::integer(argv[3]).value());
  fuse_operations operations{};
  operations.getattr = get_attributes;
  operations.readdir = list;
  operations.open = open_file;
  operations.read = read_file;
  char foreground[] = "-f", options[] = "-oattr_timeout=60,entry_timeout=60";
  char* arguments[] = {argv[0], argv[1], foreground, options, nullptr};
  return fuse_main(4, arguments, &operations, &machine);
}
