// SPDX-License-Identifier: BSD-3-Clause
// A file system that is a machine with RAPL counters of known truth:
//
//   counterfs [--plain] MOUNT CURVE [RANGE_UJ]
//
// serves MOUNT/class/powercap/intel-rapl:0/{name,energy_uj,max_energy_range_uj}. energy_uj is the closed-form integral of
// the power curve over CLOCK_MONOTONIC up to the last full millisecond, in uJ, modulo the range: what a perfect counter
// with a refresh of 1 ms shows. CURVE is const:W or square:LOW:HIGH:PERIOD_S; its time 0 is that of the clock.
// Runs in the foreground; unmounts on SIGTERM. With --plain, for users who may not mount, MOUNT is a folder of plain files and
// energy_uj is written anew each millisecond; the longest time between two writes so far, which is the counter's real
// refresh, stands in MOUNT/longest_refresh_ns.
#define FUSE_USE_VERSION 31
#include <fcntl.h>
#include <fuse.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>

#include "backends/curve.hpp"
#include "base/fd.hpp"
#include "base/text.hpp"
#include "host/clock.hpp"

namespace {

struct Machine {
  perun::Curve curve;
  std::uint64_t range_uj = 262'143'328'850;
};

const std::string zone = "/class/powercap/intel-rapl:0";

const Machine& machine() {
  return *static_cast<Machine*>(fuse_get_context()->private_data);
}

/// What the counter shows now.
std::uint64_t energy_uj(const Machine& machine) {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const double ms = std::floor(static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) * 1e-6);
  return static_cast<std::uint64_t>(machine.curve.energy(ms * 1e-3) * 1e6) % (machine.range_uj + 1);
}

std::string content(std::string_view path) {
  if (path == zone + "/name") return "package-0\n";
  if (path == zone + "/max_energy_range_uj") return std::to_string(machine().range_uj) + "\n";
  return std::to_string(energy_uj(machine())) + "\n";
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

void write_file(const std::string& path, const std::string& text) {
  const perun::Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  if (::pwrite(file.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) std::exit(1);
}

/// Never returns. The number has always the same width, so that a reader never meets half of an old one.
[[noreturn]] void serve_plain_files(const std::string& folder, const Machine& machine) {
  std::filesystem::create_directories(folder + zone);
  write_file(folder + zone + "/max_energy_range_uj", std::to_string(machine.range_uj) + "\n");
  ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  const perun::Fd counter(::open((folder + zone + "/energy_uj").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  std::int64_t before = 0, longest = 0;
  for (bool first = true;; first = false) {
    std::string text = std::to_string(energy_uj(machine));
    text = std::string(20 - text.size(), '0') + text + "\n";
    if (::pwrite(counter.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) std::exit(1);
    if (first) write_file(folder + zone + "/name", "package-0\n");  // the counter is there before the zone can be found
    const std::int64_t written = perun::monotonic_ns();
    if (!first && written - before > longest) {
      longest = written - before;
      text = std::to_string(longest);
      write_file(folder + "/longest_refresh_ns", std::string(20 - text.size(), '0') + text + "\n");
    }
    before = written;
    timespec next{};
    ::clock_gettime(CLOCK_MONOTONIC, &next);
    next.tv_nsec += 1'000'000 - next.tv_nsec % 1'000'000;
    next.tv_sec += next.tv_nsec / 1'000'000'000;
    next.tv_nsec %= 1'000'000'000;
    ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, nullptr);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const bool plain = argc > 1 && std::string_view(argv[1]) == "--plain";
  if (plain) {
    --argc;
    ++argv;
  }
  Machine machine;
  if (argc < 3 || !parse(argv[2], machine.curve)) {
    std::fprintf(stderr, "usage: counterfs MOUNT const:W|square:LOW:HIGH:PERIOD_S [RANGE_UJ]\n");
    return 2;
  }
  if (argc > 3) machine.range_uj = static_cast<std::uint64_t>(perun::text::integer(argv[3]).value());
  if (plain) serve_plain_files(argv[1], machine);
  fuse_operations operations{};
  operations.getattr = get_attributes;
  operations.readdir = list;
  operations.open = open_file;
  operations.read = read_file;
  char foreground[] = "-f", options[] = "-oattr_timeout=60,entry_timeout=60";
  char* arguments[] = {argv[0], argv[1], foreground, options, nullptr};
  return fuse_main(4, arguments, &operations, &machine);
}
