// SPDX-License-Identifier: BSD-3-Clause
#include "launch/region_watch.hpp"

#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmath>

#include "host/clock.hpp"

namespace perun {

namespace fs = std::filesystem;

std::vector<RegionPaths> region_paths(const fs::path& run_folder, std::string_view run_key, int rank) {
  const auto name = rank == 0 ? std::string(run_key) : fmt::format("{}.{}", run_key, rank);
  const auto memory = fmt::format("/dev/shm/perun-{}-{}", ::geteuid(), name);
  const auto folder = (run_folder / ("r" + std::to_string(rank))).string();
  return {{memory + ".marks", memory + ".sock"}, {folder + ".marks", folder + ".sock"}};
}

void export_region_paths(std::span<const RegionPaths> paths, std::string_view run_key, const std::string& preload) {
  const auto give = [](const char* variable, const fs::path& path) {
    if (path.empty())
      ::unsetenv(variable);
    else
      ::setenv(variable, path.c_str(), 1);
  };
  RegionPaths there;
  for (const auto& p : paths) {
    if (there.marks.empty() && ::access(p.marks.c_str(), R_OK | W_OK) == 0) there.marks = p.marks;
    if (there.sock.empty() && ::access(p.sock.c_str(), R_OK | W_OK) == 0) there.sock = p.sock;
  }
  give("PERUN_MARKS", there.marks);
  give("PERUN_SOCK", there.sock);
  give("PERUN_RUN", run_key);
  give("PERUN_ACTIVE", "1");
  if (preload.empty()) return;
  const char* there_already = ::getenv("LD_PRELOAD");
  const std::string others = there_already == nullptr ? "" : there_already;
  if (!others.starts_with(preload)) give("LD_PRELOAD", others.empty() ? preload : preload + ":" + others);
}

void forget_region_paths(std::span<const RegionPaths> paths) noexcept {
  for (const auto& p : paths) {
    ::unlink(p.marks.c_str());
    ::unlink(p.sock.c_str());
  }
}

RegionWatch::RegionWatch(std::vector<Sensor> sensors, double frequency_hz)
    : live_(std::move(sensors)), period_ns_(frequency_hz > 0 ? std::llround(1e9 / frequency_hz) : 0) {}

Status RegionWatch::open(std::span<const RegionPaths> paths, int rank) {
  Status marks = Ok{};
  for (const auto& p : paths)
    if ((marks = collector_.open(p.marks, rank))) {
      marks_ = p.marks;
      break;
    }
  // Without the socket a program can still mark; its own questions fail.
  for (const auto& p : paths) {
    if (inquiries_.fd() >= 0) break;
    if (auto socket = Inquiries::listen(p.sock)) inquiries_ = *std::move(socket);
  }
  return marks;
}

Status RegionWatch::adopt(std::span<const RegionPaths> paths, int rank) {
  Status marks = Error{Errc::not_found, "its marks are gone"};
  for (const auto& p : paths)
    if (::access(p.marks.c_str(), F_OK) == 0 && (marks = collector_.adopt(p.marks, rank))) break;
  // The socket bears the name of one rank, and programs go on asking there.
  for (const auto& p : paths)
    if (::unlink(p.sock.c_str()) == 0)
      if (auto socket = Inquiries::listen(p.sock)) inquiries_ = *std::move(socket);
  return marks;
}

Status RegionWatch::open_control(const fs::path& fifo) {
  if (marks_.empty()) return Ok{};  // told by open()
  auto control = Control::open(fifo, marks_);
  if (!control) return control.error();
  control_ = *std::move(control);
  return Ok{};
}

void RegionWatch::quicken(Sampler& sampler) {
  if (quickened_) return;
  quickened_ = true;
  if (period_ns_ > 0) sampler.quicken(period_ns_);
}

Status RegionWatch::hear(Sampler& sampler) {
  if (inquiries_.fd() >= 0) {
    const auto news = inquiries_.collect();
    if (news.attached) quicken(sampler);
    if (news.energy) {
      asked_ns_ = monotonic_ns();
      sampler.read_now();
    }
  }
  return control_.fd() >= 0 ? control_.collect() : Status(Ok{});
}

void RegionWatch::add(std::span<const RingSample> samples) {
  for (const auto& s : samples) live_.add(s.sensor, s.reading);
}

void RegionWatch::answer(std::int64_t begin_ns) noexcept {
  if (asked_ns_ == 0) return;
  perun_energy so_far = live_.now();
  if (so_far.t_ns < asked_ns_ && live_.counts()) return;
  asked_ns_ = 0;
  so_far.begin_ns = begin_ns;
  inquiries_.answer([&](const auto& stretch) { return stretch ? live_.between(stretch->from_ns, stretch->to_ns) : so_far; });
}

Marks RegionWatch::drain(Sampler& sampler, std::int64_t now_ns) {
  if (collector_.attached()) quicken(sampler);
  return collector_.drain(now_ns);
}

Marks RegionWatch::finish(std::int64_t end_ns) {
  if (control_.fd() >= 0) static_cast<void>(control_.collect());  // the program's last words
  control_ = {};
  inquiries_ = {};
  return collector_.finish(end_ns);
}

}  // namespace perun
