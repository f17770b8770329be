// SPDX-License-Identifier: BSD-3-Clause
#include "regions/collector.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <optional>

#include "base/text.hpp"
#include "regions/marks.h"

namespace perun {

namespace {

constexpr std::uint32_t unknown = std::numeric_limits<std::uint32_t>::max();
constexpr std::size_t most_threads = std::numeric_limits<std::uint16_t>::max();

/// A hole is not written more often than this once the timeline is full: a week must not fill the disk.
constexpr std::int64_t long_hole_ns = 1'000'000'000;

template <class T>
T load(const T& field) noexcept {
  return __atomic_load_n(&field, __ATOMIC_ACQUIRE);
}

std::int64_t signed_ns(std::uint64_t ns) noexcept {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(ns, std::numeric_limits<std::int64_t>::max()));
}

/// A block's sums and open calls as they stood between two marks.
struct Snapshot {
  std::vector<perun_slot> slots;  ///< used ones
  std::vector<perun_open_call> stack;
  std::uint64_t last_ns = 0;
  std::uint64_t head = 0, lost = 0;
  bool certain = false;  ///< no mark was set meanwhile
};

Snapshot snapshot(const perun_block& b) {
  Snapshot s;
  s.head = load(b.head);
  s.lost = load(b.lost);
  for (const perun_slot& slot : b.slots)
    if (load(slot.name) != 0) s.slots.push_back(slot);
  const std::uint32_t depth = std::min<std::uint32_t>(load(b.depth), perun_deepest);
  s.stack.assign(b.stack, b.stack + depth);
  s.last_ns = load(b.last_ns);
  s.certain = load(b.head) == s.head && load(b.lost) == s.lost;
  return s;
}

/// What a slot shows at `t_ns`, calls that are open included.
struct Shown {
  std::uint64_t inclusive_ns, exclusive_ns;
};
Shown shown(const Snapshot& s, const perun_slot& slot, std::uint64_t t_ns) {
  Shown out{slot.inclusive_ns, slot.exclusive_ns};
  if (slot.open > 0 && t_ns > slot.since_ns) out.inclusive_ns += t_ns - slot.since_ns;
  // The innermost call's slot may be the one of names that found no room.
  if (!s.stack.empty() && t_ns > s.last_ns) {
    const auto& top = s.stack.back();
    if (top.name + 1 == slot.name || (top.slot == 0 && slot.name == 1)) out.exclusive_ns += t_ns - s.last_ns;
  }
  return out;
}

}  // namespace

struct MarksCollector::Thread {
  std::uint16_t number = 0;
  MarkedThread identity;
  Snapshot before;  ///< at the last drain
  bool known = false, in_hole = false;
  std::int64_t hole_ns = 0;             ///< since when
  std::optional<Snapshot> resume = {};  ///< from here on the marks may be followed again
};

struct MarksCollector::Source {
  perun_marks map{};
  std::int32_t rank = 0;
  std::vector<std::uint32_t> names;  ///< the node's number by the file's
  std::array<Thread, perun_blocks> threads;

  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  ~Source() {
    if (map.base != nullptr) ::unlink(map.path);
    ::perun_marks_unmap(&map);
  }
};

/// A block at one drain.
struct MarksCollector::Looked {
  std::vector<perun_record> records;
  Snapshot after;
  bool lost = false;
};

MarksCollector::MarksCollector(std::size_t most_marks) : most_marks_(most_marks) {}

MarksCollector::~MarksCollector() {
  close();
}

void MarksCollector::close() noexcept {
  sources_.clear();
}

Status MarksCollector::open(const std::filesystem::path& path, int rank) {
  if (::perun_marks_create(path.c_str()) != 0)
    return Error{Errc::io, fmt::format("cannot make {} for the program's marks: {}", path.string(), std::strerror(errno))};
  return adopt(path, rank);
}

Status MarksCollector::adopt(const std::filesystem::path& path, int rank) {
  auto source = std::make_unique<Source>();
  source->rank = rank;
  source->names.assign(perun_names, unknown);
  if (::perun_marks_open(&source->map, path.c_str()) != 0)
    return Error{Errc::io, fmt::format("cannot open {} for the program's marks: {}", path.string(), std::strerror(errno))};
  sources_.push_back(std::move(source));
  return Ok{};
}

bool MarksCollector::attached() const noexcept {
  return std::any_of(sources_.begin(), sources_.end(),
                     [](const auto& s) { return load(::perun_header_of(&s->map)->attached) != 0; });
}

