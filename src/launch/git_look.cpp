// SPDX-License-Identifier: BSD-3-Clause
#include "launch/git_look.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "base/text.hpp"
#include "host/clock.hpp"

namespace perun {

namespace {

constexpr std::size_t enough_bytes = 1 << 16;  ///< one changed file is enough; the rest of a long list is not read
constexpr int lower_priority = 10;

/// Whether the folder or one above it has a .git, which is a file in a linked working tree.
bool in_working_tree(std::filesystem::path folder) {
  std::error_code none;
  for (int depth = 0; depth < 64 && !folder.empty(); ++depth) {
    if (std::filesystem::exists(folder / ".git", none)) return true;
    if (folder == folder.root_path()) return false;
    folder = folder.parent_path();
  }
  return false;
}

}  // namespace

GitLook::~GitLook() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void GitLook::start(const std::filesystem::path& folder) {
  std::array<int, 2> ends{};
  if (pid_ != 0 || !in_working_tree(folder) || ::pipe2(ends.data(), O_CLOEXEC) != 0) return;
  Fd read_end(ends[0]);
  const Fd write_end(ends[1]);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, write_end.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  // Nothing a repository says may run a program of its own, nor may this write anything there.
  std::array<std::string, 12> words{
      "git",           "-c",     "core.fsmonitor=false", "-c",       "core.hooksPath=/dev/null", "--no-optional-locks", "-C",
      folder.string(), "status", "--porcelain=v2",       "--branch", "--untracked-files=no"};
  std::array<char*, 13> arguments{};
  for (std::size_t i = 0; i < words.size(); ++i) arguments[i] = words[i].data();
  if (::posix_spawnp(&pid_, "git", &actions, nullptr, arguments.data(), environ) != 0) pid_ = 0;
  ::posix_spawn_file_actions_destroy(&actions);
  if (pid_ == 0) return;
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(pid_), lower_priority);
  output_ = std::move(read_end);
}

Attributes GitLook::finish(int patience_ms) {
  if (pid_ <= 0) return {};
  const std::int64_t deadline = monotonic_ns() + std::int64_t{patience_ms} * 1'000'000;
  std::string text;
  for (;;) {
    pollfd fd{output_.get(), POLLIN, 0};
    const auto left = std::max<std::int64_t>(0, (deadline - monotonic_ns()) / 1'000'000);
    if (::poll(&fd, 1, static_cast<int>(left)) <= 0) return {};
    std::array<char, 4096> bytes{};
    const ssize_t n = ::read(output_.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n > 0) text.append(bytes.data(), static_cast<std::size_t>(n));
    if (n <= 0 || text.size() > enough_bytes) break;
  }
  return git_facts(text);
}

Attributes git_facts(std::string_view status) {
  constexpr std::string_view oid = "# branch.oid ", head = "# branch.head ";
  Attributes out;
  bool dirty = false;
  for (const auto line : text::split(status, '\n')) {
    if (line.starts_with(oid))
      out.emplace_back("git_commit", text::to_utf8(line.substr(oid.size())));
    else if (line.starts_with(head))
      out.emplace_back("git_branch", text::to_utf8(line.substr(head.size())));
    else if (!line.empty() && line[0] != '#')
      dirty = true;
  }
  if (!out.empty()) out.emplace_back("git_dirty", dirty ? "yes" : "no");
  return out;
}

}  // namespace perun
