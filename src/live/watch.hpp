// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <filesystem>
#include <functional>
#include <list>
#include <optional>
#include <vector>

#include "base/result.hpp"
#include "live/node.hpp"
#include "live/view.hpp"

namespace perun::live {

/// One run in progress, on however many nodes. One thread.
class Watch {
 public:
  /// Where the run's journals are at the moment; asked again now and then, ever more seldom, since nodes of a job come later.
  using Find = std::function<std::vector<std::filesystem::path>()>;
  explicit Watch(Find find) : find_(std::move(find)) {}

  /// Reads what came. Errors: io of a journal.
  Status poll();

  [[nodiscard]] bool begun() const noexcept;
  [[nodiscard]] bool over() const noexcept;  ///< all nodes that were seen are
  /// What of the run is on this machine: what its processes know it as, where its marks go, and what the processors used.
  struct Here {
    std::string key, run_id;
    std::filesystem::path folder;
    std::vector<int> ranks;
    std::optional<double> cpu_J;  ///< nothing when no counted device is a processor
    Kind kind = Kind::measured;
  };
  [[nodiscard]] std::optional<Here> here() const;
  /// With the power of the last `window_s` seconds as the mean of each of `pieces` stretches.
  [[nodiscard]] RunView view(double window_s = 60, std::size_t pieces = 0) const;

 private:
  static constexpr unsigned first_between_looks = 2;
  void look();
  [[nodiscard]] std::optional<double> watts_between(double from_s, double to_s) const;

  Find find_;
  std::list<Node> nodes_;                                          ///< meters point into them
  unsigned between_looks_ = first_between_looks, until_look_ = 0;  ///< in polls
  bool over_ = false;                                              ///< at the last poll
};

}  // namespace perun::live
