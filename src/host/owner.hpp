// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace perun {

/// A process, named so that others can find out later, on this machine or another, whether it still lives.
struct Owner {
  std::string host;           ///< for people
  std::string boot_id;        ///< of the kernel it runs under
  std::string pid_namespace;  ///< in which `pid` counts: "pid:[4026531836]"
  std::int64_t pid = 0;
  std::int64_t started = 0;  ///< clock ticks after the boot: tells it from a later process of the same number
  friend bool operator==(const Owner&, const Owner&) = default;
};

enum class Life : unsigned char {
  alive,
  dead,
  elsewhere,  ///< another boot, machine or container: cannot be told from here
};

[[nodiscard]] Owner this_process();
[[nodiscard]] Life life_of(const Owner& owner);
/// It was killed, and lives on only until a call into the kernel is done that cannot be broken off: a sync to a busy disk. Also
/// once it is dead.
[[nodiscard]] bool is_dying(const Owner& owner);
[[nodiscard]] bool same_boot(const Owner& owner);  ///< under the kernel that we run under, in whatever container

/// As JSON, and back; nothing when the text is none.
[[nodiscard]] std::string encode(const Owner& owner);
[[nodiscard]] std::optional<Owner> decode_owner(std::string_view text);

/// "process 4711 on gpu07"
[[nodiscard]] std::string describe(const Owner& owner);

}  // namespace perun
