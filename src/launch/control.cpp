// SPDX-License-Identifier: BSD-3-Clause
#include "launch/control.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace perun {

namespace {

constexpr std::size_t longest_line = 64 << 10;

}  // namespace

Result<Control> Control::open(const std::filesystem::path& path, const std::filesystem::path& marks) {
  const auto failed = [&](const char* doing) {
    return Error{Errc::io, fmt::format("--control: cannot {} {}: {}", doing, path.string(), std::strerror(errno))};
  };
  Control control;
  if (::mkfifo(path.c_str(), 0600) == 0)
    control.made_ = path;
  else if (errno != EEXIST)
    return failed("make");
  // For writing too: a pipe without a writer would be readable all the time.
  control.fifo_ = Fd(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  struct stat info {};
  if (!control.fifo_ || ::fstat(control.fifo_.get(), &info) != 0) return failed("open");
  if (!S_ISFIFO(info.st_mode)) return Error{Errc::invalid, fmt::format("--control: {} is not a named pipe", path.string())};
  auto shell = ShellMarks::open(marks);
  if (!shell) return shell.error();
  control.marks_ = *std::move(shell);
  return control;
}

Control& Control::operator=(Control&& other) noexcept {
  std::swap(made_, other.made_);
  std::swap(fifo_, other.fifo_);
  std::swap(rest_, other.rest_);
  std::swap(marks_, other.marks_);
  std::swap(complained_, other.complained_);
  return *this;
}

Control::~Control() {
  if (fifo_ && !made_.empty()) ::unlink(made_.c_str());
}

Status Control::collect() {
  std::array<char, 4096> bytes;
  Status status = Ok{};
  for (;;) {
    const ssize_t n = ::read(fifo_.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return status;
    rest_.append(bytes.data(), static_cast<std::size_t>(n));
    std::size_t from = 0;
    for (std::size_t end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n', from)) {
      const std::string line = rest_.substr(from, end - from);
      from = end + 1;
      if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
      const auto mark = parse_control_line(line);
      const Status done = mark ? marks_.set(*mark) : Status(mark.error());
      if (done || std::exchange(complained_, true)) continue;
      status = done;
    }
    rest_.erase(0, from);
    if (rest_.size() > longest_line) rest_.clear();
  }
}

}  // namespace perun
