// SPDX-License-Identifier: BSD-3-Clause
#include "model/domains.hpp"

#include <algorithm>
#include <cstddef>

namespace perun {

namespace {

std::string_view backend_of(const Sensor& s) noexcept {
  return std::string_view(s.id).substr(0, s.id.find(':'));
}

/// GPUs as a management controller tells of them: those that the machine itself measures are the same.
bool is_gpu_from_outside(const Sensor& s) noexcept {
  return s.domain == Domain::gpu && backend_of(s) == "redfish";
}

bool is_processor(Domain d) noexcept {
  return d == Domain::package || d == Domain::cpu || d == Domain::apu || d == Domain::module || d == Domain::superchip;
}

bool is_memory(Domain d) noexcept {
  return d == Domain::dram || d == Domain::memory;
}

bool is_inside_package(Domain d) noexcept {
  return d == Domain::cores || d == Domain::uncore;
}

/// The sensors of a node with what the user says of them.
class Node {
 public:
  Node(std::span<const Sensor> sensors, std::span<const Wish> wishes) : sensors_(sensors), wishes_(wishes) {
    for (const Sensor& s : sensors_) {
      if (!is_meter(s)) continue;
      measured_ = measured_ || is_processor(s.domain);
      package_ = package_ || s.domain == Domain::package;
      if (left_out(s)) continue;
      if (s.domain == Domain::node && node_ == nullptr) node_ = &s;
      if (s.domain == Domain::supply && supply_ == nullptr) supply_ = &s;
      if (s.domain == Domain::platform && platform_ == nullptr) platform_ = &s;
    }
  }

  [[nodiscard]] bool wished(const Sensor& s) const noexcept { return wish(s) == Wish::count && is_meter(s); }
  [[nodiscard]] bool left_out(const Sensor& s) const noexcept { return wish(s) == Wish::leave_out; }

  /// Whether `whole` measures all that `part` does, and more.
  [[nodiscard]] bool contains(const Sensor& whole, const Sensor& part, int depth = 8) const noexcept {
    if (&whole == &part || depth == 0) return false;
    if (const Sensor* parent = find(part.part_of)) return parent == &whole || contains(whole, *parent, depth - 1);
    const bool same_number = whole.index == part.index;
    switch (whole.domain) {
      case Domain::node:
        return part.domain != Domain::node || &whole < &part;
      case Domain::supply:
        return part.domain != Domain::node && (part.domain != Domain::supply || other_backend_later(whole, part));
      case Domain::platform:
        return is_processor(part.domain) || is_inside_package(part.domain) || is_memory(part.domain) ||
               part.domain == Domain::gpu || (part.domain == Domain::platform && &whole < &part);
      case Domain::cpu:
        return part.domain == Domain::package || is_inside_package(part.domain);
      case Domain::memory:
        return part.domain == Domain::dram;
      case Domain::superchip:
        if (part.domain == Domain::gpu) return true;
        if (part.domain == Domain::module) return same_number;
        [[fallthrough]];
      case Domain::module:
        if (part.domain == Domain::dram || part.domain == Domain::apu) return same_number;
        [[fallthrough]];
      case Domain::apu:
        if (part.domain == Domain::package) return same_number;
        [[fallthrough]];
      case Domain::package:
        return is_inside_package(part.domain) && same_number;
      default:
        return false;
    }
  }

  /// Whether both measure the same through two backends.
  [[nodiscard]] static bool twins(const Sensor& a, const Sensor& b) noexcept {
    if (is_gpu_from_outside(a) != is_gpu_from_outside(b)) return a.domain == b.domain;
    const bool measure = a.domain == Domain::package || a.domain == Domain::dram || a.domain == Domain::superchip;
    return measure && a.domain == b.domain && a.index == b.index && backend_of(a) != backend_of(b);
  }
  [[nodiscard]] bool overlap(const Sensor& a, const Sensor& b) const noexcept {
    return contains(a, b) || contains(b, a) || twins(a, b);
  }

  [[nodiscard]] InTotal judge(const Sensor& s) const {
    if (!is_meter(s)) return {false, "not an energy"};
    if (left_out(s)) return {false, "left out by --no-count"};
    if (wished(s)) return {true};
    for (const Sensor& w : sensors_)
      if (wished(w) && overlap(w, s)) return {false, (twins(w, s) ? "measures the same as " : "part of ") + w.label};
    if (const Sensor* whole = find(s.part_of); whole != nullptr && (!left_out(*whole) || is_inside_package(s.domain)))
      return {false, "part of " + whole->label};
    if (s.domain == Domain::rail) return {false, "covers no known part of the node"};
    if (node_ != nullptr) return &s == node_ ? InTotal{true} : InTotal{false, "part of " + node_->label};
    if (supply_ != nullptr)
      return s.domain == Domain::supply && backend_of(s) == backend_of(*supply_) ? InTotal{true}
                                                                                 : InTotal{false, "part of " + supply_->label};
    for (const Sensor& other : sensors_) {
      if (!is_meter(other) || left_out(other) || other.domain == Domain::platform || other.domain == Domain::package) continue;
      if (contains(other, s)) return {false, "part of " + other.label};
    }
    for (const Sensor& other : sensors_)
      if (is_meter(other) && !left_out(other) && twins(other, s) && goes_before(other, s))
        return {false, "measures the same as " + other.label};
    return judge_alone(s);
  }

