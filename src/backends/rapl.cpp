// SPDX-License-Identifier: BSD-3-Clause
// Intel, AMD and Hygon RAPL counters by the first mechanism that works.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>
#include <vector>

#include "backends/rapl.hpp"

namespace perun {
namespace {

struct Mechanism {
  std::string_view name;
  Probe (*probe)(const RaplMachine&);
  /// Whether counters are there that never count: on a virtual machine, or where a kernel lists what the processor lacks.
  /// Powercap leaves out what is 0 when it starts.
  bool may_stand_still;
};

/// In the order of preference: perf has 64 bits, its own unrounded unit, and reads a package with one call.
constexpr std::array mechanisms{
    Mechanism{"perf", &probe_rapl_perf, true},
    Mechanism{"powercap", [](const RaplMachine& machine) { return probe_rapl_powercap(machine); }, false},
    Mechanism{"msr", &probe_rapl_msr, true},
};

std::vector<std::size_t> packages_of(const Backend& backend) {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < backend.sensors().size(); ++i)
    if (backend.sensors()[i].domain == Domain::package) out.push_back(i);
  return out;
}

/// The first package whose counter does not change within two of its refreshes, which take 1 ms; empty when all count. Only
/// packages: they make tens of steps in that time even at 1 W, while memory or an idle GPU may make none.
std::string standing_still(Backend& backend, std::int64_t (*now_ns)()) {
  constexpr std::int64_t patience_ns = 2'000'000;
  constexpr int most_reads = 10'000;  // should the clock stand still, too
  std::vector<Reading> first(backend.sensors().size()), now(first.size());
  backend.read(first);
  std::vector<std::size_t> waiting = packages_of(backend);
  const std::int64_t end = now_ns() + patience_ns;
  for (int i = 0; i < most_reads && !waiting.empty() && now_ns() < end; ++i) {
    backend.read(now);
    std::erase_if(
        waiting, [&](std::size_t p) { return first[p].raw != missing && now[p].raw != missing && now[p].raw != first[p].raw; });
  }
  return waiting.empty() ? "" : backend.sensors()[waiting.front()].label;
}

/// A mechanism that was looked at.
struct Attempt {
  std::string_view name;
  std::unique_ptr<Backend> backend = {};
  bool absent = false;
  std::string reason = {}, hint = {};  ///< why it is not used, or why it is incomplete
};

Attempt attempt(const Mechanism& mechanism, const RaplMachine& machine) {
  Attempt a{mechanism.name};
  Probe found = mechanism.probe(machine);
  if (auto* backend = std::get_if<std::unique_ptr<Backend>>(&found)) {
    if (mechanism.may_stand_still)
      if (const std::string label = standing_still(**backend, machine.host.now_ns); !label.empty()) {
        a.reason = fmt::format("{}: the counter of {} stands still", mechanism.name, label);
        return a;
      }
    a.backend = std::move(*backend);
    if (const auto blocked = a.backend->blocked(); !blocked.empty()) a.reason = blocked.front().reason;
  } else if (const auto* blocked = std::get_if<Blocked>(&found)) {
    a.reason = blocked->reason;
    a.hint = blocked->hint;
  } else {
    a.absent = true;
  }
  return a;
}

bool is_complete(const Attempt& a) {
  return a.backend != nullptr && a.reason.empty();
}

/// More packages are better, and then a mechanism that lacks nothing; 0 for one that cannot be used.
std::size_t rank(const Attempt& a) {
  return a.backend == nullptr ? 0 : 1 + 2 * packages_of(*a.backend).size() + (is_complete(a) ? 1 : 0);
}

/// The chosen mechanism, and another for the domains that it lacks.
class Rapl final : public Backend {
 public:
  Rapl(std::vector<std::unique_ptr<Backend>> parts, std::string choice, std::string_view note)
      : parts_(std::move(parts)), choice_(std::move(choice)) {
    for (const auto& part : parts_) sensors_.insert(sensors_.end(), part->sensors().begin(), part->sensors().end());
    if (!note.empty())
      for (Sensor& s : sensors_) add_remark(s.note, note);
  }

