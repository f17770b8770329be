// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <list>
#include <string>
#include <vector>

#include "support/machines.hpp"
#include "support/tree.hpp"

namespace perun::test {

/// Puts a CPU into a package.
inline Tree& topology(Tree& tree, int cpu, int package, int die = 0) {
  const std::string at = "sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/";
  return tree.file(at + "physical_package_id", std::to_string(package) + "\n").file(at + "die_id", std::to_string(die) + "\n");
}

/// The files of the kernel's PMU "power", with events such as "pkg".
inline Tree& power_pmu(Tree& tree, std::string_view cpumask, const std::vector<std::string>& events) {
  const std::string at = "sys/bus/event_source/devices/power/";
  const std::vector<std::string> codes{"", "cores", "pkg", "ram", "gpu", "psys"};
  tree.file(at + "type", "29\n").file(at + "cpumask", std::string(cpumask) + "\n").file(at + "format/event", "config:0-7\n");
  for (std::size_t code = 1; code < codes.size(); ++code)
    for (const std::string& e : events)
      if (e == codes[code])
        tree.file(at + "events/energy-" + e, "event=0x0" + std::to_string(code) + "\n")
            .file(at + "events/energy-" + e + ".unit", "Joules\n")
            .file(at + "events/energy-" + e + ".scale", "2.3283064365386962890625e-10\n");
  return tree;
}

inline constexpr std::uint64_t cores_event = 1, pkg_event = 2, ram_event = 3, gpu_event = 4, psys_event = 5;

/// Performance events of known energy, renewed every ms of a clock that each look moves by `step_ns`. One at a time.
class FakePmu {
 public:
  using Joules = std::function<double(const PerfEvent&, double seconds)>;
  explicit FakePmu(Joules joules) : joules_(std::move(joules)) { current_ = this; }
  ~FakePmu() { current_ = nullptr; }
  FakePmu(const FakePmu&) = delete;
  FakePmu& operator=(const FakePmu&) = delete;

  [[nodiscard]] Host host(const Tree& tree) const {
    Host h = tree.host();
    h.open_perf = &open;
    h.now_ns = &look;
    return h;
  }

  std::function<int(const PerfEvent&)> refuse = [](const PerfEvent&) { return 0; };  ///< an errno, or 0
  std::size_t shown_too_many = 0;  ///< groups claim to have that many events more
  std::int64_t now_ns = 1'000'000'000, step_ns = 10'000;
  int opened = 0, reads = 0;

 private:
  struct Group {
    int leader;
    Fd file;  // the offset is shared with the descriptor that was handed out
    std::vector<PerfEvent> events;
    std::vector<double> at_open;
  };

  static Fd open(const PerfEvent& event) {
    if (const int refused = current_->refuse(event); refused != 0) return errno = refused, Fd();
    ++current_->opened;
    Fd fd(::memfd_create("event", MFD_CLOEXEC));
    if (!fd) std::abort();
    auto at = current_->groups_.begin();
    while (event.group >= 0 && at->leader != event.group) ++at;
    if (event.group < 0) at = current_->groups_.insert(at, Group{fd.get(), Fd(::dup(fd.get())), {}, {}});
    at->events.push_back(event);
    at->at_open.push_back(current_->seen(event));
    current_->write(*at);
    return fd;
  }

  static std::int64_t look() {
    current_->now_ns += current_->step_ns;
    for (Group& g : current_->groups_) current_->write(g);
    return current_->now_ns;
  }

  /// What the counter shows now: as of the last ms, in whole steps of 2^-14 J.
  [[nodiscard]] double seen(const PerfEvent& e) const {
    return std::floor(joules_(e, static_cast<double>(now_ns / 1'000'000) * 1e-3) * 0x1p14);
  }

  void write(Group& g) {
    if (::lseek(g.file.get(), 0, SEEK_CUR) > 0) ++reads;
    const std::size_t n = g.events.size();
    std::array<std::uint64_t, 1 + most_grouped_events> record{n == 1 ? 1 : n + shown_too_many};
    for (std::size_t i = 0; i < n; ++i) record[1 + i] = static_cast<std::uint64_t>(seen(g.events[i]) - g.at_open[i]) << 18;
    const std::size_t bytes = (1 + n) * sizeof record[0];
    if (::pwrite(g.file.get(), record.data(), bytes, 0) != static_cast<ssize_t>(bytes)) std::abort();
    ::lseek(g.file.get(), 0, SEEK_SET);
  }

  Joules joules_;
  std::list<Group> groups_;  // the newest first: numbers of closed descriptors come again
  static inline FakePmu* current_ = nullptr;
};

/// /dev/cpu/N/msr as files, and a clock whose looks move the counters that are to move.
class FakeMsr {
 public:
  explicit FakeMsr(Tree& tree) : tree_(tree) { current_ = this; }
  ~FakeMsr() { current_ = nullptr; }
  FakeMsr(const FakeMsr&) = delete;
  FakeMsr& operator=(const FakeMsr&) = delete;

  [[nodiscard]] Host host() const {
    Host h = tree_.host();
    h.now_ns = &look;
    return h;
  }

  void set(int cpu, off_t address, std::uint64_t value, std::size_t bytes = 8) {
    const std::string path = "dev/cpu/" + std::to_string(cpu) + "/msr";
    if (!std::filesystem::exists(tree_.at(path))) tree_.file(path, "");
    const Fd file(::open(tree_.at(path).c_str(), O_WRONLY | O_CLOEXEC));
    if (::pwrite(file.get(), &value, bytes, address) != static_cast<ssize_t>(bytes)) std::abort();
  }

  std::function<void(FakeMsr&)> at_look = [](FakeMsr&) {};
  std::int64_t now_ns = 1'000'000'000, step_ns = 10'000;

 private:
  static std::int64_t look() {
    current_->at_look(*current_);
    return current_->now_ns += current_->step_ns;
  }

  Tree& tree_;
  static inline FakeMsr* current_ = nullptr;
};

}  // namespace perun::test
