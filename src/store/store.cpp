// SPDX-License-Identifier: BSD-3-Clause
#include "store/store.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <system_error>

#include "host/clock.hpp"
#include "store/application.hpp"
#include "store/commit_driver.hpp"
#include "store/layout.hpp"
#include "store/lock.hpp"
#include "store/read.hpp"

namespace perun {

struct Store::File {
  std::filesystem::path path;
  std::string app;
  std::unique_ptr<CommitFile> bytes;  // before what reads through it
  h5::File hdf5;
  h5::Application application;
};

namespace {

constexpr int check_wait_ms = 1000;

/// Opens for reading, after a commit that was cut off has been finished, on disk if we may, else in memory.
Result<std::unique_ptr<CommitFile>> open_bytes(const std::filesystem::path& path, std::int64_t deadline_ns) {
  if (::access(sidecar_path(path).c_str(), F_OK) == 0)
    if (auto writable = open_locked(path, O_RDWR, Share::nobody, monotonic_ns())) (void)recover(path, *writable);
  auto fd = open_locked(path, O_RDONLY, Share::readers, deadline_ns);
  if (!fd) return fd.error();
  const auto sidecar = read_sidecar(path, *fd);
  auto bytes = std::make_unique<CommitFile>(std::move(*fd), path);
  if (sidecar) bytes->overlay(*sidecar);
  return bytes;
}

}  // namespace

Store::Store(std::unique_ptr<File> file) noexcept : file_(std::move(file)) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;

Store::~Store() {
  if (!file_) return;
  const h5::Quiet quiet;
  file_.reset();
}

Result<Store> Store::open(const std::filesystem::path& file, int wait_ms) {
  const h5::Quiet quiet;
  auto opened = std::make_unique<File>();
  opened->path = real_path(file);
  auto bytes = open_bytes(opened->path, monotonic_ns() + std::int64_t{wait_ms} * 1'000'000);
  if (!bytes) return bytes.error();
  opened->bytes = std::move(*bytes);
  auto hdf5 = h5::open_to_read(*opened->bytes);
  if (!hdf5) return about_file(opened->path, opened->bytes->fd(), hdf5.error());
  opened->hdf5 = std::move(*hdf5);
  auto application = h5::open_application(opened->hdf5);
  if (!application) return about_file(opened->path, opened->bytes->fd(), application.error());
  opened->application = std::move(*application);
  opened->app = h5::AttributeReader(opened->application.group.get()).text_or(layout::attr::app, opened->application.link);
  return Store(std::move(opened));
}

const std::string& Store::app() const noexcept {
  return file_->app;
}

Result<std::vector<StoredRun>> Store::list() const {
  const h5::Quiet quiet;
  const hid_t group = file_->application.group.get();
  const auto numbers = h5::run_numbers(group);
  if (!numbers) return about_file(file_->path, file_->bytes->fd(), numbers.error());
  std::vector<StoredRun> runs;
  for (const int number : *numbers) {
    auto run = h5::read_stored_run(group, number);
    if (!run) return about_file(file_->path, file_->bytes->fd(), run.error());
    runs.push_back(std::move(*run));
  }
  return runs;
}

StoredTotals Store::totals() const {
  const h5::Quiet quiet;
  return h5::read_totals(file_->application);
}

Result<Run> Store::load(int number) const {
  const h5::Quiet quiet;
  auto run = h5::read_run(file_->application.group.get(), number);
  if (!run) return Error{run.error().code, fmt::format("'{}': {}", file_->path.string(), run.error().what), run.error().hint};
  if (run->app.empty()) run->app = file_->app;
  return run;
}

Status check_appendable(const std::filesystem::path& file, std::string_view app) {
  const auto path = real_path(file);
  auto folder = path.parent_path();
  std::error_code failed;
  while (!folder.empty() && folder.has_relative_path() && !std::filesystem::exists(folder, failed))
    folder = folder.parent_path();
  // The commit needs a second file beside the first.
  if (!folder.empty() && ::access(folder.c_str(), W_OK | X_OK) != 0) return system_error("write to", folder);
  const auto fd = open_locked(path, O_RDWR, Share::readers, monotonic_ns() + std::int64_t{check_wait_ms} * 1'000'000);
  if (!fd) return fd.error().code == Errc::not_found || fd.error().code == Errc::busy ? Status(Ok{}) : fd.error();
  const auto store = Store::open(path, check_wait_ms);
  if (!store) return store.error();
  if (store->app() != app)
    return Error{Errc::invalid, fmt::format("'{}' holds runs of '{}', not of '{}'", path.string(), store->app(), app),
                 "use another --name or --data_out"};
  return Ok{};
}

}  // namespace perun
