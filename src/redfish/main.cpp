// SPDX-License-Identifier: BSD-3-Clause
// perun-redfish URL: the power of a machine and of its GPUs by its management controller, as lines of
// docs/sensor-protocol.md. perun starts it for --sensor redfish:URL. A program of its own, so that perun itself is linked to no
// network and no cryptography.
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "redfish/client.hpp"
#include "redfish/metrics.hpp"

namespace {

using namespace perun;

constexpr double shortest_period_s = 2;

/// False when nobody listens any more.
bool say(const std::string& line) {
  return std::fputs((line + "\n").c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
}

/// Waits; false at once when the other end of stdout is closed. (PR_SET_PDEATHSIG would not do: perun may start this from a
/// thread that ends.)
bool somebody_listens_until(std::chrono::steady_clock::time_point when) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(when - std::chrono::steady_clock::now()).count();
    if (left <= 0) return true;
    pollfd out{STDOUT_FILENO, 0, 0};
    if (::poll(&out, 1, static_cast<int>(left)) > 0) return false;
  }
}

int give_up(const Error& error) {
  say("error " + text::printable(error.what + (error.hint.empty() ? "" : "; " + error.hint)));
  return 1;
}

std::string shown(std::optional<double> value) {
  return value ? text::shortest(*value) : "n/a";
}

/// What is told of one meter.
struct Told {
  std::string power, energy;  ///< names; empty: not told
  redfish::Meter meter = {};
};

class Service {
 public:
  explicit Service(redfish::Get get) : get_(std::move(get)) {}

  /// Looks for all meters, reads them once, and declares them with the time that took.
  Status declare() {
    const auto node = redfish::find_meter(get_);
    const auto gpus = redfish::find_gpus(get_);
    if (!node && gpus.empty()) return node.error();
    const auto begin = std::chrono::steady_clock::now();
    std::string lines = "perun-sensor 1";
    if (node) static_cast<void>(redfish::values_of(get_, *node));
    for (const redfish::Gpu& gpu : gpus) static_cast<void>(redfish::values_of(get_, gpu.meter));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    period_s_ = std::ceil(std::max(shortest_period_s, 2 * took.count()));
    if (node) lines += of_node(*node);
    for (std::size_t i = 0; i < gpus.size(); ++i) lines += of_gpu(gpus[i], i, static_cast<bool>(node));
    return say(lines) ? Status(Ok{}) : Error{Errc::io, "nobody listens", {}};
  }

  /// Until nobody listens.
  void tell() {
    for (auto next = std::chrono::steady_clock::now();; next = std::max(next, std::chrono::steady_clock::now())) {
      for (const Told& t : told_) {
        const auto values = redfish::values_of(get_, t.meter);
        if (!t.power.empty() && !say(t.power + " " + shown(values.power_W))) return;
        if (!t.energy.empty() && !say(t.energy + " " + shown(values.energy_J))) return;
      }
      next += std::chrono::duration_cast<std::chrono::steady_clock::duration>(std::chrono::duration<double>(period_s_));
      if (!somebody_listens_until(next)) return;
    }
  }

 private:
  std::string of_node(const redfish::Meter& meter) {
    const bool energy = meter.energy != redfish::Counter::none;
    told_.push_back({"power", energy ? "energy" : "", meter});
    const double refresh_s = std::max(period_s_, meter.mean_s);
    const std::string mean = meter.mean_s > 0 ? fmt::format(" mean={}s", meter.mean_s) : "";
    std::string out =
        fmt::format("\nsensor power unit=W domain=node refresh={}s{} step=1 max=15000 accuracy=3 label=node", refresh_s, mean);
    if (energy)
      out += fmt::format("\nsensor energy unit=J domain=node refresh={}s step={} max=15000 accuracy=3 label=node energy",
                         period_s_, redfish::step_J(meter.energy));
    return out;
  }

  /// Its energy where that is told, else its power. Without a meter of the node it would be all there is of the machine, and
  /// whoever wants that says so.
  std::string of_gpu(const redfish::Gpu& gpu, std::size_t index, bool node) {
    const std::string name = fmt::format("gpu{}", index);
    const bool energy = gpu.meter.energy != redfish::Counter::none;
    told_.push_back({energy ? "" : name, energy ? name : "", gpu.meter});
    return fmt::format("\nsensor {} unit={} domain={} index={} refresh={}s step={} max=2000 accuracy=5 label={} by the BMC",
                       name, energy ? "J" : "W", node ? "gpu" : "rail", index, period_s_, redfish::step_J(gpu.meter.energy),
                       text::printable(text::to_utf8(gpu.name)));
  }

  redfish::Get get_;
  std::vector<Told> told_;
  double period_s_ = shortest_period_s;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fputs("usage: perun-redfish https://HOST[:PORT]\n", stderr), 2;
  const auto access = redfish::access_of(argv[1]);
  if (!access) return give_up(access.error());
  redfish::Client client(*access);
  Service service([&](const std::string& path) { return client.get(path); });
  if (const Status declared = service.declare(); !declared) return give_up(declared.error());
  service.tell();
}
