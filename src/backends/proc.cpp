// SPDX-License-Identifier: BSD-3-Clause
// What the node does beside using energy: CPU time, memory, disk and network traffic, from /proc.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "backends/backend.hpp"
#include "backends/bracket.hpp"
#include "backends/cpu_ticks.hpp"
#include "backends/files.hpp"
#include "host/sysfs.hpp"

namespace perun {
namespace {

using Pair = std::array<std::int64_t, 2>;

/// A kernel counter that never falls, although a device may go and come back at 0.
class Rising {
 public:
  void set(std::int64_t value) noexcept {
    if (value < last_) base_ += last_;
    last_ = value;
  }
  [[nodiscard]] std::int64_t value() const noexcept { return base_ + last_; }

 private:
  std::int64_t last_ = 0, base_ = 0;
};

/// Bytes in and out of one disk or interface.
struct Device {
  std::string name;
  Rising in = {}, out = {};
};

/// Name, bytes in, bytes out of one line, or nothing.
struct Traffic {
  std::string_view name;
  std::int64_t in, out;
};

/// Skips `n` numbers; false when there are fewer.
bool skip(std::string_view& rest, int n) noexcept {
  for (std::int64_t value = 0; n > 0; --n)
    if (!files::number(rest, value)) return false;
  return true;
}

/// "8 0 sda reads merged SECTORS ms writes merged SECTORS ..."; a sector is 512 bytes whatever the disk says.
std::optional<Traffic> disk_traffic(std::string_view line) noexcept {
  constexpr std::int64_t sector = 512, most = std::numeric_limits<std::int64_t>::max() / sector / 2;
  Traffic t{};
  if (!skip(line, 2)) return std::nullopt;
  t.name = files::word(line);
  const bool whole = skip(line, 2) && files::number(line, t.in) && skip(line, 3) && files::number(line, t.out);
  if (!whole || t.in > most || t.out > most) return std::nullopt;
  return Traffic{t.name, t.in * sector, t.out * sector};
}

/// "eth0: BYTES 7 numbers BYTES ..."; the first number may touch the colon.
std::optional<Traffic> interface_traffic(std::string_view line) noexcept {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view name = line.substr(0, colon), rest = line.substr(colon + 1);
  Traffic t{files::word(name), 0, 0};
  if (!files::number(rest, t.in) || !skip(rest, 7) || !files::number(rest, t.out)) return std::nullopt;
  return t;
}

using ParseTraffic = std::optional<Traffic> (*)(std::string_view) noexcept;

/// Two sums over a fixed set of devices in one file.
struct TrafficFile {
  Fd file;
  std::vector<Device> devices;  ///< sorted by name
  ParseTraffic parse = nullptr;

  [[nodiscard]] Pair read() noexcept {
    bool any = false;
    const bool done = files::each_line(file, [&](std::string_view line) {
      if (const auto t = parse(line)) {
        const auto at = std::lower_bound(devices.begin(), devices.end(), t->name,
                                         [](const Device& d, std::string_view name) { return d.name < name; });
        if (at != devices.end() && at->name == t->name) {
          any = true;
          at->in.set(t->in);
          at->out.set(t->out);
        }
      }
      return files::Next::go_on;
    });
    if (!done || !any) return {missing, missing};
    Pair sum{};
    for (const Device& d : devices) {
      sum[0] += d.in.value();
      sum[1] += d.out.value();
    }
    return sum;
  }
};

/// MemTotal - MemAvailable in bytes.
std::int64_t memory_used(const Fd& meminfo) noexcept {
  std::int64_t total = missing, available = missing;
  const bool done = files::each_line(meminfo, [&](std::string_view line) {
    const std::string_view key = files::word(line);
    std::int64_t* const wanted = key == "MemTotal:" ? &total : key == "MemAvailable:" ? &available : nullptr;
    if (wanted != nullptr && !files::number(line, *wanted)) *wanted = missing;
    return total != missing && available != missing ? files::Next::stop : files::Next::go_on;
  });
  constexpr std::int64_t most_kib = std::numeric_limits<std::int64_t>::max() / 1024;
  if (!done || total == missing || available == missing || available > total || total > most_kib) return missing;
  return (total - available) * 1024;
}

/// The files of /proc that could be opened.
struct Files {
  Fd stat, meminfo;
  TrafficFile disks, interfaces;
};

class Proc final : public Backend {
 public:
  Proc(Files files, std::vector<Sensor> sensors, std::int64_t (*now_ns)())
      : files_(std::move(files)), sensors_(std::move(sensors)), now_ns_(now_ns) {}

  std::span<const Sensor> sensors() const noexcept override { return sensors_; }

  void read(std::span<Reading> out) noexcept override {
    std::int64_t before = now_ns_();
    const auto put = [&](std::span<const std::int64_t> raws) {
      const std::int64_t after = now_ns_();
      for (const std::int64_t raw : raws) {
        out.front() = bracketed(before, after, raw);
        out = out.subspan(1);
      }
      before = after;
    };
    if (files_.stat) put(cpu());
    if (files_.meminfo) put(std::array{memory_used(files_.meminfo)});
    if (files_.disks.file) put(files_.disks.read());
    if (files_.interfaces.file) put(files_.interfaces.read());
  }

