// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.hpp"
#include "model/marks.hpp"

namespace perun {

/// The agent's end of the marks files of a node: makes them, takes out what programs write and removes them in the end.
/// One thread. Nothing that a program writes there can do it harm.
///
/// Single marks are taken as long as each was seen and `most_marks` are not exceeded; else the thread has a hole there, and
/// what each region did in it comes from the sums that the program keeps. A hole ends when the thread's open calls are
/// known for certain again.
class MarksCollector {
 public:
  explicit MarksCollector(std::size_t most_marks = std::size_t{1} << 20);
  ~MarksCollector();
  MarksCollector(const MarksCollector&) = delete;
  MarksCollector& operator=(const MarksCollector&) = delete;

  /// Makes a marks file for the program of this rank.
  Status open(const std::filesystem::path& path, int rank);

  /// Goes on with the marks file of a program whose agent was killed.
  Status adopt(const std::filesystem::path& path, int rank);

  /// Whether any program has marked.
  [[nodiscard]] bool attached() const noexcept;

  /// What came since the last call, names and threads that are new included. `now_ns` is CLOCK_MONOTONIC.
  Marks drain(std::int64_t now_ns);

  /// The rest of one rank, whose program has ended: as finish(), but all other programs go on.
  Marks leave(int rank, std::int64_t end_ns);

  /// The rest, after which the files are gone: the last marks, the sums and the losses, with open calls ended at `end_ns`.
  Marks finish(std::int64_t end_ns);

  /// Removes the files; what programs write from now on is lost.
  void close() noexcept;

 private:
  struct Source;
  struct Thread;
  struct Looked;
  void look(Source& source, std::uint32_t index, std::int64_t now_ns, Marks& out);
  static void introduce(Thread& thread, std::uint64_t pid_and_tid, Marks& out);
  void take(Source& source, Thread& thread, const Looked& seen, Marks& out);
  void bridge(Source& source, Thread& thread, const Looked& seen, std::int64_t now_ns, Marks& out);
  void end_open_calls(Source& source, std::int64_t end_ns, Marks& out);
  void sum_up(Source& source, std::int64_t end_ns, Marks& out);
  std::uint32_t name(Source& source, std::uint32_t id, Marks& out);

  std::vector<std::unique_ptr<Source>> sources_;
  std::unordered_map<std::string, std::uint32_t> names_;
  std::size_t most_marks_;
  std::size_t taken_ = 0;
  std::uint16_t threads_ = 0;
  std::int64_t drained_ns_ = 0;
};

}  // namespace perun
