// SPDX-License-Identifier: BSD-3-Clause
#include "store/edit.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "host/clock.hpp"
#include "store/application.hpp"
#include "store/commit_driver.hpp"
#include "store/layout.hpp"
#include "store/lock.hpp"
#include "store/read.hpp"
#include "store/write.hpp"

namespace perun {

namespace {

namespace attr = layout::attr;
constexpr std::int64_t wait_ns = 10'000'000'000;

/// What a change works on.
struct Session {
  const h5::Types& types;
  const h5::File& file;
  const h5::Application& application;
};

/// Calls `change` on the open file and commits when it returns no error.
template <class Change>
Status in_place(const std::filesystem::path& file, h5::Names names, const CommitHook& hook, Change&& change) {
  const h5::Quiet quiet;
  const auto path = real_path(file);
  auto fd = open_locked(path, O_RDWR, Share::nobody, monotonic_ns() + wait_ns);
  if (!fd) return fd.error();
  if (auto recovered = recover(path, *fd); !recovered) return recovered.error();
  const Fd same(::fcntl(fd->get(), F_DUPFD_CLOEXEC, 0));
  auto bytes = std::make_unique<CommitFile>(std::move(*fd), path, hook);
  auto opened = h5::open_to_append(*bytes, names);
  if (!opened) return about_file(path, same, opened.error());
  const auto changed = [&]() -> Status {
    const h5::Types types;
    const auto application = h5::open_application(*opened);
    if (!application) return application.error();
    return change(Session{types, *opened, *application});
  }();
  if (!opened->close()) {
    (void)bytes.release();  // HDF5 comes back to what it could not close at exit
    return Error{Errc::io, fmt::format("'{}' cannot be written", path.string())};
  }
  if (!changed) return about_file(path, same, changed.error());
  return bytes->commit();
}

Result<bool> edit_run(const Session& session, int number, const RunEdit& edit) {
  const auto group = h5::open_run(session.application.group.get(), number);
  if (!group) return group.error();
  const h5::AttributeReader now(group->get());
  const auto tags = h5::texts_of_json(now.text_or(attr::tags, "[]"), attr::tags);
  if (!tags) return tags.error();
  auto wanted = *tags;
  for (const auto& tag : edit.add_tags)
    if (std::ranges::find(wanted, tag) == wanted.end()) wanted.push_back(tag);
  for (const auto& tag : edit.remove_tags) std::erase(wanted, tag);
  const auto title = now.text_or(attr::run_title);
  const bool titled = edit.title && *edit.title != title, tagged = wanted != *tags;
  h5::AttributeWriter a(session.types, group->get(), true);
  if (titled) edit.title->empty() ? a.remove(attr::run_title) : a.text(attr::run_title, *edit.title);
  if (tagged) wanted.empty() ? a.remove(attr::tags) : a.text(attr::tags, h5::json_texts(wanted));
  if (auto written = a.status(); !written) return written.error();
  return titled || tagged;
}

/// Totals and defaults for the runs that are there.
Status count_anew(const Session& session) {
  const hid_t group = session.application.group.get();
  const auto numbers = h5::run_numbers(group);
  if (!numbers) return numbers.error();
  StoredTotals totals;
  for (const int number : *numbers) {
    const auto run = h5::read_stored_run(group, number);
    if (!run) return run.error();
    RunSummary figures;
    figures.usage = run->usage;
    figures.footprint = run->footprint;
    totals = h5::with(totals, figures);
  }
  if (auto written = h5::write_totals(session.types, session.application, totals); !written) return written;
  const std::string newest = numbers->empty() ? "" : layout::run_group(numbers->back());
  h5::AttributeWriter of_app(session.types, group), of_root(session.types, session.file.get());
  of_app.replace_field(attr::default_child, newest);
  of_root.replace_field(attr::default_child,
                        newest.empty() ? session.application.link : session.application.link + "/" + newest);
  auto written = of_app.status();
  return written ? of_root.status() : written;
}

/// Unlinks a run, but keeps HDF5 from giving its room away: nobody could take it back if the commit does not come.
Status unlink_run(const Session& session, int number) {
  const hid_t application = session.application.group.get();
  const auto group = h5::open_run(application, number);
  if (!group) return group.error();
  if (H5Oincr_refcount(group->get()) < 0 || H5Ldelete(application, layout::run_group(number).c_str(), H5P_DEFAULT) < 0)
    return h5::failure(Errc::io, fmt::format("run {} cannot be taken out", number));
  return Ok{};
}

}  // namespace

Result<int> edit_runs(const std::filesystem::path& file, std::span<const int> numbers, const RunEdit& edit,
                      const CommitHook& hook) {
  int changed = 0;
  const auto done = in_place(file, h5::Names::added, hook, [&](const Session& session) -> Status {
    for (const int number : numbers) {
      const auto edited = edit_run(session, number, edit);
      if (!edited) return edited.error();
      changed += *edited ? 1 : 0;
    }
    return Ok{};
  });
  if (!done) return done.error();
  return changed;
}

Status delete_runs(const std::filesystem::path& file, std::span<const int> numbers, const CommitHook& hook) {
  return in_place(file, h5::Names::removed, hook, [&](const Session& session) -> Status {
    for (const int number : numbers)
      if (auto unlinked = unlink_run(session, number); !unlinked) return unlinked;
    return count_anew(session);
  });
}

}  // namespace perun
