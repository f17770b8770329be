// SPDX-License-Identifier: BSD-3-Clause
#include "cli/measuring.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "cli/terminal.hpp"

namespace perun {

namespace {

constexpr std::size_t most_lines = 64, longest_line = 400;

Error cannot(const char* what) {
  return {Errc::io, fmt::format("cannot {}: {}", what, std::strerror(errno))};
}

/// A file that nobody else sees; on disk, since a program may print a lot.
Fd nameless_file() {
  std::error_code none;
  const auto folder = std::filesystem::temp_directory_path(none);
  Fd file(::open(none ? "/tmp" : folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!file) file = Fd(::memfd_create("perun-output", MFD_CLOEXEC));
  return file;
}

[[noreturn]] void become(std::vector<std::string> words, int out, bool own_input, pid_t parent) {
  ::setpgid(0, 0);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(125);
  if (!own_input) {
    const int nothing = ::open("/dev/null", O_RDONLY);
    ::dup2(nothing, STDIN_FILENO);
    ::close(nothing);
  }
  ::dup2(out, STDOUT_FILENO);
  if (out != STDERR_FILENO) ::dup2(out, STDERR_FILENO);
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::execv("/proc/self/exe", argv.data());
  ::_exit(125);
}

}  // namespace

Result<Measuring> Measuring::start(const std::vector<std::string>& words, Output output) {
  Fd from, to, kept;
  if (output == Output::kept) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return cannot("make a pipe");
    from = Fd(ends[0]);
    to = Fd(ends[1]);
    ::fcntl(from.get(), F_SETFL, O_NONBLOCK);
    kept = nameless_file();
    if (!kept) return cannot("make a file for what the program prints");
  }
  std::vector<std::string> all{"perun"};
  all.insert(all.end(), words.begin(), words.end());
  const pid_t parent = ::getpid(), pid = ::fork();
  if (pid < 0) return cannot("start a process");
  if (pid == 0) become(std::move(all), to ? to.get() : STDERR_FILENO, output == Output::to_stderr, parent);
  return Measuring(pid, std::move(from), std::move(kept));
}

Measuring::~Measuring() {
  if (pid_ < 0 || ended()) return;
  signal(SIGTERM);
  for (int i = 0; i < 100 && !ended(); ++i) ::poll(nullptr, 0, 50);
  if (ended()) return;
  signal(SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Measuring::keep(std::string_view text) {
  static_cast<void>(write_text(kept_.get(), text));
  for (const char c : text) {
    if (c == '\n') {
      lines_.emplace_back();
      if (lines_.size() > most_lines) lines_.pop_front();
    } else if (lines_.back().size() < longest_line) {
      lines_.back() += c;
    }
  }
}

void Measuring::collect() {
  std::array<char, 16384> bytes{};
  // Not for ever: a program that prints without end must not stop the view.
  for (int i = 0; i < 64 && from_; ++i) {
    const ssize_t n = ::read(from_.get(), bytes.data(), bytes.size());
    if (n > 0)
      keep({bytes.data(), static_cast<std::size_t>(n)});
    else if (n == 0)
      from_.reset();
    else if (errno != EINTR)
      break;
  }
}

int Measuring::print_and_wait() {
  std::array<char, 65536> bytes{};
  if (kept_) {
    ::lseek(kept_.get(), 0, SEEK_SET);
    for (ssize_t n = 0; (n = ::read(kept_.get(), bytes.data(), bytes.size())) > 0;)
      static_cast<void>(write_text(STDOUT_FILENO, {bytes.data(), static_cast<std::size_t>(n)}));
  }
  while (from_) {
    const ssize_t n = ::read(from_.get(), bytes.data(), bytes.size());
    if (n > 0)
      static_cast<void>(write_text(STDOUT_FILENO, {bytes.data(), static_cast<std::size_t>(n)}));
    else if (n == 0)
      from_.reset();
    else if (errno == EAGAIN) {
      pollfd wait{from_.get(), POLLIN, 0};
      ::poll(&wait, 1, -1);
    } else if (errno != EINTR)
      break;
  }
  while (!ended()) ::poll(nullptr, 0, 20);
  return *status_;
}

std::optional<int> Measuring::ended() {
  if (status_) return status_;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return status_;
}

void Measuring::signal(int number) const noexcept {
  if (pid_ > 0 && !status_) ::kill(pid_, number);
}

std::vector<std::string> monitor_words(const CommandLine& line) {
  std::vector<std::string> words{"monitor"};
  if (line.quiet) words.emplace_back("-q");
  if (line.configuration) words.insert(words.end(), {"-c", line.configuration->string()});
  for (const auto& setting : line.settings) words.push_back(fmt::format("--{}={}", setting.key, setting.text));
  for (const auto& output : line.outputs) words.insert(words.end(), {"-o", output});
  words.emplace_back("--");
  return words;
}

}  // namespace perun
