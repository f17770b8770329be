// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <perun/perun.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
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

  /// A stretch of CLOCK_MONOTONIC that somebody asks about; none: the run so far.
  struct Stretch {
    std::int64_t from_ns = 0, to_ns = 0;
  };
  /// To all who wait, each by what it asked.
  void answer(const std::function<perun_energy(const std::optional<Stretch>&)>& find) noexcept;

 private:
  std::filesystem::path path_;
  Fd events_, socket_;
  std::vector<Fd> callers_;  ///< connected, silent so far
  struct Waiting {
    Fd caller;
    std::optional<Stretch> stretch;
  };
  std::vector<Waiting> waiting_;
};

}  // namespace perun
