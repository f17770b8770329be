// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <list>
#include <string>
#include <thread>

#include "base/fd.hpp"
#include "stream/intake.hpp"
#include "stream/ticket.hpp"

namespace perun::stream {

/// Takes in the parts of other nodes, on rank 0's node, and puts them into the job's folder as if all nodes saw it: a part is
/// there from its first bytes on, is locked while its node sends, and gets its last name when it has ended. In a thread of
/// its own, which listens only while `wanted` (called in it) says so.
class Receiver {
 public:
  Receiver(Ticket ticket, std::filesystem::path folder, Limits limits, std::function<bool()> wanted);
  ~Receiver();
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  /// Nodes that send just now.
  [[nodiscard]] int sending() const noexcept { return sending_; }
  /// Whether there has been one.
  [[nodiscard]] bool ever() const noexcept { return ever_; }

 private:
  void run() noexcept;
  void serve();
  void accept_all(const Fd& listener);

  const Ticket ticket_;
  Intake intake_;  // the thread's
  const std::function<bool()> wanted_;
  std::list<Guest> guests_;  // the thread's
  Fd stop_;                  ///< an eventfd
  std::atomic<int> sending_ = 0;
  std::atomic<bool> ever_ = false;  ///< so that other nodes' parts here are no sign of a shared folder
  std::thread thread_;
};

}  // namespace perun::stream