 private:
  Pair cpu() noexcept {
    const auto ticks = read_cpu_ticks(files_.stat);
    if (!ticks) return {missing, missing};
    // The kernel's idle time may step back a little between two reads.
    total_ = std::max(total_, ticks->total);
    return {ticks->busy, total_};
  }

  Files files_;
  std::vector<Sensor> sensors_;
  std::int64_t (*now_ns_)();
  std::int64_t total_ = 0;
};

std::vector<Device> devices(const std::vector<std::string>& names) {
  std::vector<Device> out;
  out.reserve(names.size());
  for (const std::string& name : names) out.push_back({name});
  return out;
}

/// Whole disks that stand on no other disk: what dm, md and bcache pass on is counted below them already.
std::vector<std::string> whole_disks(const Host& host) {
  std::vector<std::string> found;
  for (std::string& name : files::names(host.at_sys("block"))) {
    const auto folder = host.at_sys("block") / name;
    if (name.starts_with("loop") || name.starts_with("ram") || name.starts_with("zram")) continue;
    const bool hidden = sysfs::integer(folder / "hidden").value_or(0) != 0;  // a path of a multipath NVMe disk
    if (!hidden && files::names(folder / "slaves").empty()) found.push_back(std::move(name));
  }
  return found;
}

/// Interfaces with hardware behind them, so that bridges and bonds are not counted again; in a container, where none
/// has any, all but the loopback.
std::vector<std::string> interfaces(const Host& host) {
  std::vector<std::string> physical, all;
  std::error_code none;
  for (std::string& name : files::names(host.at_sys("class/net")))
    if (std::filesystem::exists(host.at_sys("class/net") / name / "device", none)) physical.push_back(std::move(name));
  if (!physical.empty()) return physical;
  const bool read = files::each_line(sysfs::open(host.at_proc("net/dev")), [&](std::string_view line) {
    if (const auto t = interface_traffic(line); t && t->name != "lo") all.emplace_back(t->name);
    return files::Next::go_on;
  });
  if (!read) all.clear();
  std::sort(all.begin(), all.end());
  return all;
}

Sensor activity(std::string_view id, std::string_view label, Quantity quantity, Domain domain, std::string_view file,
                std::int64_t resolution = 1) {
  Sensor s{.id = std::string(id), .label = std::string(label), .source = fmt::format("/proc/{}", file)};
  s.quantity = quantity;
  s.domain = domain;
  s.resolution = resolution;
  return s;
}

void add_cpu(std::vector<Sensor>& sensors) {
  const long rate = ::sysconf(_SC_CLK_TCK);
  for (const auto& [id, label] :
       {std::pair("proc:cpu_busy", "CPU time busy"), std::pair("proc:cpu_total", "CPU time passed")}) {
    Sensor s = activity(id, label, Quantity::utilization, Domain::cpu, "stat");
    s.scale = 1.0 / static_cast<double>(rate > 0 ? rate : 100);
    s.refresh_ns = static_cast<std::int64_t>(s.scale * 1e9);
    s.note = "seconds, summed over all CPUs";
    sensors.push_back(std::move(s));
  }
}

Probe probe(const ProbeContext& context) {
  if (!context.argument.empty()) return Invalid{"the backend proc takes no argument"};
  const Host& host = context.host;
  Files found;
  std::vector<Sensor> sensors;
  if ((found.stat = sysfs::open(host.at_proc("stat")))) add_cpu(sensors);
  if ((found.meminfo = sysfs::open(host.at_proc("meminfo")))) {
    sensors.push_back(activity("proc:memory_used", "memory used", Quantity::bytes, Domain::memory, "meminfo", 1024));
    sensors.back().behavior = Behavior::gauge;
  }
  if (auto disks = whole_disks(host); !disks.empty()) {
    found.disks = {sysfs::open(host.at_proc("diskstats")), devices(disks), &disk_traffic};
    if (found.disks.file) {
      sensors.push_back(activity("proc:disk_read", "disk read", Quantity::bytes, Domain::disk, "diskstats", 512));
      sensors.push_back(activity("proc:disk_written", "disk written", Quantity::bytes, Domain::disk, "diskstats", 512));
    }
  }
  if (auto nets = interfaces(host); !nets.empty()) {
    found.interfaces = {sysfs::open(host.at_proc("net/dev")), devices(nets), &interface_traffic};
    if (found.interfaces.file) {
      sensors.push_back(activity("proc:net_received", "network received", Quantity::bytes, Domain::network, "net/dev"));
      sensors.push_back(activity("proc:net_sent", "network sent", Quantity::bytes, Domain::network, "net/dev"));
    }
  }
  if (sensors.empty()) return Absent{};
  return std::make_unique<Proc>(std::move(found), std::move(sensors), host.now_ns);
}

}  // namespace

extern const BackendInfo proc_backend;
const BackendInfo proc_backend{"proc", "CPU, memory, disk and network use of the node (/proc)", BackendInfo::Use::automatic,
                               &probe};

}  // namespace perun
