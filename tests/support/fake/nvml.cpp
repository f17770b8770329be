// SPDX-License-Identifier: BSD-3-Clause
// A libnvidia-ml.so.1 whose GPUs are lines of the file that FAKE_NVML names:
//   driver 550.54.14        init 9 (its status)          hang init          start 2 (seconds that init takes)
//   gpu name=NVIDIA_A100-SXM4-40GB uuid=GPU-8f6a1c2e-... pci=0000:3B:00.0 arch=7 low=100 high=300 period=0.5 ...
// Power is a square wave of low and high W (equal: constant), beginning when the library is first used; it is renewed
// every `update` s. Further words of a gpu: counter=no|still|late:S|back:S|absurd  fields=no  power=no|W|nan|negative
// deny (no permission)  lost=S  delay=S (each call)  hang=S (from then on)  module=W  memory=W  wide (the counter is the
// module's) mig=UUID,UUID  limit=W FAKE_WITHOUT leaves out what old drivers lack. Neither calls operator new nor keeps anything
// between two calls but the time.
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "backends/curve.hpp"
#include "backends/nvml_api.hpp"
#include "host/clock.hpp"

namespace {

using namespace perun;
using nvml::Return;

constexpr int most = 32;

struct Gpu {
  char name[96], uuid[96], pci[32], mig[8][96];
  int arch = 7, instances = 0;
  double low = 100, high = 100, period = 1, update = 0.02, limit = 400, module = 0, memory = 0, lost = 1e9, hang = 1e9,
         delay = 0, late = 0, back = 1e9, fixed_W = -1;
  bool counter = true, still = false, absurd = false, fields = true, power = true, nan = false, negative = false, deny = false,
       wide = false;
};
struct Script {
  char driver[64];
  int init = 0, count = 0;
  double start = 0;
  bool hang = false, good = false;
  Gpu gpu[most];
};

std::int64_t begin_ns = 0;

void take(Gpu& g, const char* key, const char* value) {
  const double number = std::strtod(value, nullptr);
  const auto is = [&](const char* word) { return std::strcmp(key, word) == 0; };
  const auto says = [&](const char* word) { return std::strncmp(value, word, std::strlen(word)) == 0; };
  if (is("name")) {
    std::snprintf(g.name, sizeof g.name, "%s", value);
    for (char* c = g.name; *c != '\0'; ++c) *c = *c == '_' ? ' ' : *c;
  }
  if (is("uuid")) std::snprintf(g.uuid, sizeof g.uuid, "%s", value);
  if (is("pci")) std::snprintf(g.pci, sizeof g.pci, "%s", value);
  if (is("mig"))
    for (const char* at = value; *at != '\0' && g.instances < 8; at += *at == ',' ? 1 : 0) {
      const std::size_t n = std::strcspn(at, ",");
      std::snprintf(g.mig[g.instances++], 96, "%.*s", static_cast<int>(n), at);
      at += n;
    }
  if (is("arch")) g.arch = static_cast<int>(number);
  if (is("low")) g.low = number;
  if (is("high")) g.high = number;
  if (is("watts")) g.low = g.high = number;
  if (is("period")) g.period = number;
  if (is("update")) g.update = number;
  if (is("limit")) g.limit = number;
  if (is("module")) g.module = number;
  if (is("memory")) g.memory = number;
  if (is("lost")) g.lost = number;
  if (is("hang")) g.hang = number;
  if (is("delay")) g.delay = number;
  if (is("counter")) {
    g.counter = !says("no");
    g.still = says("still");
    g.absurd = says("absurd");
    if (says("late:")) g.late = std::strtod(value + 5, nullptr);
    if (says("back:")) g.back = std::strtod(value + 5, nullptr);
  }
  if (is("fields")) g.fields = !says("no");
  if (is("power")) {
    g.power = !says("no");
    g.nan = says("nan");
    g.negative = says("negative");
    if (number > 0) g.fixed_W = number;
  }
  g.deny = g.deny || is("deny");
  g.wide = g.wide || is("wide");
}

/// Reads the script anew, so that a test may change it, but where FAKE_NVML_ONCE asks for a library that costs nothing (what
/// perun takes is to be measured); at most 16 kB.
Script& script() {
  static Script s;
  static char text[16384];
  static const bool once = std::getenv("FAKE_NVML_ONCE") != nullptr;
  if (once && s.good) return s;
  s = Script{};
  const char* path = std::getenv("FAKE_NVML");
  std::FILE* file = path == nullptr ? nullptr : std::fopen(path, "re");
  if (file == nullptr) return s;
  text[std::fread(text, 1, sizeof text - 1, file)] = '\0';
  std::fclose(file);
  char* rest = nullptr;
  for (char* line = strtok_r(text, "\n", &rest); line != nullptr; line = strtok_r(nullptr, "\n", &rest)) {
    char* words = nullptr;
    char* word = strtok_r(line, " ", &words);
    if (word == nullptr) continue;
    if (std::strcmp(word, "driver") == 0)
      std::snprintf(s.driver, sizeof s.driver, "%s", strtok_r(nullptr, " ", &words)), s.good = true;
    if (std::strcmp(word, "init") == 0) s.init = std::atoi(strtok_r(nullptr, " ", &words));
    if (std::strcmp(word, "start") == 0) s.start = std::atof(strtok_r(nullptr, " ", &words));
    if (std::strcmp(word, "hang") == 0) s.hang = true;
    if (std::strcmp(word, "gpu") != 0 || s.count == most) continue;
    Gpu& g = s.gpu[s.count++];
    s.good = true;
    for (word = strtok_r(nullptr, " ", &words); word != nullptr; word = strtok_r(nullptr, " ", &words)) {
      char* equals = std::strchr(word, '=');
      if (equals != nullptr) *equals = '\0';
      take(g, word, equals != nullptr ? equals + 1 : "");
    }
  }
  return s;
}

void wait(double seconds) {
  if (seconds > 0) ::usleep(static_cast<useconds_t>(seconds * 1e6));
}

double now_s() {
  return static_cast<double>(monotonic_ns() - begin_ns) * 1e-9;
}

/// A device is the number of its line, from 1 on; of an instance: 1000 + 100 * line + number.
nvml::Device device_of(int number) {
  return reinterpret_cast<nvml::Device>(static_cast<std::uintptr_t>(number));
}

/// The GPU of a handle when it may be asked now, after the time a call takes.
Gpu* ask(nvml::Device device, Return& status) {
  const auto number = static_cast<int>(reinterpret_cast<std::uintptr_t>(device));
  Script& s = script();
  status = static_cast<Return>(999);
  if (!s.good || number < 1 || number > s.count) return nullptr;
  Gpu& g = s.gpu[number - 1];
  const double delay = g.delay, hang = g.hang;
  if (now_s() >= hang) wait(3600);
  wait(delay);
  status = now_s() >= g.lost ? Return::gpu_is_lost : Return::success;
  return status == Return::success ? &g : nullptr;
}

Curve curve(const Gpu& g, double add) {
  return {.shape = Curve::Shape::square, .low_W = g.low + add, .high_W = g.high + add, .period_s = g.period};
}

double renewed(const Gpu& g) {
  return std::floor(now_s() / g.update) * g.update;
}

Return copy(char* to, unsigned length, const char* from) {
  std::snprintf(to, length, "%s", from);
  return Return::success;
}

double watts(const Gpu& g) {
  return g.fixed_W >= 0 ? g.fixed_W : curve(g, 0).power(renewed(g));
}

}  // namespace

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT Return nvmlInit_v2() {
  const Script& s = script();
  if (s.hang) wait(3600);
  wait(s.start);
  if (begin_ns == 0) begin_ns = monotonic_ns();
  return s.good ? static_cast<Return>(s.init) : static_cast<Return>(999);
}
EXPORT Return nvmlShutdown() {
  return Return::success;
}
EXPORT std::int64_t fake_begin_ns() {
  return begin_ns;
}
EXPORT Return nvmlDeviceGetCount_v2(unsigned* count) {
  *count = static_cast<unsigned>(script().count);
  return Return::success;
}
EXPORT Return nvmlDeviceGetHandleByIndex_v2(unsigned index, nvml::Device* device) {
  const Script& s = script();
  if (static_cast<int>(index) >= s.count) return static_cast<Return>(2);
  if (s.gpu[index].deny) return Return::no_permission;
  *device = device_of(static_cast<int>(index) + 1);
  return Return::success;
}
#ifndef FAKE_WITHOUT
EXPORT Return nvmlDeviceGetHandleByPciBusId_v2(const char* address, nvml::Device* device) {
  const Script& s = script();
  for (int i = 0; i < s.count; ++i)
    if (::strcasecmp(s.gpu[i].pci, address) == 0) return *device = device_of(i + 1), Return::success;
  return static_cast<Return>(6);
}
EXPORT Return nvmlDeviceGetTotalEnergyConsumption(nvml::Device device, unsigned long long* millijoules) {
  Return status{};
  const Gpu* g = ask(device, status);
  if (g == nullptr) return status;
  if (!g->counter || now_s() < g->late) return Return::not_supported;
  const double t = g->still ? 0 : renewed(*g), joules = 1000 + curve(*g, g->wide ? g->module - g->low : 0).energy(t);
  *millijoules = g->absurd ? ~0ULL : static_cast<unsigned long long>((t >= g->back ? joules - 900 : joules) * 1e3);
  return Return::success;
}
EXPORT Return nvmlDeviceGetFieldValues(nvml::Device device, int n, nvml::FieldValue* values) {
  Return status{};
  const Gpu* g = ask(device, status);
  if (g == nullptr) return status;
  for (int i = 0; i < n; ++i) {
    nvml::FieldValue& v = values[i];
    const bool module = v.scope == nvml::Scope::module;
    const bool memory = v.scope == nvml::Scope::memory;
    const bool there = module ? g->module > 0 : !memory || g->memory > 0;
    v.status = g->fields && there ? Return::success : Return::not_supported;
    v.type = 1;
    v.bits = static_cast<std::uint64_t>(std::llround((module ? g->module : memory ? g->memory : watts(*g)) * 1e3));
    if (g->nan) v.type = 0, v.bits = 0x7FF8000000000000;
    if (g->negative) v.type = 5, v.bits = static_cast<std::uint32_t>(-5);
  }
  return Return::success;
}
EXPORT Return nvmlDeviceGetArchitecture(nvml::Device device, nvml::Architecture* architecture) {
  Return status{};
  if (const Gpu* g = ask(device, status)) *architecture = static_cast<nvml::Architecture>(g->arch);
  return status;
}
EXPORT Return nvmlDeviceGetMigMode(nvml::Device device, unsigned* current, unsigned* pending) {
  Return status{};
  const Gpu* g = ask(device, status);
  if (g != nullptr) *current = *pending = g->instances > 0 ? 1 : 0;
  return status;
}
EXPORT Return nvmlDeviceGetMaxMigDeviceCount(nvml::Device, unsigned* count) {
  *count = 7;
  return Return::success;
}
EXPORT Return nvmlDeviceGetMigDeviceHandleByIndex(nvml::Device device, unsigned index, nvml::Device* instance) {
  Return status{};
  const Gpu* g = ask(device, status);
  if (g == nullptr) return status;
  if (static_cast<int>(index) >= g->instances) return static_cast<Return>(6);
  *instance = device_of(1000 + 100 * static_cast<int>(reinterpret_cast<std::uintptr_t>(device)) + static_cast<int>(index));
  return Return::success;
}
EXPORT Return nvmlDeviceGetCurrentClocksThrottleReasons(nvml::Device device, unsigned long long* bits) {
  Return status{};
  if (ask(device, status) != nullptr) *bits = 4;
  return status;
}
#endif
EXPORT Return nvmlSystemGetDriverVersion(char* to, unsigned length) {
  return copy(to, length, script().driver);
}
EXPORT Return nvmlDeviceGetName(nvml::Device device, char* to, unsigned length) {
  Return status{};
  const Gpu* g = ask(device, status);
  return g == nullptr ? status : copy(to, length, g->name);
}
EXPORT Return nvmlDeviceGetUUID(nvml::Device device, char* to, unsigned length) {
  const auto number = static_cast<int>(reinterpret_cast<std::uintptr_t>(device));
  const Script& s = script();
  if (number >= 1000) return copy(to, length, s.gpu[(number - 1000) / 100 - 1].mig[number % 100]);
  Return status{};
  const Gpu* g = ask(device, status);
  return g == nullptr ? status : copy(to, length, g->uuid);
}
EXPORT Return nvmlDeviceGetPciInfo_v3(nvml::Device device, nvml::PciInfo* pci) {
  Return status{};
  const Gpu* g = ask(device, status);
  return g == nullptr ? status : (std::snprintf(pci->bus_id.data(), 32, "0000%.27s", g->pci), Return::success);
}
EXPORT Return nvmlDeviceGetPowerUsage(nvml::Device device, unsigned* milliwatts) {
  Return status{};
  const Gpu* g = ask(device, status);
  if (g == nullptr) return status;
  if (!g->power || g->nan || g->negative) return Return::not_supported;
  *milliwatts = static_cast<unsigned>(std::llround(std::fmin(watts(*g) * 1e3, 4e9)));
  return Return::success;
}
EXPORT Return nvmlDeviceGetEnforcedPowerLimit(nvml::Device device, unsigned* milliwatts) {
  Return status{};
  if (const Gpu* g = ask(device, status)) *milliwatts = static_cast<unsigned>(g->limit * 1e3);
  return status;
}
EXPORT Return nvmlDeviceGetUtilizationRates(nvml::Device device, nvml::Utilization* u) {
  Return status{};
  const Gpu* g = ask(device, status);
  if (g == nullptr) return status;
  if (g->instances > 0) return Return::not_supported;
  *u = {.gpu_percent = 93, .memory_percent = 40};
  return Return::success;
}
EXPORT Return nvmlDeviceGetMemoryInfo(nvml::Device device, nvml::Memory* m) {
  Return status{};
  if (ask(device, status) != nullptr) *m = {.total = 40ULL << 30, .free = 30ULL << 30, .used = 10ULL << 30};
  return status;
}
EXPORT Return nvmlDeviceGetClockInfo(nvml::Device device, int, unsigned* megahertz) {
  Return status{};
  if (ask(device, status) != nullptr) *megahertz = 1410;
  return status;
}
EXPORT Return nvmlDeviceGetTemperature(nvml::Device device, int, unsigned* celsius) {
  Return status{};
  if (ask(device, status) != nullptr) *celsius = 64;
  return status;
}
