// SPDX-License-Identifier: BSD-3-Clause
// perun-redfish URL: the power of a machine by its management controller, as lines of docs/sensor-protocol.md. perun starts
// it for --sensor redfish:URL. A program of its own, so that perun itself is linked to no network and no cryptography.
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <thread>

#include "base/text.hpp"
#include "redfish/client.hpp"
#include "redfish/metrics.hpp"

namespace {

using namespace perun;

constexpr std::chrono::seconds period{2};

/// False when nobody listens any more.
bool say(const std::string& line) {
  return std::fputs((line + "\n").c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
}

int give_up(const Error& error) {
  say("error " + text::printable(error.what + (error.hint.empty() ? "" : "; " + error.hint)));
  return 1;
}

std::string shown(std::optional<double> value) {
  return value ? text::shortest(*value) : "n/a";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fputs("usage: perun-redfish https://HOST[:PORT]\n", stderr), 2;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const auto access = redfish::access_of(argv[1]);
  if (!access) return give_up(access.error());
  redfish::Client client(*access);
  const redfish::Get get = [&](const std::string& path) { return client.get(path); };
  const auto meter = redfish::find_meter(get);
  if (!meter) return give_up(meter.error());
  say("perun-sensor 1\nsensor power unit=W domain=node refresh=2s step=1 max=15000 accuracy=3 label=node");
  if (meter->energy) say("sensor energy unit=kWh domain=node refresh=2s step=0.001 max=15000 accuracy=3 label=node energy");
  for (auto next = std::chrono::steady_clock::now();; next += period) {
    const auto values = redfish::values_of(get, *meter);
    if (!say("power " + shown(values.power_W))) return 0;
    if (meter->energy && !say("energy " + shown(values.energy_kWh))) return 0;
    std::this_thread::sleep_until(next + period);
  }
}