std::uint32_t MarksCollector::name(Source& source, std::uint32_t id, Marks& out) {
  if (id >= perun_names) id = 0;
  std::uint32_t& number = source.names[id];
  if (number != unknown) return number;
  std::string text(other_names);
  if (id != 0) {
    const perun_name entry = ::perun_entries_of(&source.map)[id];
    const std::uint32_t length = entry.size - 1;  // 0 becomes huge
    if (length > perun_longest_name + 9U || entry.offset > perun_text - length) return name(source, 0, out);
    text = text::to_utf8(std::string_view(::perun_text_of(&source.map) + entry.offset, length));
  }
  const auto [it, fresh] = names_.emplace(text, static_cast<std::uint32_t>(names_.size()));
  if (fresh) out.names.push_back(it->first);
  return number = it->second;
}

Marks MarksCollector::drain(std::int64_t now_ns) {
  Marks out;
  if (names_.empty()) {
    names_.emplace(other_names, 0);
    out.names.emplace_back(other_names);
  }
  if (drained_ns_ == 0) drained_ns_ = now_ns;
  for (auto& source : sources_) {
    const std::uint32_t used = std::min<std::uint32_t>(load(::perun_header_of(&source->map)->blocks_used), perun_blocks);
    for (std::uint32_t i = 0; i < used; ++i) look(*source, i, now_ns, out);
  }
  drained_ns_ = now_ns;
  return out;
}

void MarksCollector::look(Source& source, std::uint32_t index, std::int64_t now_ns, Marks& out) {
  if (!::perun_is_ready(&source.map, index)) return;
  perun_block& block = *::perun_block_of(&source.map, index);
  Thread& thread = source.threads[index];
  const std::uint64_t head = load(block.head), tail = block.tail;
  if (!thread.known) {
    if (threads_ == most_threads) return;
    thread.known = true;
    thread.number = threads_++;
    thread.identity = {.number = thread.number, .rank = source.rank, .owners = 0};
    thread.before.last_ns = static_cast<std::uint64_t>(drained_ns_);
    // Somebody has read here before, who knew whose block it is.
    if (tail != 0)
      introduce(thread, std::uint64_t(static_cast<std::uint32_t>(block.pid)) << 32 | static_cast<std::uint32_t>(block.tid),
                out);
  }
  const bool quiet = head == thread.before.head && load(block.lost) == thread.before.lost;
  if (quiet && !thread.in_hole) return;
  if (quiet && now_ns - thread.hole_ns < long_hole_ns && taken_ >= most_marks_) return;
  Looked seen;
  const std::uint64_t fresh = std::min<std::uint64_t>(head - tail, perun_ring);  // a spoilt tail is no reason to read more
  seen.records.reserve(fresh);
  for (std::uint64_t i = head - fresh; i != head; ++i) seen.records.push_back(block.ring[i % perun_ring]);
  __atomic_store_n(&block.tail, head, __ATOMIC_RELEASE);
  seen.after = snapshot(block);
  seen.lost = seen.after.lost != thread.before.lost || taken_ + fresh > most_marks_;
  const bool follows = !thread.in_hole || (thread.resume && thread.resume->lost == seen.after.lost);
  if (!seen.lost && follows)
    take(source, thread, seen, out);
  else
    bridge(source, thread, seen, now_ns, out);
  // What was written between the two looks comes with the next.
  if (seen.after.head != head) seen.after.certain = false;
  seen.after.head = head;
  thread.before = std::move(seen.after);
}

void MarksCollector::introduce(Thread& thread, std::uint64_t pid_and_tid, Marks& out) {
  thread.identity.pid = static_cast<std::int32_t>(pid_and_tid >> 32);
  thread.identity.tid = static_cast<std::int32_t>(pid_and_tid & 0xffffffff);
  ++thread.identity.owners;
  out.threads.push_back(thread.identity);
}

/// Every mark since the last look is there.
void MarksCollector::take(Source& source, Thread& thread, const Looked& seen, Marks& out) {
  if (thread.in_hole) {
    for (const perun_open_call& call : thread.resume->stack)
      out.timeline.push_back(
          {.t_ns = thread.hole_ns, .name = name(source, call.name, out), .thread = thread.number, .kind = MarkKind::open});
    thread.in_hole = false;
    thread.resume.reset();
  }
  const auto& records = seen.records;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const perun_record& r = records[i];
    if (r.kind == perun_mark_thread) {
      introduce(thread, r.t_ns, out);
    } else if (r.kind >= perun_mark_begin && r.kind <= perun_mark_counter) {
      Mark mark{.t_ns = signed_ns(r.t_ns),
                .name = name(source, r.name, out),
                .thread = thread.number,
                .kind = static_cast<MarkKind>(r.kind)};
      if (r.kind == perun_mark_counter && i + 1 < records.size()) std::memcpy(&mark.value, &records[i + 1].t_ns, 8);
      out.timeline.push_back(mark);
      ++taken_;
    }
  }
}

