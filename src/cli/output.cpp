// SPDX-License-Identifier: BSD-3-Clause
#include "cli/output.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "cli/terminal.hpp"

namespace perun {

namespace {

Error cannot_write(const std::string& name, int why) {
  const auto code = why == EACCES || why == EPERM || why == EROFS ? Errc::denied : Errc::io;
  return {code, fmt::format("cannot write {}: {}", name, std::strerror(why)), "choose another place with -o"};
}

/// The file with new contents, which nobody sees half of. A pipe or device is written as it is.
Status replace(const std::string& name, std::string_view text) {
  struct stat facts {};
  const bool regular = ::stat(name.c_str(), &facts) != 0 || S_ISREG(facts.st_mode);
  const std::string path = regular ? name + ".part" : name;
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!file || !write_text(file.get(), text)) return cannot_write(name, errno);
  if (regular && ::rename(path.c_str(), name.c_str()) != 0) return cannot_write(name, errno);
  return Ok{};
}

}  // namespace

Result<Outputs> Outputs::open(std::span<const std::string> names, const Config& config, int otherwise) {
  Outputs outputs;
  const auto stream = [&](int fd) {
    outputs.targets_.push_back({"", Fd(::fcntl(fd, F_DUPFD_CLOEXEC, 3)), find_report_writer(config.format), false});
  };
  if (names.empty()) stream(otherwise);
  for (const auto& name : names) {
    if (name == "-") {
      stream(STDOUT_FILENO);
      continue;
    }
    const ReportWriter* writer = find_report_writer(format_of(name));
    if (writer == nullptr) writer = find_report_writer(config.format);
    struct stat before {};
    const bool made = ::stat(name.c_str(), &before) != 0;
    Fd file(::open(name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
    if (!file) {
      const int why = errno;
      outputs.abandon();
      return cannot_write(name, why);
    }
    outputs.targets_.push_back({name, std::move(file), writer, made});
  }
  return outputs;
}

bool Outputs::draw() const noexcept {
  return std::ranges::any_of(targets_, [](const Target& t) { return t.writer->draws; });
}

Status Outputs::write(const Summary& summary, const Config& config) {
  Status first = Ok{};
  for (const auto& target : targets_) {
    if (target.writer->watched && !target.name.empty()) {
      if (const auto done = replace(target.name, target.writer->write(summary, {})); !done && first) first = done;
      continue;
    }
    if (!target.file) continue;                                           // the stream was closed when perun started
    if (!target.name.empty() && ::ftruncate(target.file.get(), 0) != 0) { /* a pipe or device has nothing to cut */
    }
    const bool done = write_text(target.file.get(), target.writer->write(summary, style_for(target.file.get(), config)));
    // A reader that closed its pipe has what it wanted.
    if (!done && errno != EPIPE && first) first = cannot_write(target.name.empty() ? "the report" : target.name, errno);
  }
  return first;
}

void Outputs::abandon() noexcept {
  for (const auto& target : targets_)
    if (target.made) ::unlink(target.name.c_str());
}

}  // namespace perun
