// SPDX-License-Identifier: BSD-3-Clause
#include "cli/outside.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/json.hpp"
#include "base/text.hpp"
#include "host/clock.hpp"
#include "launch/program.hpp"

namespace perun {

namespace {

constexpr const char* words_variable = "PERUN_OUTSIDE";
constexpr std::int64_t ready_within_ns = 60'000'000'000;
/// What stands in for the program on each node: it says that its perun measures, and ends when it is told the status of the
/// program, or when whoever would tell it is gone. One rank passes the status on, so that srun complains once.
constexpr const char* stand_in = "echo ready; read -r status; [ \"$SLURM_PROCID\" != 0 ] || exit \"${status:-0}\"";

std::string variable(const char* name) {
  const char* value = ::getenv(name);
  return value == nullptr ? "" : value;
}

/// The options that this perun was given: its own words up to the program's.
std::vector<std::string> own_options(std::size_t words_of_program) {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::string> all;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\0', at);
    all.push_back(text.substr(at, end - at));
    at = end == std::string::npos ? text.size() : end + 1;
  }
  if (all.size() <= words_of_program) return {"monitor"};
  all.resize(all.size() - words_of_program);
  if (all.back() == "--") all.pop_back();
  all.erase(all.begin());
  return all;
}

std::vector<std::string> step_words(const std::string& app, std::size_t words_of_program) {
  const auto nodes = variable("SLURM_JOB_NUM_NODES");
  std::vector<std::string> words{
      "srun",        "--overlap",        "--mpi=none",        "--cpu-bind=none",     "--kill-on-bad-exit=0",
      "--input=all", "--nodes=" + nodes, "--ntasks=" + nodes, "--ntasks-per-node=1", "--cpus-per-task=1"};
  std::error_code none;
  words.push_back(std::filesystem::read_symlink("/proc/self/exe", none).string());
  for (auto& option : own_options(words_of_program)) words.push_back(std::move(option));
  if (!app.empty()) words.insert(words.end(), {"--name", app});
  words.insert(words.end(), {"--", "sh", "-c", stand_in});
  return words;
}

/// In the child: becomes the step. A group of its own keeps it from the signals of the terminal, which are the program's.
[[noreturn]] void become_step(const std::vector<std::string>& words, const Fd& in, const Fd& out) {
  ::setpgid(0, 0);
  ::dup2(in.get(), STDIN_FILENO);
  ::dup2(out.get(), STDOUT_FILENO);
  std::vector<char*> argv;
  for (const auto& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  ::execvp(argv[0], argv.data());
  ::_exit(127);
}

/// Whether `lines` lines came in time.
bool hear_lines(const Fd& from, int lines) {
  const auto until = monotonic_ns() + ready_within_ns;
  while (lines > 0) {
    pollfd fd{from.get(), POLLIN, 0};
    const auto left_ms = (until - monotonic_ns()) / 1'000'000;
    if (left_ms <= 0 || ::poll(&fd, 1, static_cast<int>(left_ms)) == 0) return false;
    char c = 0;
    const auto n = ::read(from.get(), &c, 1);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    lines -= c == '\n' ? 1 : 0;
  }
  return true;
}

void wait_for(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace

bool is_srun_in_allocation(const std::vector<std::string>& words, const Place& place) {
  if (words.empty() || place.shared() || std::filesystem::path(words.front()).filename() != "srun") return false;
  const auto nodes = text::integer(variable("SLURM_JOB_NUM_NODES"));
  return !variable("SLURM_JOB_ID").empty() && nodes && *nodes >= 1 && *nodes <= 1'000'000;
}

std::optional<std::vector<std::string>> words_from_outside() {
  const auto json = Json::parse(variable(words_variable), nullptr, false);
  if (!json.is_array() || json.empty()) return std::nullopt;
  std::vector<std::string> words;
  for (const auto& word : json) {
    if (!word.is_string()) return std::nullopt;
    words.push_back(word);
  }
  return words;
}

Result<SideStep> SideStep::start(const std::string& app, const std::vector<std::string>& words) {
  int in[2], out[2];
  if (::pipe2(in, O_CLOEXEC) != 0) return Error{Errc::io, std::string("cannot make a pipe: ") + std::strerror(errno)};
  const Fd their_in(in[0]);
  Fd to(in[1]);
  if (::pipe2(out, O_CLOEXEC) != 0) return Error{Errc::io, std::string("cannot make a pipe: ") + std::strerror(errno)};
  Fd from(out[0]), their_out(out[1]);
  Json told = Json::array();
  for (const auto& word : words) told.push_back(text::to_utf8(word));
  const auto step = step_words(app, words.size());
  ::setenv(words_variable, told.dump().c_str(), 1);
  const pid_t pid = ::fork();
  if (pid == 0) become_step(step, their_in, their_out);
  ::unsetenv(words_variable);
  if (pid < 0) return Error{Errc::io, std::string("cannot start srun: ") + std::strerror(errno)};
  their_out.reset();
  const auto nodes = text::integer(variable("SLURM_JOB_NUM_NODES")).value_or(1);
  if (hear_lines(from, static_cast<int>(nodes))) return SideStep(pid, std::move(to), std::move(from));
  to.reset();
  ::kill(pid, SIGTERM);
  wait_for(pid);
  return Error{Errc::io, fmt::format("no step could be started that measures the {} nodes of the allocation", nodes)};
}

void SideStep::finish(int status) {
  const auto text = fmt::format("{}\n", status);
  static_cast<void>(!::write(to_.get(), text.data(), text.size()));
  to_.reset();
  std::array<char, 4096> bytes{};
  for (ssize_t n = 0; (n = ::read(from_.get(), bytes.data(), bytes.size())) != 0;) {
    if (n < 0 && errno != EINTR) break;
    if (n > 0 && ::write(STDOUT_FILENO, bytes.data(), static_cast<std::size_t>(n)) != n) break;
  }
  wait_for(pid_);
}

std::string app_behind_srun(const std::vector<std::string>& words, const std::string& path) {
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i].empty() || words[i][0] == '-') continue;
    const std::vector<std::string> rest(words.begin() + static_cast<std::ptrdiff_t>(i), words.end());
    if (resolve_program(rest, {path, ""})) return app_name(rest);
  }
  return "srun";
}

}  // namespace perun
