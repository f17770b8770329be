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

/// A little-endian number of `size` bytes.
std::uint64_t number_at(std::string_view bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size && at + i < bytes.size(); ++i)
    value |= std::uint64_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
  return value;
}

/// Knows a file of ours by its first bytes alone, without waking HDF5 each time a program is started: the signature, an end
/// of file that is there (superblock version 0), the attribute perun_format with our number (attribute message version
/// 1: its sizes stand before its name), and the application in the attribute `default`. Whatever looks different is
/// examined properly. Source: HDF5 File Format Specification 3.0, II.A and IV.A.2.m.
bool plainly_ours(const std::filesystem::path& path, const Fd& fd, std::string_view app) {
  if (::access(sidecar_path(path).c_str(), F_OK) == 0) return false;
  std::string head(8192, '\0');
  const ssize_t n = ::pread(fd.get(), head.data(), head.size(), 0);
  const off_t size = ::lseek(fd.get(), 0, SEEK_END);
  if (n < 4096 || size < n) return false;
  head.resize(static_cast<std::size_t>(n));
  if (!head.starts_with("\x89HDF\r\n\x1a\n") || head[8] != 0 || number_at(head, 40, 8) > static_cast<std::uint64_t>(size))
    return false;
  const std::string name = std::string(layout::attr::format) + '\0';
  const auto at = head.find(name);
  if (at == std::string::npos || at < 8 || head.find(std::string(app) + "/exp_") == std::string::npos) return false;
  const auto padded = [](std::uint64_t bytes) { return (bytes + 7) / 8 * 8; };
  const auto value = at + padded(name.size()) + padded(number_at(head, at - 4, 2)) + padded(number_at(head, at - 2, 2));
  return value + 8 <= head.size() && number_at(head, value, 8) == static_cast<std::uint64_t>(layout::format_version);
}

}  // namespace

void prepare_store() noexcept {
  const h5::Quiet quiet;
  static_cast<void>(H5open());
}

std::string hdf5_version() {
  return fmt::format("{}.{}.{}", H5_VERS_MAJOR, H5_VERS_MINOR, H5_VERS_RELEASE);
}

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

Result<std::vector<int>> Store::numbers() const {
  const h5::Quiet quiet;
  auto numbers = h5::run_numbers(file_->application.group.get());
  if (!numbers) return about_file(file_->path, file_->bytes->fd(), numbers.error());
  return numbers;
}

Result<std::vector<StoredRun>> Store::list() const {
  const h5::Quiet quiet;
  const hid_t group = file_->application.group.get();
  const auto numbers = this->numbers();
  if (!numbers) return numbers.error();
  std::vector<StoredRun> runs;
  for (const int number : *numbers) {
    auto run = h5::read_stored_run(group, number);
    if (!run) return about_file(file_->path, file_->bytes->fd(), run.error());
    runs.push_back(std::move(*run));
  }
  return runs;
}

Result<std::string> Store::id(int number) const {
  const h5::Quiet quiet;
  const auto run = h5::open_run(file_->application.group.get(), number);
  if (!run) return about_file(file_->path, file_->bytes->fd(), run.error());
  return h5::AttributeReader(run->get()).text_or(layout::attr::run_id);
}

StoredTotals Store::totals() const {
  const h5::Quiet quiet;
  return h5::read_totals(file_->application);
}

Result<Run> Store::load(int number) const {
  const h5::Quiet quiet;
  auto run = h5::read_run(file_->application.group.get(), number);
  if (!run) return Error{run.error().code, fmt::format("'{}': {}", file_->path.string(), run.error().what), run.error().hint};
  run->app = file_->app;  // the run's own may be from before the application was renamed
  return run;
}

RunInFile Store::at(int number) const {
  return {file_->application.group.get(), number};
}

std::optional<RunSummary> RunInFile::summary() const {
  const h5::Quiet quiet;
  return h5::read_summary(application_, number_);
}

Result<Run> RunInFile::load() const {
  const h5::Quiet quiet;
  return h5::read_run(application_, number_);
}

Result<OpenRun> RunInFile::open() const {
  const h5::Quiet quiet;
  return h5::open_run_to_read(application_, number_);
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
  if (plainly_ours(path, *fd, app)) return Ok{};
  const auto store = Store::open(path, check_wait_ms);
  if (!store) return store.error();
  if (store->app() != app)
    return Error{Errc::invalid, fmt::format("'{}' holds runs of '{}', not of '{}'", path.string(), store->app(), app),
                 "use another --name or --data_out"};
  return Ok{};
}

}  // namespace perun