  [[nodiscard]] Gaps gaps() const noexcept {
    const bool wished_whole = std::any_of(sensors_.begin(), sensors_.end(), [this](const Sensor& s) {
      return wished(s) && (s.domain == Domain::node || s.domain == Domain::supply || s.domain == Domain::platform);
    });
    if (wished_whole || node_ != nullptr || supply_ != nullptr || (platform_ != nullptr && !measured_)) return {};
    const bool memory = std::any_of(sensors_.begin(), sensors_.end(), [](const Sensor& s) {
      return is_meter(s) && (is_memory(s.domain) || s.domain == Domain::module || s.domain == Domain::superchip);
    });
    return {.cpu = !measured_, .dram = !memory};
  }

 private:
  [[nodiscard]] Wish wish(const Sensor& s) const noexcept {
    return wishes_.empty() ? Wish::none : wishes_[static_cast<std::size_t>(&s - sensors_.data())];
  }

  [[nodiscard]] const Sensor* find(std::string_view id) const noexcept {
    if (id.empty()) return nullptr;
    const auto at = std::find_if(sensors_.begin(), sensors_.end(), [&](const Sensor& s) { return s.id == id; });
    return at == sensors_.end() ? nullptr : &*at;
  }

  static bool other_backend_later(const Sensor& a, const Sensor& b) noexcept {
    return backend_of(a) != backend_of(b) && &a < &b;
  }

  static bool goes_before(const Sensor& a, const Sensor& b) noexcept {
    if (a.kind != b.kind) return a.kind == Kind::measured;
    if (is_gpu_from_outside(a) != is_gpu_from_outside(b)) return is_gpu_from_outside(b);
    if (a.behavior != b.behavior) return a.behavior == Behavior::counter;
    return &a < &b;
  }

  /// The verdict on what nothing wider contains.
  [[nodiscard]] InTotal judge_alone(const Sensor& s) const {
    const bool only_platform = !measured_ && platform_ != nullptr;
    switch (s.domain) {
      case Domain::superchip:
      case Domain::module:
      case Domain::apu:
      case Domain::cpu:
      case Domain::package:
        return {true};
      case Domain::platform:
        if (measured_) return {false, "overlaps with the packages"};
        return &s == platform_ ? InTotal{true} : InTotal{false, "overlaps with " + platform_->label};
      case Domain::cores:
      case Domain::uncore:
        if (package_) return {false, "part of a package"};
        [[fallthrough]];
      case Domain::dram:
      case Domain::memory:
      case Domain::gpu:
        return only_platform ? InTotal{false, "overlaps with " + platform_->label} : InTotal{true};
      default:
        return {false, "what it covers is not known"};
    }
  }

  std::span<const Sensor> sensors_;
  std::span<const Wish> wishes_;
  const Sensor *node_ = nullptr, *supply_ = nullptr, *platform_ = nullptr;  // the first that is not left out
  bool measured_ = false, package_ = false;
};

}  // namespace

std::vector<InTotal> judge_total(std::span<const Sensor> sensors, std::span<const Wish> wishes) {
  const Node node(sensors, wishes);
  std::vector<InTotal> verdicts;
  verdicts.reserve(sensors.size());
  for (const Sensor& s : sensors) verdicts.push_back(node.judge(s));
  return verdicts;
}

std::optional<CountedTwice> counted_twice(std::span<const Sensor> sensors, std::span<const Wish> wishes) {
  if (wishes.empty()) return std::nullopt;
  std::vector<Wish> only_left_out(wishes.begin(), wishes.end());
  std::replace(only_left_out.begin(), only_left_out.end(), Wish::count, Wish::none);
  const Node node(sensors, wishes), by_rules(sensors, only_left_out);
  for (const Sensor& w : sensors) {
    if (!node.wished(w)) continue;
    for (const Sensor& other : sensors) {
      if (&other == &w || !is_meter(other)) continue;
      if (node.wished(other) && node.overlap(w, other)) return CountedTwice{&w, &other, true};
      if (node.contains(other, w) && by_rules.judge(other).counted) return CountedTwice{&w, &other, false};
    }
  }
  return std::nullopt;
}

Gaps find_gaps(std::span<const Sensor> sensors, std::span<const Wish> wishes) {
  return Node(sensors, wishes).gaps();
}

std::vector<std::string_view> without_sensor(std::span<const Domain> counted) {
  const auto any = [&](auto&& test) { return std::any_of(counted.begin(), counted.end(), test); };
  if (any([](Domain d) { return d == Domain::node || d == Domain::supply || d == Domain::platform; })) return {};
  std::vector<std::string_view> out;
  if (!any([](Domain d) { return is_processor(d) || d == Domain::cores; })) out.emplace_back("CPU");
  if (!any([](Domain d) { return is_memory(d) || d == Domain::module || d == Domain::superchip; })) out.emplace_back("memory");
  for (const auto* word : {"fans", "disks", "network", "PSU losses"}) out.emplace_back(word);
  return out;
}

}  // namespace perun
