// SPDX-License-Identifier: BSD-3-Clause
#include "backends/late.hpp"

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "base/fd.hpp"
#include "model/domains.hpp"

namespace perun {

struct Latecomers::Shared {
  struct Arrival {
    std::string name;
    Probe found;
  };
  Fd ready;
  std::mutex mutex = {};
  std::deque<Arrival> arrivals = {};  // with the mutex

  void come(std::string name, Probe found) {
    {
      const std::lock_guard lock(mutex);
      arrivals.push_back({std::move(name), std::move(found)});
    }
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto n = ::write(ready.get(), &one, sizeof one);
  }
};

Latecomers::Latecomers() : shared_(new Shared{.ready = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))}) {}

void Latecomers::begin(const BackendInfo& info, const Host& host, std::string argument) {
  awaited_.emplace_back(info.name);
  const auto work = [shared = shared_, probe = info.probe, host, name = std::string(info.name),
                     argument = std::move(argument)] {
    shared->come(name, probe({host, argument}));
  };
  try {
    std::thread(work).detach();
  } catch (const std::system_error&) {  // no thread to be had: better waited for than not at all
    work();
  }
}

int Latecomers::fd() const noexcept {
  return shared_->ready.get();
}

std::optional<Joined> Latecomers::next(std::span<const Sensor> known,
                                       const std::map<std::string, Proved, std::less<>>& proved) {
  std::unique_lock lock(shared_->mutex);
  if (shared_->arrivals.empty()) return std::nullopt;
  Shared::Arrival arrival = std::move(shared_->arrivals.front());
  shared_->arrivals.pop_front();
  if (shared_->arrivals.empty()) {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto n = ::read(shared_->ready.get(), &count, sizeof count);
  }
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
    for (const Sensor& s : (*backend)->sensors()) {
      const bool twice = std::any_of(known.begin(), known.end(), [&](const Sensor& k) { return k.id == s.id; });
      if (twice) {
        out.blocked.push_back({arrival.name, fmt::format("two sensors are called '{}'", s.id), ""});
        out.sensors.resize(known.size());
        return out;
      }
      out.sensors.push_back(as_proved(s, proved));
    }
    const auto verdicts = judge_total(out.sensors);
    for (std::size_t i = 0; i < verdicts.size(); ++i) out.sensors[i].counted = verdicts[i].counted;
    if (out.sensors.size() > known.size()) out.backend = std::move(*backend);
  }
  return out;
}

}  // namespace perun
