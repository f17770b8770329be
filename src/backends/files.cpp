// SPDX-License-Identifier: BSD-3-Clause
#include "backends/files.hpp"

#include <algorithm>
#include <system_error>

#include "base/text.hpp"
#include "host/sysfs.hpp"

namespace perun::files {

std::vector<std::string> names(const std::filesystem::path& folder) {
  constexpr std::size_t most = 100'000;
  std::vector<std::string> found;
  std::error_code failed;
  for (std::filesystem::directory_iterator at(folder, failed), end; !failed && at != end && found.size() < most;
       at.increment(failed))
    found.push_back(at->path().filename().string());
  std::sort(found.begin(), found.end());
  return found;
}

std::string pci_address(const std::filesystem::path& device) {
  constexpr std::string_view key = "PCI_SLOT_NAME=";
  const std::string all = sysfs::text(device / "uevent", 4096).value_or("");
  for (const auto line : text::split(all, '\n'))
    if (line.starts_with(key)) return text::printable(line.substr(key.size()));
  return {};
}

std::string reason(int error) {
  return text::lower(std::generic_category().message(error));
}

std::string printable(std::string_view s) {
  return text::printable(s.substr(0, 64));
}

std::string_view word(std::string_view& rest) noexcept {
  constexpr std::string_view blanks = " \t\r";
  rest.remove_prefix(std::min(rest.find_first_not_of(blanks), rest.size()));
  const std::string_view found = rest.substr(0, rest.find_first_of(blanks));
  rest.remove_prefix(found.size());
  return found;
}

bool number(std::string_view& rest, std::int64_t& value) noexcept {
  const std::string_view digits = word(rest);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return error == std::errc{} && !digits.empty() && end == digits.data() + digits.size() && value >= 0;
}

}  // namespace perun::files
