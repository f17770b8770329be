// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/fd.hpp"
#include "stream/ticket.hpp"

namespace perun::stream {

/// Sends a part of a job to rank 0's node as it grows. A thread of its own reads the file behind its writer, so that no
/// network, however slow, is waited for where readings are taken; it holds one block at a time.
class Sender {
 public:
  /// `name` is the part's while it is written. Called in the thread: `wanted`, before each try to connect.
  Sender(Ticket ticket, const std::filesystem::path& part, std::string name, std::function<bool()> wanted);
  ~Sender();
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  /// The part has ended after `ranks` ranks and now lies at `part`. True when the other node has all of it on its disk.
  /// Takes some seconds at most, and a moment when nobody was ever reached. False also when that time was up in the
  /// middle of a try: the sender must then not be destroyed before the process ends.
  [[nodiscard]] bool finish(const std::filesystem::path& part, int ranks);
  [[nodiscard]] bool over();

 private:
  struct End {
    std::filesystem::path part;
    int ranks;
  };

  void run() noexcept;
  void serve();
  bool connect();   ///< and the greeting
  bool send_new();  ///< what the file holds beyond what was sent
  bool send_end(int ranks);
  std::optional<End> wait(int ms);

  const Ticket ticket_;
  const std::string name_;
  const std::function<bool()> wanted_;

  // The thread's own.
  Fd file_, link_;
  std::uint64_t sent_ = 0;
  std::size_t place_ = 0;
  bool refused_ = false;  ///< the other side takes no such part

  std::mutex mutex_;
  std::condition_variable changed_;
  // Under mutex_.
  std::optional<End> end_;
  std::int64_t give_up_ns_ = 0;  ///< once there is an end
  bool reached_ = false, delivered_ = false, over_ = false, stop_ = false;

  std::thread thread_;
};

}  // namespace perun::stream
