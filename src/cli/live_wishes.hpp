// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/fd.hpp"
#include "cli/command_line.hpp"
#include "cli/watched.hpp"
#include "config/config.hpp"
#include "live/frame.hpp"

namespace perun {

/// What the keys of the live view ask for beyond a look: a mark in the run, and its report so far. One thread. Its end waits
/// for a report that is being written, for 5 s at most.
class LiveWishes {
 public:
  LiveWishes(const CommandLine& line, const Resolved& resolved, Watched& watched)
      : line_(line), resolved_(resolved), watched_(watched) {}
  ~LiveWishes();
  LiveWishes(const LiveWishes&) = delete;
  LiveWishes& operator=(const LiveWishes&) = delete;

  /// Takes the wish, if there is one, and puts into `notice` what came of the last ones. True: the notice changed.
  bool serve(live::Choice& choice, const live::RunView& view, std::int64_t now_ns);

 private:
  std::string mark();
  std::string save(const live::RunView& view);
  std::optional<std::string> saved();  ///< when that has ended

  const CommandLine& line_;
  const Resolved& resolved_;
  Watched& watched_;
  unsigned marks_ = 0;
  pid_t saver_ = -1;
  Fd complaints_ = {};
  std::filesystem::path file_ = {};
  std::int64_t notice_until_ns_ = 0;
};

}  // namespace perun
