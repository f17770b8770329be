// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"

namespace perun::files {

/// Names in a folder, sorted; none when it cannot be read. At most 100,000.
[[nodiscard]] std::vector<std::string> names(const std::filesystem::path& folder);

/// The PCI address that the folder of a device tells: "0000:c1:00.0"; empty where it does not.
[[nodiscard]] std::string pci_address(const std::filesystem::path& device);

/// What the system says of an errno, in lower case: "permission denied".
[[nodiscard]] std::string reason(int error);

/// What a file holds, to be quoted in a message: valid UTF-8 without control characters, cut after 64 bytes or so.
[[nodiscard]] std::string printable(std::string_view s);

/// Cuts the first word off `rest`; empty at the end.
[[nodiscard]] std::string_view word(std::string_view& rest) noexcept;

/// Cuts a non-negative integer off `rest`; false when the next word is none.
[[nodiscard]] bool number(std::string_view& rest, std::int64_t& value) noexcept;

enum class Next : bool { stop, go_on };

/// Reads an open file from its start and hands every line to take(line) -> Next. Works in a buffer of fixed size and
/// never allocates. False when reading failed, a line is longer than the buffer, or the file exceeds 4 MiB.
template <class F>
[[nodiscard]] bool each_line(const Fd& file, F&& take) noexcept {
  std::array<char, 8192> buffer;  // not zeroed: this runs at every tick
  std::size_t held = 0;
  for (off_t at = 0; at < (4 << 20);) {
    const ssize_t n = ::pread(file.get(), buffer.data() + held, buffer.size() - held, at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    at += n;
    held += static_cast<std::size_t>(n);
    std::string_view rest(buffer.data(), held);
    for (auto end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
      if (take(rest.substr(0, end)) == Next::stop) return true;
      rest.remove_prefix(end + 1);
    }
    if (n == 0) {
      if (!rest.empty()) take(rest);  // a last line without its end
      return true;
    }
    if (rest.size() == buffer.size()) return false;
    held = rest.size();
    std::memmove(buffer.data(), rest.data(), held);
  }
  return false;
}

}  // namespace perun::files
