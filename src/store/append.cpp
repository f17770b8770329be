// SPDX-License-Identifier: BSD-3-Clause
#include "store/append.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <system_error>

#include "host/clock.hpp"
#include "store/application.hpp"
#include "store/commit_driver.hpp"
#include "store/layout.hpp"
#include "store/lock.hpp"
#include "store/read.hpp"
#include "store/sidecar.hpp"
#include "store/write.hpp"

namespace perun {

namespace {

enum class Target { new_file, old_file };

/// What append_run_with() is about, handed down in one piece.
struct Job {
  std::filesystem::path file;
  const Run& run;
  const Summarize& summarize;
  const AppendOptions& options;
  std::int64_t deadline_ns;
};

Status check(const Run& run) {
  if (run.app.empty()) return Error{Errc::invalid, "a run needs the name of its application to be stored"};
  for (const auto& node : run.nodes) {
    if (node.recording != nullptr) continue;
    if (node.series.size() != node.sensors.size())
      return Error{Errc::invalid,
                   fmt::format("node '{}' has {} sensors but {} series", node.host, node.sensors.size(), node.series.size())};
    for (const auto& s : node.series)
      if (s.raw.size() != s.t_ns.size() || s.halfwidth_ns.size() != s.t_ns.size())
        return Error{Errc::invalid, fmt::format("node '{}' has a series with columns of different length", node.host)};
  }
  return Ok{};
}

Result<std::optional<int>> find_present(CommitFile& file, const std::string& id) {
  const auto opened = h5::open_to_read(file);
  if (!opened) return opened.error();
  const auto application = h5::open_application(*opened);
  if (!application) return application.error();
  const auto numbers = h5::run_numbers(application->group.get());
  if (!numbers) return numbers.error();
  // Who asks was cut off a while ago: most likely among the newest.
  for (auto number = numbers->rbegin(); number != numbers->rend(); ++number) {
    const auto run = h5::read_stored_run(application->group.get(), *number);
    if (run && run->id == id) return std::optional(*number);
  }
  return std::optional<int>();
}

Result<int> add_run(const h5::File& opened, const Job& job, Target target) {
  const h5::Types types;
  auto application = target == Target::new_file ? h5::create_application(types, opened, job.run) : h5::open_application(opened);
  if (!application) return application.error();
  if (application->link != h5::application_link(job.run.app))
    return Error{Errc::invalid, fmt::format("holds runs of '{}', not of '{}'", application->link, job.run.app),
                 "use another --name or --data_out"};
  const auto number = h5::next_number(*application);
  if (!number) return number;
  const auto summary = h5::write_run(types, application->group.get(), job.run, job.summarize, *number);
  if (!summary) return summary.error();
  if (auto counted = h5::count_run(types, opened, *application, *summary, *number); !counted) return counted.error();
  if (job.options.totals != nullptr) *job.options.totals = h5::read_totals(*application);
  return number;
}

/// Adds the run to an open and locked file; all or nothing.
Result<int> add_and_commit(LockedFile fd, const std::filesystem::path& path, const Job& job, Target target) {
  auto file = std::make_unique<CommitFile>(std::move(fd), path, job.options.hook);
  if (job.options.check_present && target == Target::old_file) {
    const auto present = find_present(*file, job.run.id);
    if (!present) return present.error();
    if (*present) return **present;
  }
  auto opened = target == Target::new_file ? h5::create(*file) : h5::open_to_append(*file);
  if (!opened) return opened.error();
  const auto number = add_run(*opened, job, target);
  if (!opened->close()) {
    // HDF5 keeps what it could not close and comes back to it at exit: the file must outlive it.
    (void)file.release();
    return h5::failure(Errc::io, "cannot be written");
  }
  if (auto written = file->status(); !written) return written.error();
  if (!number) return number;
  if (auto committed = file->commit(); !committed) return committed.error();
  if (target == Target::new_file) {
    if (::rename(path.c_str(), job.file.c_str()) != 0) return system_error("make", job.file);
    if (job.options.hook) job.options.hook("rename");
    sync_folder(job.file);
  }
  return number;
}

/// Makes the file under another name, so that nobody ever sees half of it. Nothing when somebody else was quicker.
Result<std::optional<int>> create(const Job& job) {
  std::error_code failed;
  if (job.file.has_parent_path()) std::filesystem::create_directories(job.file.parent_path(), failed);
  const auto fresh = draft_path(job.file, Draft::fresh);
  auto fd = open_locked(fresh, O_RDWR | O_CREAT, Share::nobody, job.deadline_ns);
  if (!fd) return fd.error();
  if (std::filesystem::exists(job.file, failed)) {
    ::unlink(fresh.c_str());
    return std::optional<int>();
  }
  if (::ftruncate(fd->get(), 0) != 0) return system_error("write", fresh);
  const Fd same = fd->again();  // keeps the lock until the name is gone
  const auto number = add_and_commit(std::move(*fd), fresh, job, Target::new_file);
  if (number) return std::optional(*number);
  ::unlink(fresh.c_str());
  return Error{number.error().code, fmt::format("cannot make '{}': {}", job.file.string(), number.error().what),
               number.error().hint};
}

Result<int> append(LockedFile fd, const Job& job) {
  if (auto recovered = recover(job.file, fd); !recovered) return recovered.error();
  const Fd same = fd.again();
  auto number = add_and_commit(std::move(fd), job.file, job, Target::old_file);
  return number ? number : about_file(job.file, same, number.error());
}

}  // namespace

Result<int> append_run_with(const std::filesystem::path& file, const Run& run, const Summarize& summarize,
                            const AppendOptions& options) {
  if (auto checked = check(run); !checked) return checked.error();
  const h5::Quiet quiet;
  const Job job{real_path(file), run, summarize, options, monotonic_ns() + std::int64_t{options.wait_ms} * 1'000'000};
  for (;;) {
    auto fd = open_locked(job.file, O_RDWR, Share::nobody, job.deadline_ns);
    if (fd) return append(std::move(*fd), job);
    if (fd.error().code != Errc::not_found) return fd.error();
    const auto created = create(job);
    if (!created) return created.error();
    if (*created) return **created;
  }
}

Result<int> append_run_with(const std::filesystem::path& file, const Run& run, const RunSummary& summary,
                            const AppendOptions& options) {
  return append_run_with(
      file, run, [&](const Run&, std::span<Readings* const>) { return summary; }, options);
}

Result<int> append_run(const std::filesystem::path& file, const Run& run, const Summarize& summarize, bool check_present,
                       int wait_ms, StoredTotals* totals) {
  return append_run_with(file, run, summarize, {check_present, wait_ms, {}, totals});
}

Result<int> append_run(const std::filesystem::path& file, const Run& run, const RunSummary& summary, bool check_present,
                       int wait_ms, StoredTotals* totals) {
  return append_run_with(file, run, summary, {check_present, wait_ms, {}, totals});
}

}  // namespace perun
