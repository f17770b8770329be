// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/region_story.hpp"

#include <algorithm>
#include <map>
#include <tuple>

namespace perun {

namespace {

double positive(std::int64_t ns) noexcept {
  return static_cast<double>(std::max<std::int64_t>(ns, 0));
}

}  // namespace

/// Matches begins and ends, thread by thread.
class Story::Reader {
 public:
  Reader(Story& story) : story_(story) {}

  void read() {
    find_spans();
    for (const Mark& m : story_.marks_.timeline) {
      if (m.thread >= threads_.size()) threads_.resize(m.thread + std::size_t{1});
      Thread& thread = threads_[m.thread];
      pass_holes(m.thread, m.t_ns);
      switch (m.kind) {
        case MarkKind::begin:
        case MarkKind::open:
          begin(thread, m);
          break;
        case MarkKind::end:
        case MarkKind::cancel:
          end(thread, m);
          break;
        default:
          break;
      }
    }
    for (std::size_t t = 0; t < threads_.size(); ++t) pass_holes(t, std::numeric_limits<std::int64_t>::max());
    for (Thread& thread : threads_)
      for (const std::size_t i : thread.open) story_.calls_[i].to_ns = std::max(story_.calls_[i].from_ns, story_.window_.to_ns);
    std::erase_if(story_.calls_, [](const Call& c) { return c.to_ns == forgotten; });
  }

 private:
  static constexpr std::int64_t forgotten = std::numeric_limits<std::int64_t>::min();
  struct Thread {
    std::vector<std::size_t> open;
    std::size_t next_span = 0, last_span = 0;
    bool inside = false;
  };

  void find_spans() {
    const auto& holes = story_.marks_.holes;
    auto& spans = story_.spans_;
    for (std::size_t i = 0; i < holes.size();) {
      std::size_t end = i;
      const MarkHole& h = holes[i];
      while (end < holes.size() && holes[end].thread == h.thread && holes[end].from_ns == h.from_ns &&
             holes[end].to_ns == h.to_ns)
        ++end;
      if (h.to_ns > h.from_ns) spans.push_back({h.from_ns, h.to_ns, h.thread, i, end});
      i = end;
    }
    std::stable_sort(spans.begin(), spans.end(), [](const Span& a, const Span& b) {
      return std::tie(a.thread, a.from_ns) < std::tie(b.thread, b.from_ns);
    });
    for (std::size_t i = 0; i < spans.size(); ++i) {
      if (i > 0 && spans[i].thread == spans[i - 1].thread) spans[i].from_ns = std::max(spans[i].from_ns, spans[i - 1].to_ns);
      spans[i].to_ns = std::max(spans[i].to_ns, spans[i].from_ns);
      if (spans[i].thread >= threads_.size()) threads_.resize(spans[i].thread + std::size_t{1});
      Thread& thread = threads_[spans[i].thread];
      if (thread.last_span == 0) thread.next_span = i;
      thread.last_span = i + 1;
    }
  }

  /// What was open when a hole began ends there; what seems to have begun inside never did.
  void pass_holes(std::size_t number, std::int64_t t_ns) {
    Thread& thread = threads_[number];
    while (thread.next_span < thread.last_span) {
      const Span& span = story_.spans_[thread.next_span];
      if (!thread.inside && t_ns < span.from_ns) return;
      if (!thread.inside) close(thread, span.from_ns);
      thread.inside = true;
      if (t_ns < span.to_ns) return;
      close(thread, span.from_ns);
      thread.inside = false;
      ++thread.next_span;
    }
  }
  void close(Thread& thread, std::int64_t t_ns) {
    for (const std::size_t i : thread.open) story_.calls_[i].to_ns = std::max(story_.calls_[i].from_ns, t_ns);
    thread.open.clear();
  }

  void begin(Thread& thread, const Mark& m) {
    const bool inside = std::any_of(thread.open.begin(), thread.open.end(),
                                    [&](std::size_t i) { return story_.calls_[i].name == story_.known(m.name); });
    thread.open.push_back(story_.calls_.size());
    story_.calls_.push_back({.from_ns = m.t_ns,
                             .to_ns = m.t_ns,
                             .name = story_.known(m.name),
                             .thread = m.thread,
                             .outermost = !inside,
                             .counted = m.kind == MarkKind::begin});
  }
  void end(Thread& thread, const Mark& m) {
    for (std::size_t k = thread.open.size(); k-- > 0;) {
      Call& call = story_.calls_[thread.open[k]];
      if (call.name != story_.known(m.name)) continue;
      call.to_ns = m.kind == MarkKind::cancel ? forgotten : std::max(call.from_ns, m.t_ns);
      call.whole = call.counted;
      thread.open.erase(thread.open.begin() + static_cast<std::ptrdiff_t>(k));
      return;
    }
  }

