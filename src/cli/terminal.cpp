// SPDX-License-Identifier: BSD-3-Clause
#include "cli/terminal.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/text.hpp"

namespace perun {

namespace {

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : value;
}

bool colored(int fd, std::string_view when) {
  if (when == "always") return true;
  if (when == "never") return false;
  if (!variable("NO_COLOR").empty()) return false;
  if (const auto force = variable("CLICOLOR_FORCE"); !force.empty() && force != "0") return true;
  return ::isatty(fd) == 1 && variable("TERM") != "dumb" && !variable("TERM").empty();
}

bool locale_is_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"})
    if (const auto value = text::lower(variable(name)); !value.empty())
      return value.find("utf-8") != std::string::npos || value.find("utf8") != std::string::npos;
  return false;
}

}  // namespace

bool write_text(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

void say(std::string_view text) {
  // One write, so that lines of several ranks do not mix.
  static_cast<void>(write_text(STDERR_FILENO, "perun: " + std::string(text) + "\n"));
}

Style style_for(int fd, const Config& config) {
  return {.color = colored(fd, config.color), .utf8 = locale_is_utf8()};
}

}  // namespace perun
