// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "model/run.hpp"
#include "model/summary.hpp"

namespace perun {

/// A run in its data file, and what all runs of that file add up to.
struct Stored {
  int number = -1;
  int runs_in_file = 0;
  Usage total;  ///< uncertainty and bounds are left out
  std::optional<Footprint> footprint;
  std::string summary = {};  ///< of the run, encoded; sent in messages of its own
};

/// What launcher and agent say to each other. Each fills only its own fields.
struct Message {
  enum class Type : std::uint8_t {
    hello,    ///< launcher of a job's rank: number = rank; text: app and command as JSON; moment: when its program began,
              ///< if the agent it had is gone
    ready,    ///< agent: the first readings are taken at moment, the program is to start now; text: notice for the user
    refused,  ///< agent: cannot measure; error
    begun,    ///< launcher: the program runs; number = pid; of a rank also moment
    cancel,   ///< launcher: the program is not running; forget the run
    end,      ///< launcher: the program has ended; moment, outcome, number = its own processor time meanwhile, ns
    trouble,  ///< agent: something fails while the program runs; text
    storing,  ///< agent of a job: the last rank has ended, and the run is being stored
    summary,  ///< agent: a piece of the summary of the run that was stored; text
    stored,   ///< agent: the run is in its data file; stored, without the summary
    kept,     ///< agent: the run could not be stored; the journal stays; error
    bye,      ///< agent of a job: the rank's end is written down; others are still running
    regions,  ///< agent of a job: what region_paths() wants to know; text: folder and id of the run, a line each; number: the
              ///< rank in the name of the node's socket
  } type;
  std::string text = {};
  std::int64_t number = 0;
  Moment moment = {};
  Outcome outcome = {};
  Error error = {};
  Stored stored = {};
};

/// One end of a socket between two processes of perun. Messages arrive whole and in order.
class Channel {
 public:
  static Result<std::pair<Channel, Channel>> pair();
  explicit Channel(Fd socket) : socket_(std::move(socket)) {}

  /// False when the other side is gone.
  bool send(const Message& message) noexcept;

  /// Sends the summary, in pieces, and then `stored`.
  bool send_stored(const Stored& stored) noexcept;

  /// The next message, without waiting for one. `closed()` tells nothing-yet from never-again.
  std::optional<Message> receive();
  [[nodiscard]] bool closed() const noexcept { return closed_; }

  [[nodiscard]] int fd() const noexcept { return socket_.get(); }
  void close() noexcept {
    socket_.reset();
    closed_ = true;
  }

 private:
  Fd socket_;
  bool closed_ = false;
};

}  // namespace perun