/// Not every mark is there: what each region did since the last look.
void MarksCollector::bridge(Source& source, Thread& thread, const Looked& seen, std::int64_t now_ns, Marks& out) {
  for (const perun_record& r : seen.records)
    if (r.kind == perun_mark_thread) introduce(thread, r.t_ns, out);
  const std::int64_t from_ns = thread.in_hole ? thread.hole_ns : drained_ns_;
  const auto length_ns = static_cast<std::uint64_t>(std::max<std::int64_t>(now_ns - from_ns, 0));
  for (const perun_slot& slot : seen.after.slots) {
    const auto old = std::find_if(thread.before.slots.begin(), thread.before.slots.end(),
                                  [&](const perun_slot& s) { return s.name == slot.name; });
    const Shown now = shown(seen.after, slot, static_cast<std::uint64_t>(now_ns));
    const Shown then =
        old == thread.before.slots.end() ? Shown{0, 0} : shown(thread.before, *old, static_cast<std::uint64_t>(from_ns));
    // A look at a moving target may be off by a call.
    const auto passed = [&](std::uint64_t a, std::uint64_t b) {
      return signed_ns(b > a ? std::min<std::uint64_t>(b - a, length_ns) : 0);
    };
    const MarkHole hole{.from_ns = from_ns,
                        .to_ns = now_ns,
                        .name = name(source, slot.name - 1, out),
                        .thread = thread.number,
                        .inclusive_ns = passed(then.inclusive_ns, now.inclusive_ns),
                        .exclusive_ns = passed(then.exclusive_ns, now.exclusive_ns)};
    if (hole.inclusive_ns > 0 || hole.exclusive_ns > 0) out.holes.push_back(hole);
  }
  thread.in_hole = true;
  thread.hole_ns = now_ns;
  thread.resume.reset();
  if (seen.after.certain && taken_ < most_marks_) thread.resume = seen.after;
}

Marks MarksCollector::leave(int rank, std::int64_t end_ns) {
  Marks out = drain(end_ns);
  std::erase_if(sources_, [&](const auto& source) {
    if (source->rank != rank) return false;
    end_open_calls(*source, end_ns, out);
    sum_up(*source, end_ns, out);
    return true;
  });
  return out;
}

/// What a program left open ends with it, not with the last one on its node.
void MarksCollector::end_open_calls(Source& source, std::int64_t end_ns, Marks& out) {
  for (const Thread& thread : source.threads) {
    if (!thread.known || thread.in_hole) continue;
    const auto& stack = thread.before.stack;
    for (auto call = stack.rbegin(); call != stack.rend(); ++call)
      out.timeline.push_back(
          {.t_ns = end_ns, .name = name(source, call->name, out), .thread = thread.number, .kind = MarkKind::end});
  }
}

Marks MarksCollector::finish(std::int64_t end_ns) {
  Marks out = drain(end_ns);
  for (auto& source : sources_) sum_up(*source, end_ns, out);
  close();
  return out;
}

void MarksCollector::sum_up(Source& source, std::int64_t end_ns, Marks& out) {
  const perun_marks_header header = *::perun_header_of(&source.map);
  out.losses.names += header.names_refused;
  out.losses.threads += header.threads_refused;
  for (std::uint32_t i = 0; i < std::min<std::uint32_t>(header.blocks_used, perun_blocks); ++i) {
    const Thread& thread = source.threads[i];
    if (!thread.known) continue;
    const perun_block& block = *::perun_block_of(&source.map, i);
    const Snapshot s = snapshot(block);
    for (const perun_slot& slot : s.slots) {
      if (slot.calls == 0 && slot.sum == 0) continue;
      const Shown at_end = shown(s, slot, static_cast<std::uint64_t>(end_ns));
      const bool finished = slot.longest_ns != 0;
      out.sums.push_back({.name = name(source, slot.name - 1, out),
                          .thread = thread.number,
                          .calls = slot.calls,
                          .inclusive_ns = signed_ns(at_end.inclusive_ns),
                          .exclusive_ns = signed_ns(at_end.exclusive_ns),
                          .shortest_ns = finished ? signed_ns(slot.shortest_ns) : 0,
                          .longest_ns = signed_ns(slot.longest_ns),
                          .sum = slot.sum});
    }
    out.losses.marks += s.lost;
    out.losses.deep += block.too_deep;
    out.losses.unmatched += block.unmatched;
    out.losses.unended += block.unended + s.stack.size();
  }
}

}  // namespace perun
