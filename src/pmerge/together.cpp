// SPDX-License-Identifier: BSD-3-Clause
#include "pmerge/together.hpp"

#include <fcntl.h>
#include <mpi.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "host/clock.hpp"
#include "pmerge/transfer.hpp"
#include "store/application.hpp"
#include "store/commit_driver.hpp"
#include "store/copy.hpp"
#include "store/lock.hpp"
#include "store/sidecar.hpp"
#include "store/write.hpp"

namespace perun {

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t wait_ns = 10'000'000'000;

bool first_process() {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank == 0;
}

/// What the first process does alone, before and after: the file's place, its lock, the copy.
class Place {
 public:
  static Result<Place> prepare(const fs::path& file, const Run& run, bool check_present) {
    Place p;
    p.path_ = real_path(file);
    p.copy_ = std::make_unique<Copy>(draft_path(p.path_, Draft::fresh));
    auto old = open_locked(p.path_, O_RDWR, Share::nobody, monotonic_ns() + wait_ns);
    if (!old && old.error().code != Errc::not_found) return old.error();
    const auto ready = old ? p.copy(*std::move(old), run, check_present) : p.make(run);
    if (!ready) return ready.error();
    return p;
  }

  [[nodiscard]] const fs::path& draft() const noexcept { return copy_->path(); }
  [[nodiscard]] int number() const noexcept { return number_; }
  [[nodiscard]] bool present() const noexcept { return present_; }

  /// Texts and totals, and the name.
  Status finish(const Run&, const RunSummary& summary) {
    Fd fd(::open(draft().c_str(), O_RDWR | O_CLOEXEC));
    if (!fd) return system_error("open", draft());
    auto bytes = std::make_unique<CommitFile>(std::move(fd), draft());
    auto opened = h5::open_to_append(*bytes);
    if (!opened) return opened.error();
    const auto counted = count(*opened, summary);
    if (!opened->close()) {
      (void)bytes.release();  // HDF5 comes back to what it could not close at exit
      return h5::failure(Errc::io, "cannot be written");
    }
    if (!counted) return counted;
    if (auto committed = bytes->commit(); !committed) return committed;
    return copy_->take_place_of(path_);
  }

 private:
  Status copy(LockedFile old, const Run& run, bool check_present) {
    if (auto recovered = recover(path_, old); !recovered) return recovered;
    if (auto filled = copy_->fill(old); !filled) return filled.error();
    lock_ = std::move(old);
    Fd fd(::open(draft().c_str(), O_RDWR | O_CLOEXEC));
    if (!fd) return system_error("open", draft());
    CommitFile bytes(std::move(fd), draft());
    const auto opened = h5::open_to_read(bytes);
    if (!opened) return about_file(path_, *lock_, opened.error());
    const auto application = h5::open_application(*opened);
    if (!application) return about_file(path_, *lock_, application.error());
    if (application->link != h5::application_link(run.app))
      return Error{Errc::invalid, path_.string() + " holds runs of '" + application->link + "', not of '" + run.app + "'",
                   "use another --data_out"};
    const auto next = h5::next_number(*application);
    if (!next) return next.error();
    number_ = *next;
    return check_present ? look_for(run) : Status(Ok{});
  }

  /// The run may be there already, since a merge before this one was cut off late.
  Status look_for(const Run& run) {
    const auto store = Store::open(draft());
    const auto runs = store ? store->list() : Result<std::vector<StoredRun>>(store.error());
    if (!runs) return runs.error();
    const auto found = std::ranges::find(*runs, run.id, &StoredRun::id);
    present_ = found != runs->end();
    if (present_) number_ = found->number;
    return Ok{};
  }

  Status make(const Run& run) {
    std::error_code failed;
    if (path_.has_parent_path()) fs::create_directories(path_.parent_path(), failed);
    auto fd = open_locked(draft(), O_RDWR | O_CREAT, Share::nobody, monotonic_ns() + wait_ns);
    if (!fd) return fd.error();
    if (::ftruncate(fd->get(), 0) != 0) return system_error("write", draft());
    Fd same = fd->again();
    auto bytes = std::make_unique<CommitFile>(*std::move(fd), draft());
    auto opened = h5::create(*bytes);
    if (!opened) return opened.error();
    const h5::Types types;
    const auto application = h5::create_application(types, *opened, run);
    const Status made = application ? Status(Ok{}) : Status(application.error());
    if (!opened->close()) {
      (void)bytes.release();
      return h5::failure(Errc::io, "cannot be written");
    }
    lock_.emplace(std::move(same));
    return made ? bytes->commit() : made;
  }

  Status count(const h5::File& file, const RunSummary& summary) const {
    const h5::Types types;
    if (!h5::put_waiting_texts(file)) return h5::failure(Errc::io, "cannot write texts");
    const auto application = h5::open_application(file);
    if (!application) return application.error();
    return h5::count_run(types, file, *application, summary, number_);
  }

  fs::path path_;
  std::unique_ptr<Copy> copy_;
  std::optional<LockedFile> lock_;
  int number_ = 0;
  bool present_ = false;
};

/// What the first process tells the others before they begin.
struct Go {
  int number = -1;
  bool write = false;
  std::array<char, 4096> draft{};
};

Result<RunSummary> write_together(const Go& go, const Run& run, const Summarize& summarize) {
  auto file = h5::open_together(go.draft.data());
  if (!file) return h5::failure(Errc::io, "cannot open the file by MPI-IO");
  const h5::Types types;
  const auto application = h5::open_application(file);
  if (!application) return application.error();
  auto summary = h5::write_run(types, application->group.get(), run, summarize, go.number);
  if (!h5::settle(file.get())) return h5::failure(Errc::io, "cannot be written");
  return summary;
}

}  // namespace

Result<int> append_run_together(const fs::path& file, const Run& run, const Summarize& summarize, bool check_present) {
  const h5::Quiet quiet;
  Go go;
  Result<Place> place = Error{Errc::io, "another process could not prepare the file"};
  if (first_process()) {
    place = Place::prepare(file, run, check_present);
    go.write = place && !place->present() && place->draft().string().size() < go.draft.size();
    if (place) go.number = place->number();
    if (go.write) std::strcpy(go.draft.data(), place->draft().c_str());
  }
  MPI_Bcast(&go, sizeof go, MPI_BYTE, 0, MPI_COMM_WORLD);
  if (!go.write) {
    if (go.number >= 0) return go.number;
    return place.error();
  }
  const auto summary = write_together(go, run, summarize);
  if (!summary) {
    std::fprintf(stderr, "perun-pmerge: %s\n", summary.error().what.c_str());
    MPI_Abort(MPI_COMM_WORLD, 1);  // the others may wait in a call that this one will not make
  }
  int done = 1;
  Status finished = Ok{};
  if (first_process()) finished = place->finish(run, *summary);
  if (!finished) done = 0;
  MPI_Bcast(&done, 1, MPI_INT, 0, MPI_COMM_WORLD);
  if (!finished) return finished.error();
  if (done == 0) return Error{Errc::io, "another process could not finish the file"};
  return go.number;
}

}  // namespace perun
