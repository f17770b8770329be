// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "launch/channel.hpp"
#include "launch/place.hpp"

namespace perun {

/// Where the ranks of a job meet the sampling process of their node: a folder of this user's in shared memory with a lock,
/// which the sampling process holds while it lives, and a socket, on which it listens. Whoever gets the lock starts it.
class Meeting {
 public:
  /// Makes the folder, in /dev/shm, $XDG_RUNTIME_DIR or /tmp: the first that is this user's alone. All ranks on the node
  /// find the same one.
  static Result<Meeting> at(const Place& place, std::string_view node_id);

  /// The sampling process's end; nothing when none listens.
  [[nodiscard]] std::optional<Channel> call() const;

  /// The lock, if nobody has it; nothing when somebody does, or has just left.
  [[nodiscard]] std::optional<Fd> try_lock() const;

  /// Begins to listen; for the holder of the lock.
  [[nodiscard]] Result<Fd> listen() const;

  /// Who called; nothing when nobody waits.
  [[nodiscard]] static std::optional<Channel> accept(const Fd& listener);

  /// Takes the folder away, for the holder of the lock; who comes then makes a new one.
  void leave() const noexcept;

  /// Removes what killed sampling processes of this user have left behind.
  void sweep() const noexcept;

 private:
  explicit Meeting(std::filesystem::path folder) : folder_(std::move(folder)) {}
  [[nodiscard]] std::filesystem::path lock() const { return folder_ / "lock"; }
  [[nodiscard]] std::filesystem::path socket() const { return folder_ / "sock"; }
  std::filesystem::path folder_;
};

/// How many peruns this rank of the job has had before, when a script starts one after the other; all ranks count alike. The
/// count stays in shared memory while the script lives.
[[nodiscard]] int earlier_peruns(const Place& place);

/// What a node is known as: its host name and the begin of its kernel's boot id, or what the user says.
[[nodiscard]] std::string node_id_of(const Place& place, const Host& host);

/// The kernel's boot id; empty where it cannot be read.
[[nodiscard]] std::string boot_id_of(const Host& host);

}  // namespace perun
