// SPDX-License-Identifier: BSD-3-Clause
#include "cli/session.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/json.hpp"
#include "cli/terminal.hpp"

namespace perun {

namespace {

constexpr std::size_t longest_line = 64 << 10;

Ending interrupted(std::string why, const Moment& at) {
  Ending ending{.at = at, .outcome = {}};
  ending.outcome.interrupted_by = std::move(why);
  return ending;
}

}  // namespace

Ending ending_from(std::string_view line, const Moment& now) {
  try {
    const Json end = Json::parse(line).at("end");
    Ending ending{.at = {end.at("mono_ns").get<std::int64_t>(), 0}, .outcome = {}};
    if (ending.at.mono_ns > now.mono_ns || ending.at.mono_ns < 0) ending.at.mono_ns = now.mono_ns;
    ending.at.real_ns = now.real_ns - (now.mono_ns - ending.at.mono_ns);
    ending.outcome = {.finished = true,
                      .exit_code = end.at("exit_code").get<int>() & 0xff,
                      .user_s = end.at("user_s").get<double>(),
                      .system_s = end.at("system_s").get<double>(),
                      .max_rss_bytes = end.at("max_rss_bytes").get<std::int64_t>()};
    return ending;
  } catch (const nlohmann::json::exception&) {
    return interrupted("the program said something that perun does not understand", now);
  }
}

Result<CallerLine> CallerLine::answer() {
  const pid_t parent = ::getppid(), pid = ::fork();
  if (pid < 0) return Error{Errc::io, fmt::format("cannot start a process: {}", std::strerror(errno))};
  if (pid > 0) ::_exit(0);
  ::fcntl(STDIN_FILENO, F_SETFL, ::fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
  return CallerLine(parent);
}

Caller CallerLine::caller() {
  return {.pid = pid_, .fd = STDIN_FILENO, .go = [this] { go(); }, .hear = [this] { return hear(); }};
}

void CallerLine::go() {
  // A caller that is gone is noticed by hear().
  Json environment = Json::object();
  for (const char* name : {"PERUN_MARKS", "PERUN_SOCK", "PERUN_RUN", "PERUN_ACTIVE", "PERUN_CONTROL"})
    if (const char* value = std::getenv(name)) environment[name] = value;
  const Json message{{"ready", round_++}, {"environment", environment}};
  static_cast<void>(write_text(STDOUT_FILENO, message.dump() + "\n"));
}

std::optional<Ending> CallerLine::hear() {
  std::array<char, 4096> bytes{};
  ssize_t n = 0;
  while ((n = ::read(STDIN_FILENO, bytes.data(), bytes.size())) > 0) {
    heard_.append(bytes.data(), static_cast<std::size_t>(n));
    if (const auto stop = heard_.find('\n'); stop != std::string::npos) {
      const auto ending = ending_from(std::string_view(heard_).substr(0, stop), now());
      heard_.erase(0, stop + 1);
      return ending;
    }
    if (heard_.size() > longest_line) return interrupted("the program said something that perun does not understand", now());
  }
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
  return interrupted("the program ended before what was measured in it", now());
}

}  // namespace perun
