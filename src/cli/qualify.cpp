// SPDX-License-Identifier: BSD-3-Clause
// perun qualify: reads the sensors as often as they go, first on the machine as it is, then with all processors busy, and
// says what each of them is and what is wrong with it.
#include "analysis/qualify.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "backends/bounded.hpp"
#include "base/units.hpp"
#include "cli/commands.hpp"
#include "cli/grades.hpp"
#include "cli/instruments.hpp"
#include "cli/terminal.hpp"
#include "host/clock.hpp"
#include "model/domains.hpp"

namespace perun {

namespace {

constexpr std::int64_t ms = 1'000'000;

/// All that one backend showed. Shared with its thread, which may be left behind in a reading that never ends.
struct Record {
  std::unique_ptr<Backend> backend;
  std::vector<std::vector<Reading>> readings;  ///< by sensor
  std::vector<Reading> tick;
};

/// A fifth of the shortest refresh, 1 ms at least.
std::int64_t look_ns(const Backend& backend) {
  std::int64_t shortest = 100 * ms;
  for (const Sensor& s : backend.sensors())
    if (is_meter(s) && s.refresh_ns > 0) shortest = std::min(shortest, s.refresh_ns);
  return std::max(ms, shortest / 5);
}

void record(Record& r, std::int64_t until_ns) {
  const std::int64_t pause = look_ns(*r.backend);
  while (monotonic_ns() < until_ns) {
    const std::int64_t begin = monotonic_ns();
    r.backend->read(r.tick);
    for (std::size_t i = 0; i < r.tick.size(); ++i) r.readings[i].push_back(r.tick[i]);
    std::this_thread::sleep_for(std::chrono::nanoseconds(std::max<std::int64_t>(begin + pause - monotonic_ns(), 0)));
  }
}

/// Every processor busy for as long as this lives.
class Load {
 public:
  Load() {
    for (unsigned i = 0; i < std::max(std::thread::hardware_concurrency(), 1U); ++i)
      threads_.emplace_back([this] {
        while (!done_.load(std::memory_order_relaxed)) {
        }
      });
  }
  ~Load() {
    done_ = true;
    for (std::thread& t : threads_) t.join();
  }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

 private:
  std::atomic<bool> done_{false};
  std::vector<std::thread> threads_;
};

/// What was seen in all, and of which backends nothing came back.
struct Trials {
  std::vector<std::shared_ptr<Record>> records;
  std::vector<std::string> hung;
  std::optional<std::int64_t> step_ns = {};
};

Trials watch_all(std::vector<std::unique_ptr<Backend>> backends, std::int64_t length_ns, bool with_load) {
  Trials out;
  std::vector<std::thread> waiting;
  const std::int64_t begin = monotonic_ns(), until = begin + length_ns;
  std::vector<char> back(backends.size(), 0);
  for (std::size_t i = 0; i < backends.size(); ++i) {
    auto r = std::make_shared<Record>();
    r->backend = std::move(backends[i]);
    r->readings.resize(r->backend->sensors().size());
    r->tick.resize(r->backend->sensors().size());
    out.records.push_back(r);
    waiting.emplace_back([r, until, length_ns, &back, i] {
      const std::chrono::milliseconds limit(length_ns / ms + 5000);
      back[i] = within(limit, [r, until] { return record(*r, until), true; }).has_value() ? 1 : 0;
    });
  }
  if (with_load) {
    std::this_thread::sleep_for(std::chrono::nanoseconds(length_ns / 2));
    out.step_ns = monotonic_ns();
    const Load load;
    std::this_thread::sleep_for(std::chrono::nanoseconds(std::max<std::int64_t>(until - monotonic_ns(), 0)));
  }
  for (std::thread& t : waiting) t.join();
  for (std::size_t i = back.size(); i-- > 0;) {
    if (back[i] != 0) continue;
    out.hung.push_back(out.records[i]->backend->sensors()[0].source);
    out.records.erase(out.records.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return out;
}

std::string cell(std::int64_t ns) {
  return ns > 0 ? units::si(static_cast<double>(ns) * 1e-9, "s", 3) : "-";
}

std::string table(const std::vector<Qualified>& all, const std::vector<Sensor>& sensors) {
  std::string out =
      fmt::format("{:<34} {:^5} {:>9} {:>9} {:>9} {:>9}\n", "Sensor", "Grade", "Step", "Update", "Jitter", "Read");
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Qualified& q = all[i];
    const std::string step =
        q.step > 0 ? units::si(static_cast<double>(q.step) * sensors[i].scale, unit(sensors[i].quantity), 3) : "-";
    out += fmt::format("{:<34} {:^5} {:>9} {:>9} {:>9} {:>9}\n", q.id, q.grade(), step, cell(q.update_ns), cell(q.jitter_ns),
                       cell(q.read_ns));
    if (q.lag_s)
      out += fmt::format("    a step of load shows after {}, mean over {}\n", units::si(*q.lag_s, "s", 2),
                         q.window_s ? units::si(*q.window_s, "s", 2) : "-");
    for (const Fault& f : q.faults) out += fmt::format("    {}: {}\n", name(f.defect), f.text);
  }
  return out;
}

}  // namespace

int qualify(const CommandLine& line, const Resolved& resolved) {
  raise_file_limit();
  Selection selection = selection_of(resolved.config);
  selection.proved.clear();  // judged by what is written of them
  auto sources = open_sources(host_of(resolved.config), selection);
  if (!sources) return complain(sources.error()), 1;
  const std::int64_t length_ns = line.length_ns.value_or(10'000 * ms);
  const Trials trials = watch_all(std::move(sources->backends), length_ns, !line.no_load);
  std::vector<Sensor> sensors;
  std::vector<Trial> tried;
  std::vector<Qualified> all;
  for (const auto& r : trials.records)
    for (std::size_t i = 0; i < r->readings.size(); ++i) {
      const Sensor& s = r->backend->sensors()[i];
      if (!is_meter(s) || s.kind != Kind::measured) continue;
      sensors.push_back(s);
      tried.push_back({&s, r->readings[i]});
      all.push_back(perun::qualify(tried.back(), trials.step_ns));
    }
  for (const std::string& source : trials.hung) complain({Errc::busy, source + " did not answer in time", {}});
  if (all.empty()) {
    complain({Errc::not_found, "no sensor can be put to the test here", "perun doctor says why"});
    return 1;
  }
  cross_check(tried, all);
  const Json grades = grades_json(all, sensors);
  const auto file = grades_file();
  if (!file.empty())
    if (const Status kept = keep_grades(file, grades); !kept) complain(kept.error());
  if (!write_text(STDOUT_FILENO, line.json ? grades.dump(2) + "\n" : table(all, sensors))) return 1;
  const bool bad =
      !trials.hung.empty() || std::any_of(all.begin(), all.end(), [](const Qualified& q) { return q.grade() == 'D'; });
  return bad ? 1 : 0;
}

}  // namespace perun
