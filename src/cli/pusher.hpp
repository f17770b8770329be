// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace perun {

/// perun-otlp, which sends documents to a collector. Nobody waits for it: while it is busy, further documents are left out.
class Pusher {
 public:
  /// Whether it is like one of a collector. Errors: invalid.
  static Status check(const std::string& url);
  /// Errors: invalid (the address), not_found (perun-otlp is not installed), io.
  static Result<Pusher> start(const std::string& url);
  ~Pusher();
  Pusher(Pusher&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)), to_(std::move(other.to_)), rest_(std::move(other.rest_)) {}
  Pusher& operator=(Pusher&&) = delete;

  /// A document in one line.
  void push(std::string document);
  /// The same, but none is left out.
  void queue(std::string document);
  /// Waits until all is sent, or refused; false: it took longer.
  bool finish(int timeout_ms);

 private:
  Pusher(pid_t pid, Fd to) : pid_(pid), to_(std::move(to)) {}
  void write();
  pid_t pid_;
  Fd to_;
  std::string rest_ = {};  ///< of documents that found no room in the pipe
};

}  // namespace perun
