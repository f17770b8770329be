// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace perun::text {

/// Without white space at both ends.
[[nodiscard]] std::string_view trim(std::string_view s) noexcept;

/// The parts between the separators; empty parts are kept.
[[nodiscard]] std::vector<std::string_view> split(std::string_view s, char separator);

[[nodiscard]] std::string lower(std::string_view s);

/// The whole of `s` as a number, independent of the locale; nothing when anything is left over.
[[nodiscard]] std::optional<double> number(std::string_view s) noexcept;
[[nodiscard]] std::optional<std::int64_t> integer(std::string_view s) noexcept;

/// Shortest text that reads back as the same double.
[[nodiscard]] std::string shortest(double value);

/// The word nearest to `typed` by edit distance, if it is near enough to be a typing error.
[[nodiscard]] std::optional<std::string_view> nearest(std::string_view typed, std::span<const std::string_view> words);

/// "; did you mean 'x'?" or nothing.
[[nodiscard]] std::string did_you_mean(std::string_view typed, std::span<const std::string_view> words);

/// Shell-like pattern with * and ?; the whole of `s` must match.
[[nodiscard]] bool glob(std::string_view pattern, std::string_view s) noexcept;

/// The words of a command, quoted so that a POSIX shell would read them back.
[[nodiscard]] std::string shell_quote(std::span<const std::string> words);

/// True when `s` is valid UTF-8.
[[nodiscard]] bool is_utf8(std::string_view s) noexcept;

/// `s` with every byte that is not part of valid UTF-8 replaced by U+FFFD.
[[nodiscard]] std::string to_utf8(std::string_view s);

/// The same with every control character as a blank too, so that no terminal obeys what a file said.
[[nodiscard]] std::string printable(std::string_view s);

}  // namespace perun::text
