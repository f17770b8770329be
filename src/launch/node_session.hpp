// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <filesystem>
#include <future>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "journal/journal.hpp"
#include "launch/channel.hpp"
#include "launch/circumstances.hpp"
#include "launch/job.hpp"
#include "launch/late_join.hpp"
#include "launch/node_part.hpp"
#include "launch/region_watch.hpp"
#include "launch/streams.hpp"
#include "sampling/sampler.hpp"

namespace perun {

/// The ranks of the node from the first that comes to the last that goes.
class NodeSession {
 public:
  NodeSession(const JobTask& task, Sampler& sampler, RegionWatch& regions, LateJoin late, std::string run_id,
              journal::Writer writer, Fd listener, Past past, Streams& streams);

  void begin(const std::string& notice);

  /// Until the last rank has gone.
  void serve();

  /// The last readings; how many ranks this part adds to the job's count.
  int finish();

  /// The launcher that is kept waiting since its rank was the last one; null when it is gone.
  [[nodiscard]] Channel* last();
  [[nodiscard]] bool has_rank_0() const { return ranks_.contains(0); }
  [[nodiscard]] bool all_well() const;
  void stop_listening() { listener_.reset(); }
  [[nodiscard]] const std::filesystem::path& part() const noexcept { return writer_.path(); }

 private:
  /// A launcher and its rank.
  struct Guest {
    Channel channel;
    std::optional<RankRecord> rank = {};  ///< since its hello
    bool ended = false;
    [[nodiscard]] bool alive() const { return !ended && !channel.closed(); }
  };

  [[nodiscard]] bool anybody() const;
  /// Ranks of this node that are to be expected and not here.
  [[nodiscard]] bool some_missing() const;
  [[nodiscard]] std::int64_t patience_ends_ns() const;
  [[nodiscard]] int patience_ms() const;
  [[nodiscard]] bool over() const { return !anybody() && monotonic_ns() >= patience_ends_ns(); }
  void take_readings();
  void pair_clocks();
  /// Ranks that have gone need no guest; the last one is kept for its answer.
  void tidy();
  void write(const RankRecord& rank);
  void settle(int number, RankStatus status);
  void hear(Guest& guest);
  void welcome(Guest& guest, const Message& hello);
  /// Makes the rank's marks, or goes on with those of an agent that was killed.
  void let_mark(Guest& guest, int rank, bool again);
  /// Ranks may run programs of their own (MPMD).
  void describe(RankRecord& rank, const std::string& text) const;
  void begun(RankRecord& rank, const Message& message);
  void ended(Guest& guest, const Message& message);
  /// The second place is tried once; what cannot be written there either is tried again where it is. One rank tells it.
  void report_trouble(const Status& status);
  void look_for_part();

  const JobTask& task_;
  Streams& streams_;
  Sampler& sampler_;
  RegionWatch& regions_;
  LateJoin late_;
  std::string run_id_;
  std::optional<int> socket_rank_;  ///< whose name the socket bears
  journal::Writer writer_;
  Fd listener_;
  std::vector<Guest> guests_;
  std::map<int, RankRecord> ranks_;  ///< of this node, all of its parts
  std::set<int> awaited_;            ///< of those: they had begun when an earlier agent was killed, and have not come again
  int counted_;
  std::vector<journal::Sample> batch_;
  std::string notice_;
  std::future<void> prepared_;
  Circumstances circumstances_;
  std::string trouble_;
  std::int64_t begin_ns_ = 0, quiet_since_ns_ = 0, next_pair_ns_ = 0, cpu_begin_ns_ = 0, launcher_cpu_ns_ = 0;
  bool met_ = false, told_ = false, first_begun_ = false;
};

}  // namespace perun