  std::span<const Sensor> sensors() const noexcept override { return sensors_; }
  std::span<const BlockedSource> blocked() const noexcept override { return parts_.front()->blocked(); }
  std::string_view choice() const noexcept override { return choice_; }

  void read(std::span<Reading> out) noexcept override {
    for (const auto& part : parts_) {
      const std::size_t n = part->sensors().size();
      part->read(out.first(n));
      out = out.subspan(n);
    }
  }

 private:
  std::vector<std::unique_ptr<Backend>> parts_;
  std::vector<Sensor> sensors_;
  std::string choice_;
};

/// What powercap shows of domains that perf has no event for, as psys of a machine with several packages. None of a domain
/// that perf serves in part: their names might not agree, and a joule be taken twice.
std::unique_ptr<Backend> fill(const RaplMachine& machine, const Backend& perf, std::string& choice) {
  std::vector<Domain> served;
  for (const Sensor& s : perf.sensors()) served.push_back(s.domain);
  Probe found = probe_rapl_powercap(machine, served);
  if (auto* backend = std::get_if<std::unique_ptr<Backend>>(&found)) {
    add_remark(choice, fmt::format("{} by powercap", (*backend)->sensors().front().label));
    return std::move(*backend);
  }
  if (const auto* blocked = std::get_if<Blocked>(&found)) add_remark(choice, "what it lacks is blocked: " + blocked->reason);
  return nullptr;
}

std::string why_not(const Attempt& a) {
  if (a.absent) return fmt::format("{} is not on this machine", a.name);
  return a.reason.empty() ? fmt::format("{} shows fewer packages", a.name) : a.reason;
}

std::unique_ptr<Backend> use(std::vector<Attempt>& attempts, Attempt& used, const RaplMachine& machine, bool asked_for) {
  std::string choice(used.name), why, note;
  for (const Attempt& a : attempts) {
    if (&a == &used) continue;
    add_remark(why, why_not(a));
    if (!a.absent) add_remark(note, why_not(a));
  }
  if (asked_for) choice += ", as asked for";
  if (!why.empty()) choice += ", because " + why;
  if (!note.empty()) note.insert(0, fmt::format("read by {}, because ", used.name));
  if (!used.backend->choice().empty()) add_remark(choice, used.backend->choice());
  std::vector<std::unique_ptr<Backend>> parts;
  parts.push_back(std::move(used.backend));
  if (used.name == "perf" && !asked_for)
    if (auto rest = fill(machine, *parts.front(), choice)) parts.push_back(std::move(rest));
  return std::make_unique<Rapl>(std::move(parts), std::move(choice), note);
}

Probe probe(const ProbeContext& context) {
  const auto named = [&](const Mechanism& m) { return m.name == context.argument; };
  if (!context.argument.empty() && std::none_of(mechanisms.begin(), mechanisms.end(), named))
    return Invalid{fmt::format("rapl is read by perf, powercap or msr, not by '{}'", context.argument)};
  std::error_code none;
  const RaplMachine machine{context.host, processors(context.host),
                            std::filesystem::exists(context.host.at_sys("class/misc/sgx_enclave"), none),
                            powercap_zones(context.host)};

  std::vector<Attempt> attempts;
  std::size_t best = 0;
  for (const Mechanism& m : mechanisms) {
    if (!context.argument.empty() && !named(m)) continue;
    attempts.push_back(attempt(m, machine));
    if (rank(attempts.back()) > rank(attempts[best])) best = attempts.size() - 1;
    if (is_complete(attempts.back())) break;
  }
  if (attempts[best].backend != nullptr) return use(attempts, attempts[best], machine, !context.argument.empty());

  Blocked all;
  for (const Attempt& a : attempts) {
    if (a.absent) continue;
    add_remark(all.reason, a.reason);
    if (!a.hint.empty()) all.hint += (all.hint.empty() ? "" : "; or ") + a.hint;
  }
  return all.reason.empty() ? Probe(Absent{}) : Probe(std::move(all));
}

}  // namespace

extern const BackendInfo rapl_backend;
const BackendInfo rapl_backend{"rapl", "CPU package and DRAM energy of Intel and AMD processors (perf, powercap, MSR)",
                               BackendInfo::Use::automatic, &probe};

}  // namespace perun
