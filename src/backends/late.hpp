// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "backends/backend.hpp"
#include "backends/select.hpp"

namespace perun {

/// What a source that took its time to start adds to a node.
struct Joined {
  std::unique_ptr<Backend> backend = {};    ///< null: it has nothing to be read
  std::vector<Sensor> sensors = {};         ///< of the node: those it had and those of the backend behind them, `counted` anew
  std::vector<BlockedSource> blocked = {};  ///< told by it
  Attributes attributes = {};               ///< likewise
  [[nodiscard]] bool nothing() const noexcept { return !backend && blocked.empty() && attributes.empty(); }
};

/// Sources that take their time to start: each is probed in a thread of its own that nobody waits for. What never answers is
/// left behind with its thread. One thread uses it.
class Latecomers {
 public:
  /// Of a source that the user did not add.
  static constexpr std::size_t not_own = static_cast<std::size_t>(-1);

  Latecomers();
  ~Latecomers();
  Latecomers(const Latecomers&) = delete;
  Latecomers& operator=(const Latecomers&) = delete;

  /// `own`: as the how many-th the user added it (--sensor).
  void begin(const BackendInfo& info, const Host& host, std::string argument, std::size_t own = not_own);

  /// Sensors of the user's own that were there at once, likewise.
  void know(std::map<std::string, std::size_t, std::less<>> own) { own_.merge(std::move(own)); }

  /// Readable (eventfd) when one has come.
  [[nodiscard]] int fd() const noexcept;

  /// What the next of them adds to a node with the sensors `known`; nothing when none has come since. `proved` as in Selection.
  /// As in open_sources, of two meters of one thing the user's own counts, and what covers no known part is not read.
  [[nodiscard]] std::optional<Joined> next(std::span<const Sensor> known,
                                           const std::map<std::string, Proved, std::less<>>& proved);

  /// Names of those that have not come.
  [[nodiscard]] const std::vector<std::string>& awaited() const noexcept { return awaited_; }

  /// Ends the programs that serve as sensors: the run is over.
  void give_up() noexcept;

 private:
  struct Shared;
  void judge(std::vector<Sensor>& sensors) const;

  std::shared_ptr<Shared> shared_;  // the threads' too, which may outlive this
  std::vector<std::string> awaited_;
  std::map<std::string, std::size_t, std::less<>> own_;  ///< sensors of the user's own, by which of them
};

}  // namespace perun
