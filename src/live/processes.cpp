// SPDX-License-Identifier: BSD-3-Clause
#include "live/processes.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "base/fd.hpp"

namespace perun::live {

namespace {

constexpr std::size_t largest_environment = 4 << 20;

/// Of a file in /proc; empty when it cannot be read, as with processes of others or such that are gone.
std::string content(const std::filesystem::path& path, std::size_t most) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string out;
  std::array<char, 4096> bytes{};
  for (ssize_t n = 0; file && out.size() < most && (n = ::read(file.get(), bytes.data(), bytes.size())) > 0;)
    out.append(bytes.data(), static_cast<std::size_t>(n));
  return out;
}

struct Facts {
  std::string name;
  std::int64_t ticks = 0;
};

/// Of "/proc/PID/stat": the name is in brackets and may hold anything.
std::optional<Facts> facts_of(std::string_view stat) {
  const auto open = stat.find('('), close = stat.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return std::nullopt;
  Facts out{std::string(stat.substr(open + 1, close - open - 1))};
  constexpr int user_time = 11, system_time = 12;  // counted behind the name
  std::string_view rest = stat.substr(close + 1);
  for (int field = 0; field <= system_time; ++field) {
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    const auto word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(word.size());
    std::int64_t value = 0;
    if (field < user_time) continue;
    if (std::from_chars(word.data(), word.data() + word.size(), value).ec != std::errc{}) return std::nullopt;
    out.ticks += value;
  }
  return out;
}

struct CloseFolder {
  void operator()(DIR* folder) const noexcept { ::closedir(folder); }
};

}  // namespace

void Processes::find(const std::string& run) {
  const std::unique_ptr<DIR, CloseFolder> folder(::opendir(proc_.c_str()));
  if (!folder) return;
  const std::string word = "PERUN_RUN=" + run + '\0';
  std::unordered_set<int> others;
  while (const dirent* entry = ::readdir(folder.get())) {
    const std::string_view name = entry->d_name;
    int pid = 0;
    if (const auto end = name.data() + name.size(); std::from_chars(name.data(), end, pid).ptr != end) continue;
    if (own_.contains(pid)) continue;
    if (!others_.contains(pid)) {
      const std::string environment = content(proc_ / entry->d_name / "environ", largest_environment);
      const auto at = environment.find(word);
      if (at != std::string::npos && (at == 0 || environment[at - 1] == '\0')) {
        own_.emplace(pid, Process{});
        continue;
      }
    }
    others.insert(pid);
  }
  others_ = std::move(others);
}

void Processes::look(const std::string& run, std::optional<double> cpu_J, std::int64_t now_ns) {
  const bool first = looked_ns_ == 0;
  const double passed_s = static_cast<double>(now_ns - looked_ns_) * 1e-9;
  const auto per_second = static_cast<double>(::sysconf(_SC_CLK_TCK));
  const bool shared = cpu_J.has_value() && cpu_J_.has_value();
  const double spent_J = cpu_J.value_or(0) - cpu_J_.value_or(0);
  std::vector<int> known;
  for (const auto& [pid, process] : own_) known.push_back(pid);
  find(run);
  for (auto process = own_.begin(); process != own_.end();) {
    const int pid = process->first;
    const auto facts = facts_of(content(proc_ / std::to_string(pid) / "stat", 4096));
    if (!facts) {
      process = own_.erase(process);
      continue;
    }
    Process& now = process->second;
    const bool came = !std::ranges::binary_search(known, pid);
    // One that came since the last look did all of its work since then.
    const std::int64_t before = came && first ? facts->ticks : came ? 0 : now.ticks;
    const double cpu_s = static_cast<double>(facts->ticks - before) / per_second;
    now.name = facts->name;
    now.ticks = facts->ticks;
    now.cores = first || passed_s <= 0 ? 0 : cpu_s / passed_s;
    // As reports share it out where there is no baseline: by processor time, of all that there was.
    if (shared && passed_s > 0) now.joules += spent_J * std::clamp(now.cores / processors_, 0.0, 1.0);
    ++process;
  }
  energy_ = energy_ || shared;
  cpu_J_ = cpu_J;
  looked_ns_ = now_ns;
}

std::vector<ProcessView> Processes::busiest() const {
  std::vector<ProcessView> out;
  for (const auto& [pid, process] : own_)
    out.push_back({pid, process.name, process.cores, energy_ ? std::optional(process.joules) : std::nullopt});
  std::ranges::stable_sort(out, std::greater{}, &ProcessView::cores);
  return out;
}

}  // namespace perun::live
