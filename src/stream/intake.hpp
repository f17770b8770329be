// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "base/fd.hpp"
#include "stream/ticket.hpp"

namespace perun::stream {

/// What may be taken in at most.
struct Limits {
  std::string own_node;                               ///< whose parts nobody else sends
  std::string key;                                    ///< of the job that a part must say it is of
  int most_parts = 1000;                              ///< in all
  std::uint64_t most_bytes = std::uint64_t{4} << 30;  ///< of all parts together
  std::uint64_t free_bytes = std::uint64_t{1} << 30;  ///< that must stay free on the disk
};

/// One connection: first it proves who it is, then it brings a part. Holds a greeting, and no more, in memory.
struct Guest {
  Fd link;
  Nonce nonce{};
  std::int64_t since_ns = 0;        ///< of its last word
  std::string words = {};           ///< what has come of a greeting, or of a number before a block
  std::filesystem::path part = {};  ///< since it was let in
  Fd file = {};                     ///< locked
  std::uint64_t left = 0;           ///< of the block that is under way
  bool ending = false;              ///< the number of ranks comes next
};

/// Understands what comes from a guest. One thread.
class Intake {
 public:
  Intake(Ticket ticket, std::filesystem::path folder, Limits limits)
      : ticket_(std::move(ticket)), folder_(std::move(folder)), limits_(std::move(limits)) {}

  enum class Verdict : unsigned char { go_on, leave };
  [[nodiscard]] Verdict take(Guest& guest, std::string_view bytes);
  /// It left, or is to: what it brought stays, unless not even the beginning of a part has come.
  void gone(const Guest& guest);

 private:
  Verdict greet(Guest& guest, std::string_view& bytes);
  [[nodiscard]] bool let_in(Guest& guest, const std::string& name);
  Verdict store(Guest& guest, std::string_view bytes);
  Verdict end(Guest& guest, int ranks) const;
  [[nodiscard]] bool room_for(const Guest& guest, std::size_t bytes) const;

  Ticket ticket_;
  std::filesystem::path folder_;
  Limits limits_;
  std::map<std::string, std::uint64_t> parts_;  ///< of others, by name, with the bytes that are held
  std::uint64_t bytes_ = 0;
};

}  // namespace perun::stream
