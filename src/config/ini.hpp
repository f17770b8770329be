// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace perun::ini {

/// One `key = value`, its value without comment, trailing comma and quotes. Lines that continue the value
/// (indented more than their key) follow after '\n'.
struct Entry {
  std::string section, key, value;  ///< section and key as written; section empty before the first [section]
  int line = 0;
  int continued_at = 0;  ///< first line that continues the value; 0: none does
};

/// The entries of an INI text in order, repeated keys included. `shown` is the file's name in messages. Takes
/// Python's configparser dialect: `=` or `:`, comments by # or ; at the start of a line or after a blank,
/// CRLF, byte order mark; beyond it one comma after the value and "quoted # values" with \" and \\ in them.
[[nodiscard]] Result<std::vector<Entry>> parse(std::string_view text, std::string_view shown);

/// The same of a file. Errc::not_found when there is none.
[[nodiscard]] Result<std::vector<Entry>> read(const std::filesystem::path& file, std::string_view shown);

/// `value` as parse() would read it back: in quotes where it needs them.
[[nodiscard]] std::string quote(std::string_view value);

}  // namespace perun::ini
