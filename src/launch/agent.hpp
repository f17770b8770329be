// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "host/host.hpp"
#include "journal/journal.hpp"
#include "launch/channel.hpp"
#include "model/run.hpp"
#include "sampling/instruments.hpp"

namespace perun {

/// Whether a run may be in its data file already, since a commit of it was cut off.
enum class Presence : unsigned char { certainly_new, perhaps_there };

/// Adds a run to its data file.
using StoreRun = std::function<Result<Stored>(const Run&, Presence)>;

/// The idle power of a node with these sensors, measured or known.
using FindBaseline = std::function<Result<Baseline>(const NodeRecord&, std::span<const std::unique_ptr<Backend>>)>;

/// What an agent is to do: measure one run of one program on this node.
struct AgentTask {
  Host host;
  std::filesystem::path data_out;
  Run run;                                    ///< everything known before the program starts; without nodes
  std::function<Result<Instruments>()> open;  ///< called in the agent
  StoreRun store;
  bool of_caller = false;              ///< what is measured goes on when it has ended: nothing is sampled beyond the launcher
  double region_frequency_hz = 0;      ///< of counters of energy while programs mark; 0: as all
  std::filesystem::path control = {};  ///< a named pipe that marks are taken from; empty: none
  double max_overhead_percent = 0;     ///< of one core; 0: whatever sampling takes
  FindBaseline baseline = {};          ///< called in the agent, before the program starts; empty: none is wanted
  std::int64_t baseline_ns = 0;        ///< how long that may take
  std::filesystem::path spool = {};    ///< where the journal goes when data_out fails; empty: nowhere
  std::string preload = {};            ///< a library that the program is to load first; empty: none
  std::function<void()> prepare = {};  ///< what `store` can have done in advance; called while the program starts
};

/// The journal this task's run is written to, wherever it is now.
[[nodiscard]] std::filesystem::path journal_path(const AgentTask& task);

/// The sampling process. Belongs to no terminal, ignores what is sent to it, holds none of the program's files open
/// and outlives the launcher: whatever is killed, what was sampled reaches the data file or stays in the journal.
/// Speaks over `channel`; never returns.
[[noreturn]] void run_agent(const AgentTask& task, Channel channel);

/// Ends a journal whose agent died, stores the run and removes the journal. Errc::busy when the agent lives or somebody
/// else is at it, Errc::not_found when that has been done, or when the program was never started: the journal is then
/// removed. `outcome` is how the program ended, if that is known.
[[nodiscard]] Result<Stored> rescue(const std::filesystem::path& journal, const std::optional<Outcome>& outcome,
                                    const StoreRun& store);

/// The same with a journal that was taken over already.
[[nodiscard]] Result<Stored> rescue(journal::Writer writer, const std::optional<Outcome>& outcome, const StoreRun& store);

}  // namespace perun
