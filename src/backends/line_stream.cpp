// SPDX-License-Identifier: BSD-3-Clause
#include "backends/line_stream.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "backends/line_protocol.hpp"

namespace perun {

namespace {

constexpr std::size_t longest_line = 4096;

/// Reads a stream and keeps the newest value of each sensor.
class Listener {
 public:
  Listener(LineSource source, std::int64_t (*now_ns)())
      : source_(std::move(source)), now_ns_(now_ns), table_(source_.prefix, source_.source), stop_(::eventfd(0, EFD_CLOEXEC)) {
    thread_ = std::thread([this] { run(); });
  }
  ~Listener() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto n = ::write(stop_.get(), &one, sizeof one);
    thread_.join();
    static_cast<void>(source_.end(false));
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// The sensors, once each has a value; empty when that takes too long or the stream ends.
  std::vector<Sensor> sensors() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, source_.patience, [this] { return ended_ || table_.complete(); });
    table_.hold();
    return table_.complete() ? table_.sensors() : std::vector<Sensor>{};
  }

  /// Why there are none.
  std::string trouble() {
    const std::lock_guard lock(mutex_);
    if (!table_.trouble().empty()) return table_.trouble();
    if (!ended_) return fmt::format("gave no value within {} s", source_.patience.count());
    const std::string how = source_.end(true);
    return "ended without a value" + (how.empty() ? "" : ": " + how);
  }

  [[nodiscard]] const std::string& name() const noexcept { return source_.name; }

  void latest(std::span<Reading> out, std::span<const Sensor> sensors) noexcept {
    const std::lock_guard lock(mutex_);
    const std::int64_t now = now_ns_();
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = table_.latest()[i];
      // A power that was not renewed is not known; a counter that comes less often loses nothing.
      const std::int64_t stale_ns = std::max<std::int64_t>(5 * sensors[i].refresh_ns, 5'000'000'000);
      const bool stale = sensors[i].behavior == Behavior::gauge && now - out[i].t_ns > stale_ns;
      if (ended_ || stale)
        out[i] = {now, missing, 0};
      else if (sensors[i].behavior == Behavior::gauge && now - out[i].t_ns <= 2 * sensors[i].refresh_ns)
        out[i].t_ns = now;  // it holds until it is renewed, as a meter shows what it measured last
    }
  }

 private:
  void run() noexcept {
    std::array<char, longest_line> buffer;
    std::size_t held = 0;
    bool skipping = false;  // the rest of a line that was too long
    for (;;) {
      std::array<pollfd, 2> fds{{{source_.stream.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
      if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) break;
      if (fds[1].revents != 0) return;
      if (fds[0].revents == 0) continue;
      const ssize_t n = ::read(source_.stream.get(), buffer.data() + held, buffer.size() - held);
      if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (n <= 0) break;
      held += static_cast<std::size_t>(n);
      std::string_view rest(buffer.data(), held);
      const std::lock_guard lock(mutex_);
      for (auto end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
        if (!skipping) table_.take(rest.substr(0, end), now_ns_());
        skipping = false;
        rest.remove_prefix(end + 1);
      }
      if (rest.size() == buffer.size()) {
        skipping = true;
        rest = {};
      }
      held = rest.size();
      std::memmove(buffer.data(), rest.data(), held);
      changed_.notify_all();
    }
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }

  LineSource source_;
  std::int64_t (*now_ns_)();
  std::mutex mutex_;
  std::condition_variable changed_;
  LineTable table_;     // with the mutex
  bool ended_ = false;  // as above
  Fd stop_;
  std::thread thread_;
};

class Stream final : public Backend {
 public:
  Stream(std::unique_ptr<Listener> listener, std::vector<Sensor> sensors)
      : listener_(std::move(listener)), sensors_(std::move(sensors)) {}

  std::span<const Sensor> sensors() const noexcept override { return sensors_; }
  bool may_wait() const noexcept override { return true; }
  void read(std::span<Reading> out) noexcept override { listener_->latest(out, sensors_); }

 private:
  std::unique_ptr<Listener> listener_;
  std::vector<Sensor> sensors_;
};

}  // namespace

Probe listen(LineSource source, std::int64_t (*now_ns)()) {
  try {
    auto listener = std::make_unique<Listener>(std::move(source), now_ns);
    auto sensors = listener->sensors();
    if (sensors.empty())
      return Blocked{fmt::format("{}: {}", listener->name(), listener->trouble()),
                     "what it should say: docs/sensor-protocol.md"};
    return std::make_unique<Stream>(std::move(listener), std::move(sensors));
  } catch (const std::system_error&) {
    return Blocked{"no thread can be had", ""};
  }
}

}  // namespace perun
