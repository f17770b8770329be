// SPDX-License-Identifier: BSD-3-Clause
#include "backends/late.hpp"

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <mutex>
#include <numeric>
#include <system_error>
#include <thread>
#include <utility>

#include "backends/chosen.hpp"
#include "backends/program_groups.hpp"
#include "base/fd.hpp"
#include "model/domains.hpp"

namespace perun {

struct Latecomers::Shared {
  struct Arrival {
    std::string name;
    std::size_t own;
    Probe found;
  };
  Fd ready;
  std::shared_ptr<ProgramGroups> programs = std::make_shared<ProgramGroups>();
  std::mutex mutex = {};
  std::deque<Arrival> arrivals = {};  // with the mutex

  void come(std::string name, std::size_t own, Probe found) {
    {
      const std::lock_guard lock(mutex);
      arrivals.push_back({std::move(name), own, std::move(found)});
    }
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto n = ::write(ready.get(), &one, sizeof one);
  }
};

Latecomers::Latecomers() : shared_(new Shared{.ready = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))}) {}

Latecomers::~Latecomers() {
  give_up();
}

void Latecomers::give_up() noexcept {
  shared_->programs->kill_all();
}

void Latecomers::begin(const BackendInfo& info, const Host& host, std::string argument, std::size_t own) {
  awaited_.emplace_back(info.name);
  const auto work = [shared = shared_, probe = info.probe, host, name = std::string(info.name), argument = std::move(argument),
                     own] {
    shared->come(name, own, probe({.host = host, .argument = argument, .programs = shared->programs}));
  };
  try {
    std::thread(work).detach();
  } catch (const std::system_error&) {  // no thread to be had: better waited for than not at all
    work();
  }
}

/// The user's own first, in their order.
void Latecomers::judge(std::vector<Sensor>& sensors) const {
  const auto rank = [this](const Sensor& s) {
    const auto at = own_.find(s.id);
    return at == own_.end() ? not_own : at->second;
  };
  std::vector<std::size_t> order(sensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return rank(sensors[a]) < rank(sensors[b]); });
  std::vector<Sensor> sorted;
  sorted.reserve(order.size());
  for (const std::size_t i : order) sorted.push_back(sensors[i]);
  const auto verdicts = judge_total(sorted);
  for (std::size_t i = 0; i < order.size(); ++i) sensors[order[i]].counted = verdicts[i].counted;
}

int Latecomers::fd() const noexcept {
  return shared_->ready.get();
}

std::optional<Joined> Latecomers::next(std::span<const Sensor> known,
                                       const std::map<std::string, Proved, std::less<>>& proved) {
  std::unique_lock lock(shared_->mutex);
  if (shared_->arrivals.empty()) {  // asked until then, so that one who signals after it was taken leaves nothing behind
    std::uint64_t count = 0;
    [[maybe_unused]] const auto n = ::read(shared_->ready.get(), &count, sizeof count);
    return std::nullopt;
  }
  Shared::Arrival arrival = std::move(shared_->arrivals.front());
  shared_->arrivals.pop_front();
  lock.unlock();
  if (const auto at = std::find(awaited_.begin(), awaited_.end(), arrival.name); at != awaited_.end()) awaited_.erase(at);

  Joined out;
  out.sensors.assign(known.begin(), known.end());
  if (auto* blocked = std::get_if<Blocked>(&arrival.found)) {
    out.blocked.push_back({arrival.name, std::move(blocked->reason), std::move(blocked->hint)});
  } else if (auto* invalid = std::get_if<Invalid>(&arrival.found)) {
    out.blocked.push_back({arrival.name, std::move(invalid->reason), ""});
  } else if (auto* backend = std::get_if<std::unique_ptr<Backend>>(&arrival.found)) {
    out.blocked.assign((*backend)->blocked().begin(), (*backend)->blocked().end());
    out.attributes.assign((*backend)->facts().begin(), (*backend)->facts().end());
    std::vector<std::size_t> index;
    const auto all = (*backend)->sensors();
    for (std::size_t i = 0; i < all.size(); ++i) {
      const Sensor& s = all[i];
      const bool twice = std::any_of(known.begin(), known.end(), [&](const Sensor& k) { return k.id == s.id; });
      if (twice) {
        out.blocked.push_back({arrival.name, fmt::format("two sensors are called '{}'", s.id), ""});
        out.sensors.resize(known.size());
        return out;
      }
      if (!read_unasked(s)) continue;
      index.push_back(i);
      out.sensors.push_back(as_proved(s, proved));
      if (arrival.own != not_own) own_.emplace(s.id, arrival.own);
    }
    if (index.empty() && !all.empty())
      out.blocked.push_back({arrival.name,
                             "its sensors are of parts that are not known to be this machine's: none is read unasked",
                             fmt::format("--sensors '{}'", all.front().id)});
    judge(out.sensors);
    std::vector<Sensor> chosen(out.sensors.begin() + static_cast<std::ptrdiff_t>(known.size()), out.sensors.end());
    if (!index.empty()) out.backend = std::make_unique<Chosen>(std::move(*backend), std::move(index), std::move(chosen));
  }
  return out;
}

}  // namespace perun
