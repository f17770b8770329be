// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <perun/perun.h>

#include <filesystem>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace perun {

/// The socket at which measured programs speak to their agent (regions/agent_socket.h). One thread; never waits. A program
/// that asks in vain, too much or nonsense is hung up on.
class Inquiries {
 public:
  Inquiries() = default;
  static Result<Inquiries> listen(const std::filesystem::path& path);
  ~Inquiries();
  Inquiries(Inquiries&&) = default;
  Inquiries& operator=(Inquiries&& other) noexcept;

  /// Readable when somebody has something to say; -1: closed.
  [[nodiscard]] int fd() const noexcept { return events_.get(); }

  /// What was said since the last call.
  struct News {
    bool attached = false;  ///< a program will mark
    bool energy = false;    ///< answer() is waited for
  };
  News collect();

  /// To all who wait.
  void answer(const perun_energy& energy) noexcept;

 private:
  std::filesystem::path path_;
  Fd events_, socket_;
  std::vector<Fd> callers_;  ///< connected, silent so far
  std::vector<Fd> waiting_;
};

}  // namespace perun
