// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "launch/job.hpp"
#include "stream/receiver.hpp"
#include "stream/sender.hpp"

namespace perun {

/// What a node's sampling process does where the nodes of a job share no data_out: the one of rank 0 takes in the others'
/// parts, each other one sends its own there. Nothing is sent and nobody listens before it is seen that the folder is only
/// this machine's, or when nobody told where rank 0 is.
class Streams {
 public:
  Streams(const JobTask& task, std::filesystem::path folder);
  ~Streams();
  Streams(const Streams&) = delete;
  Streams& operator=(const Streams&) = delete;

  /// Now and then while the node is measured; begins when a part has had the time to appear in a folder that is shared.
  void look(const std::filesystem::path& part, bool has_rank_0, std::int64_t running_ns);

  /// The node's part has ended: true when all parts of this node are on rank 0's node.
  [[nodiscard]] bool deliver(const std::filesystem::path& part, int ranks);

  /// On rank 0's node: whether all ranks have ended, for which those that still send are waited, 10 s at most.
  [[nodiscard]] bool all_came();

  /// What the user must know on rank 0's node when they have not come; empty elsewhere.
  [[nodiscard]] std::string lacking() const;

 private:
  void begin(const std::filesystem::path& part, bool has_rank_0);
  [[nodiscard]] bool deliver_earlier(const std::filesystem::path& part) const;

  const JobTask& task_;
  std::filesystem::path folder_;
  std::string node_;
  bool possible_, begun_ = false;
  std::unique_ptr<stream::Receiver> receiver_;
  std::unique_ptr<stream::Sender> sender_;
};

}  // namespace perun
