// SPDX-License-Identifier: BSD-3-Clause
#include "journal/marks.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "base/text.hpp"
#include "journal/bytes.hpp"

namespace perun::journal {

namespace {

constexpr std::size_t mark_size = 24, thread_size = 20, hole_size = 40, sums_size = 56, losses_size = 48;
constexpr std::size_t most_names = std::size_t{1} << 18;
constexpr std::size_t marks_per_frame = 1 << 16;
constexpr std::uint32_t most_threads = 1 << 16;

using Bytes = std::span<const std::byte>;

void append_names(std::vector<std::byte>& out, const std::vector<std::string>& names, std::uint32_t first) {
  std::vector<std::byte> payload;
  put(payload, first);
  for (const auto& name : names) {
    put(payload, static_cast<std::uint32_t>(name.size()));
    const auto bytes = std::as_bytes(std::span(name));
    payload.insert(payload.end(), bytes.begin(), bytes.end());
  }
  append_frame(out, FrameType::mark_names, payload);
}

bool apply_names(Bytes payload, Marks& marks) {
  if (payload.size() < 4) return false;
  std::size_t number = get<std::uint32_t>(payload, 0), at = 4;
  while (payload.size() - at >= 4 && number < most_names) {
    const std::size_t length = get<std::uint32_t>(payload, at);
    at += 4;
    if (length > payload.size() - at) return false;
    // A name whose frame was lost is unknown, not another's.
    while (marks.names.size() <= number) marks.names.emplace_back("?");
    marks.names[number++] = text::to_utf8({reinterpret_cast<const char*>(payload.data()) + at, length});
    at += length;
  }
  return at == payload.size();
}

/// Calls take(position) for each record.
template <class F>
bool each(Bytes payload, std::size_t size, F&& take) {
  for (std::size_t at = 0; at + size <= payload.size(); at += size) take(at);
  return payload.size() % size == 0;
}

bool apply_timeline(Bytes p, Marks& marks) {
  return each(p, mark_size, [&](std::size_t at) {
    Mark m{.t_ns = get<std::int64_t>(p, at), .name = get<std::uint32_t>(p, at + 8), .thread = get<std::uint16_t>(p, at + 12)};
    const auto kind = get<std::uint16_t>(p, at + 14);
    m.kind = static_cast<MarkKind>(kind);
    m.value = get<double>(p, at + 16);
    if (std::isnan(m.value)) m.value = 0;
    if ((kind >= 1 && kind <= 5) || kind == 8) marks.timeline.push_back(m);
  });
}

}  // namespace

void append_marks(std::vector<std::byte>& out, const Marks& marks, std::uint32_t first_name) {
  std::vector<std::byte> payload;
  const auto frame = [&](FrameType type) {
    if (!payload.empty()) append_frame(out, type, payload);
    payload.clear();
  };
  if (!marks.names.empty()) append_names(out, marks.names, first_name);
  for (const auto& t : marks.threads) {
    put(payload, std::uint32_t{t.number});
    for (const auto n : {t.rank, t.pid, t.tid}) put(payload, n);
    put(payload, t.owners);
  }
  frame(FrameType::mark_threads);
  for (std::size_t i = 0; i < marks.timeline.size(); ++i) {
    const Mark& m = marks.timeline[i];
    put(payload, m.t_ns);
    put(payload, m.name);
    put(payload, m.thread);
    put(payload, static_cast<std::uint16_t>(m.kind));
    put(payload, m.value);
    if ((i + 1) % marks_per_frame == 0) frame(FrameType::marks);
  }
  frame(FrameType::marks);
  for (const auto& h : marks.holes) {
    for (const auto n : {h.from_ns, h.to_ns, h.inclusive_ns, h.exclusive_ns}) put(payload, n);
    put(payload, h.name);
    put(payload, std::uint32_t{h.thread});
  }
  frame(FrameType::mark_holes);
  for (const auto& s : marks.sums) {
    put(payload, s.name);
    put(payload, std::uint32_t{s.thread});
    put(payload, s.calls);
    for (const auto n : {s.inclusive_ns, s.exclusive_ns, s.shortest_ns, s.longest_ns}) put(payload, n);
    put(payload, s.sum);
  }
  frame(FrameType::mark_sums);
  if (const auto& l = marks.losses; l != MarkLosses{}) {
    for (const auto n : {l.marks, l.names, l.threads, l.deep, l.unmatched, l.unended}) put(payload, n);
    frame(FrameType::mark_losses);
  }
}

bool apply_marks(const Frame& frame, Marks& marks) {
  const Bytes p = frame.payload;
  switch (frame.type) {
    case FrameType::mark_names:
      return apply_names(p, marks);
    case FrameType::mark_threads:
      return each(p, thread_size, [&](std::size_t at) {
        const auto number = get<std::uint32_t>(p, at);
        if (number >= most_threads) return;
        Marks one;
        one.threads.push_back({.number = static_cast<std::uint16_t>(number),
                               .rank = get<std::int32_t>(p, at + 4),
                               .pid = get<std::int32_t>(p, at + 8),
                               .tid = get<std::int32_t>(p, at + 12),
                               .owners = get<std::uint32_t>(p, at + 16)});
        marks.add(one);
      });
    case FrameType::marks:
      return apply_timeline(p, marks);
    case FrameType::mark_holes:
      return each(p, hole_size, [&](std::size_t at) {
        marks.holes.push_back({.from_ns = get<std::int64_t>(p, at),
                               .to_ns = get<std::int64_t>(p, at + 8),
                               .name = get<std::uint32_t>(p, at + 32),
                               .thread = static_cast<std::uint16_t>(get<std::uint32_t>(p, at + 36)),
                               .inclusive_ns = get<std::int64_t>(p, at + 16),
                               .exclusive_ns = get<std::int64_t>(p, at + 24)});
      });
    case FrameType::mark_sums:
      return each(p, sums_size, [&](std::size_t at) {
        const auto sum = get<double>(p, at + 48);
        marks.sums.push_back({.name = get<std::uint32_t>(p, at),
                              .thread = static_cast<std::uint16_t>(get<std::uint32_t>(p, at + 4)),
                              .calls = get<std::uint64_t>(p, at + 8),
                              .inclusive_ns = get<std::int64_t>(p, at + 16),
                              .exclusive_ns = get<std::int64_t>(p, at + 24),
                              .shortest_ns = get<std::int64_t>(p, at + 32),
                              .longest_ns = get<std::int64_t>(p, at + 40),
                              .sum = std::isfinite(sum) ? sum : 0});
      });
    case FrameType::mark_losses:
      if (p.size() != losses_size) return false;
      {
        Marks one;
        auto& l = one.losses;
        l = {get<std::uint64_t>(p, 0),  get<std::uint64_t>(p, 8),  get<std::uint64_t>(p, 16),
             get<std::uint64_t>(p, 24), get<std::uint64_t>(p, 32), get<std::uint64_t>(p, 40)};
        marks.add(one);
      }
      return true;
    default:
      return false;
  }
}

}  // namespace perun::journal