  Story& story_;
  std::vector<Thread> threads_;
};

/// Names that nobody told count as those that found no room.
std::uint32_t Story::known(std::uint32_t name) const noexcept {
  return name < marks_.names.size() ? name : 0;
}

Story::Story(const Marks& marks, Window window) : marks_(marks), window_(window) {
  Reader(*this).read();
  put_in_order();
}

void Story::put_in_order() {
  using What = Change::What;
  changes_.reserve(2 * (calls_.size() + spans_.size()));
  const auto add = [&](std::int64_t from_ns, std::int64_t to_ns, What begins, What ends, std::size_t i) {
    from_ns = std::clamp(from_ns, window_.from_ns, window_.to_ns);
    to_ns = std::clamp(to_ns, window_.from_ns, window_.to_ns);
    if (to_ns <= from_ns) return;
    changes_.push_back({from_ns, begins, static_cast<std::uint32_t>(i)});
    changes_.push_back({to_ns, ends, static_cast<std::uint32_t>(i)});
  };
  for (std::size_t i = 0; i < calls_.size(); ++i)
    add(calls_[i].from_ns, calls_[i].to_ns, What::call_begins, What::call_ends, i);
  for (std::size_t i = 0; i < spans_.size(); ++i)
    add(spans_[i].from_ns, spans_[i].to_ns, What::hole_begins, What::hole_ends, i);
  // Calls were made in the order of their begins within each thread, which the sort keeps.
  std::stable_sort(changes_.begin(), changes_.end(),
                   [](const Change& a, const Change& b) { return std::tie(a.t_ns, a.what) < std::tie(b.t_ns, b.what); });
}

bool Story::changes_within(std::int64_t from_ns, std::int64_t to_ns) const noexcept {
  const auto first = std::partition_point(changes_.begin(), changes_.end(), [&](const Change& c) { return c.t_ns <= from_ns; });
  return first != changes_.end() && first->t_ns <= to_ns;
}

/// Keeps what is open while time passes.
class Story::Teller {
 public:
  explicit Teller(const Story& story) : story_(story) {}

  void apply(const Change& change) {
    using What = Change::What;
    const bool of_call = change.what == What::call_begins || change.what == What::call_ends;
    const std::uint16_t number = of_call ? story_.calls_[change.index].thread : story_.spans_[change.index].thread;
    Thread& thread = threads_[number];
    switch (change.what) {
      case What::call_begins:
        thread.stack.push_back(change.index);
        break;
      case What::call_ends:
        std::erase(thread.stack, change.index);
        break;
      case What::hole_begins:
        thread.span = change.index;
        break;
      case What::hole_ends:
        thread.span = none;
        break;
    }
    if (thread.stack.empty() && thread.span == none) threads_.erase(number);
    stale_ = true;
  }

  /// What is active, and the part that is unmarked.
  std::pair<std::span<const Active>, double> now() {
    if (stale_) gather();
    stale_ = false;
    return {active_, unmarked_};
  }

 private:
  static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();
  struct Thread {
    std::vector<std::uint32_t> stack;  ///< calls, innermost last
    std::uint32_t span = none;
  };

  [[nodiscard]] std::span<const MarkHole> parts(const Span& s) const {
    return std::span(story_.marks_.holes).subspan(s.first, s.last - s.first);
  }
  /// How much of the time a thread has a region open.
  [[nodiscard]] double busy(const Thread& thread) const {
    if (thread.span == none) return 1;
    const Span& s = story_.spans_[thread.span];
    double inside_ns = 0;
    for (const MarkHole& h : parts(s)) inside_ns += positive(h.exclusive_ns);
    return std::clamp(inside_ns / static_cast<double>(s.to_ns - s.from_ns), 0.0, 1.0);
  }

  void gather() {
    active_.clear();
    unmarked_ = 1;
    double all = 0;
    for (const auto& [number, thread] : threads_) {
      const double b = busy(thread);
      unmarked_ *= 1 - b;
      all += b;
    }
    for (const auto& [number, thread] : threads_) {
      const double b = busy(thread), part = all > 0 ? (1 - unmarked_) * b / all : 0;
      thread.span == none ? add_stack(number, thread, part) : add_hole(number, story_.spans_[thread.span], b, part);
    }
  }

  void add_stack(std::uint16_t number, const Thread& thread, double part) {
    for (std::size_t k = 0; k < thread.stack.size(); ++k) {
      const Call& call = story_.calls_[thread.stack[k]];
      const bool top = k + 1 == thread.stack.size();
      // One that recurs is there once.
      const auto same = [&](const Active& a) { return a.thread == number && a.name == call.name; };
      auto there = std::find_if(active_.begin(), active_.end(), same);
      if (there == active_.end()) there = active_.insert(there, {call.name, number, 1, 0, part, 0});
      if (top) {
        there->innermost = 1;
        there->exclusive = part;
      }
    }
  }
  void add_hole(std::uint16_t number, const Span& span, double busy, double part) {
    const auto length = static_cast<double>(span.to_ns - span.from_ns);
    double all = 0;
    for (const MarkHole& h : parts(span)) all += positive(h.exclusive_ns);
    if (all <= 0 || busy <= 0) return;
    for (const MarkHole& h : parts(span)) {
      const double in = std::min(1.0, positive(h.inclusive_ns) / length);
      const double ex = positive(h.exclusive_ns) / all;
      active_.push_back({story_.known(h.name), number, in, ex * busy, part * std::min(1.0, in / busy), part * ex});
    }
  }

  const Story& story_;
  std::map<std::uint16_t, Thread> threads_;
  std::vector<Active> active_;
  double unmarked_ = 1;
  bool stale_ = true;
};

void Story::tell(const Listener& listener) const {
  Teller teller(*this);
  std::int64_t at_ns = window_.from_ns;
  const auto pass = [&](std::int64_t to_ns) {
    if (to_ns <= at_ns) return;
    const auto [active, unmarked] = teller.now();
    listener.piece({at_ns, to_ns, active, unmarked});
    at_ns = to_ns;
  };
  for (const Change& change : changes_) {
    pass(change.t_ns);
    if (change.what == Change::What::call_ends && listener.ends) listener.ends(change.index);
    teller.apply(change);
    if (change.what == Change::What::call_begins && listener.begins) listener.begins(change.index);
  }
  pass(window_.to_ns);
}

}  // namespace perun
