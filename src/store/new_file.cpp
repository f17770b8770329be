// SPDX-License-Identifier: BSD-3-Clause
#include "store/new_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <list>
#include <memory>
#include <system_error>

#include "host/clock.hpp"
#include "store/application.hpp"
#include "store/commit_driver.hpp"
#include "store/copy.hpp"
#include "store/lanes.hpp"
#include "store/layout.hpp"
#include "store/lock.hpp"
#include "store/read.hpp"
#include "store/sidecar.hpp"
#include "store/write.hpp"

namespace perun {

namespace {

namespace attr = layout::attr;
constexpr std::int64_t wait_ns = 10'000'000'000;

/// `next_number`: not lower than this, which deleted runs may have had.
Status fill(const h5::File& file, const std::string& app, const NextRun& next, int next_number) {
  const h5::Types types;
  Run run;
  run.app = app;
  std::optional<h5::Application> application;
  RunSummary summary;
  int free = 0;
  for (;;) {
    const auto more = next(run, summary);
    if (!more) return more.error();
    run.app = app;
    if (!application) {
      auto made = h5::create_application(types, file, run);
      if (!made) return made.error();
      application.emplace(*std::move(made));
    }
    if (!*more) break;
    run.number = std::max(run.number, free);
    free = run.number + 1;
    const auto known = [&](const Run&, std::span<Readings* const>) { return summary; };
    if (auto written = h5::write_run(types, application->group.get(), run, known, run.number); !written) return written.error();
    if (auto counted = h5::count_run(types, file, *application, summary, run.number); !counted) return counted;
  }
  return h5::AttributeWriter(types, application->group.get())
      .replace_integer(attr::next_run, std::max(free, next_number))
      .status();
}

/// Writes the whole file beside its place and leaves it there.
Status write_beside(LockedFile fd, const std::filesystem::path& fresh, const std::string& app, const NextRun& next,
                    int next_number) {
  if (::ftruncate(fd.get(), 0) != 0) return system_error("write", fresh);
  auto bytes = std::make_unique<CommitFile>(std::move(fd), fresh);
  auto opened = h5::create(*bytes);
  if (!opened) return opened.error();
  const auto filled = fill(*opened, app, next, next_number);
  if (!opened->close()) {
    (void)bytes.release();  // HDF5 comes back to what it could not close at exit
    return h5::failure(Errc::io, "cannot be written");
  }
  return filled ? bytes->commit() : filled;
}

}  // namespace

Status make_file(const std::filesystem::path& file, const std::string& app, const NextRun& next) {
  const h5::Quiet quiet;
  const auto path = real_path(file);
  const auto fresh = draft_path(path, Draft::fresh);
  auto fd = open_locked(fresh, O_RDWR | O_CREAT, Share::nobody, monotonic_ns() + wait_ns);
  if (!fd) return fd.error();
  const Fd same(::fcntl(fd->get(), F_DUPFD_CLOEXEC, 0));  // keeps the lock until the name is gone
  auto made = [&]() -> Status {
    std::error_code none;
    if (std::filesystem::exists(path, none))
      return Error{Errc::invalid, fmt::format("'{}' is there already", file.string()), "choose another name with -o"};
    if (auto written = write_beside(std::move(*fd), fresh, app, next, 0); !written) return written;
    if (::rename(fresh.c_str(), path.c_str()) != 0) return system_error("make", path);
    return Ok{};
  }();
  if (!made) {
    ::unlink(fresh.c_str());
    return made;
  }
  sync_folder(path);
  return Ok{};
}

Result<std::int64_t> compact_file(const std::filesystem::path& file, const Revise& figures) {
  const h5::Quiet quiet;
  const auto path = real_path(file);
  const auto fresh = draft_path(path, Draft::fresh);
  const auto deadline = monotonic_ns() + wait_ns;
  auto old = open_locked(path, O_RDWR, Share::nobody, deadline);
  if (!old) return old.error();
  if (auto recovered = recover(path, *old); !recovered) return recovered.error();
  const Fd same(::fcntl(old->get(), F_DUPFD_CLOEXEC, 0));
  CommitFile bytes(std::move(*old), path);
  const auto opened = h5::open_to_read(bytes);
  if (!opened) return about_file(path, same, opened.error());
  const auto application = h5::open_application(*opened);
  if (!application) return about_file(path, same, application.error());
  const auto numbers = h5::run_numbers(application->group.get());
  if (!numbers) return about_file(path, same, numbers.error());
  const h5::AttributeReader a(application->group.get());
  std::size_t at = 0;
  OpenRun from;
  std::list<ReadingsRecording> recordings;
  const NextRun next = [&](Run& run, RunSummary& summary) -> Result<bool> {
    if (at == numbers->size()) return false;
    const int number = (*numbers)[at++];
    auto read = h5::open_run_to_read(application->group.get(), number);
    if (!read) return about_file(path, same, read.error());
    auto known = figures({application->group.get(), number});
    if (!known) return about_file(path, same, known.error());
    recordings.clear();
    from = *std::move(read);
    for (std::size_t i = 0; i < from.run.nodes.size(); ++i)
      from.run.nodes[i].recording = &recordings.emplace_back(*from.readings[i]);
    run = from.run;
    summary = *std::move(known);
    return true;
  };
  auto fd = open_locked(fresh, O_RDWR | O_CREAT, Share::nobody, deadline);
  if (!fd) return fd.error();
  const Fd kept(::fcntl(fd->get(), F_DUPFD_CLOEXEC, 0));
  std::error_code none;
  const auto before = std::filesystem::file_size(path, none);
  auto written = adopt_owner(same, kept, fresh);
  if (written)
    written = write_beside(std::move(*fd), fresh, a.text_or(attr::app, application->link), next,
                           static_cast<int>(a.integer_or(attr::next_run)));
  if (written && ::rename(fresh.c_str(), path.c_str()) != 0) written = system_error("replace", path);
  if (!written) {
    ::unlink(fresh.c_str());
    return written.error();
  }
  sync_folder(path);
  return static_cast<std::int64_t>(before) - static_cast<std::int64_t>(std::filesystem::file_size(path, none));
}

}  // namespace perun
