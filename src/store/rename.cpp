// SPDX-License-Identifier: BSD-3-Clause
#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>

#include <memory>
#include <system_error>

#include "host/clock.hpp"
#include "store/application.hpp"
#include "store/commit_driver.hpp"
#include "store/copy.hpp"
#include "store/edit.hpp"
#include "store/layout.hpp"
#include "store/lock.hpp"
#include "store/read.hpp"
#include "store/sidecar.hpp"

namespace perun {

namespace {

namespace attr = layout::attr;
constexpr std::int64_t wait_ns = 10'000'000'000;

Status rename_in(const h5::File& file, const std::string& name) {
  const h5::Types types;
  const auto application = h5::open_application(file);
  if (!application) return application.error();
  const std::string link = h5::application_link(name);
  if (link != application->link &&
      H5Lmove(file.get(), application->link.c_str(), file.get(), link.c_str(), H5P_DEFAULT, H5P_DEFAULT) < 0)
    return h5::failure(Errc::io, "cannot rename the group '" + application->link + "'");
  const std::string newest = h5::AttributeReader(application->group.get()).text_or(attr::default_child);
  const std::string path = newest.empty() ? link : link + "/" + newest;
  h5::AttributeWriter of_root(types, file.get(), true), of_app(types, application->group.get(), true);
  of_root.text(attr::title, "energy of " + name).field(attr::default_child, path, h5::default_size(link));
  of_app.text(attr::app, name);
  auto written = of_root.status();
  return written ? of_app.status() : written;
}

}  // namespace

Result<std::filesystem::path> rename_application(const std::filesystem::path& file, const std::string& name) {
  const h5::Quiet quiet;
  const auto path = real_path(file);
  const auto target = path.parent_path() / (name + ".hdf5");
  std::error_code none;
  if (target != path && std::filesystem::exists(std::filesystem::symlink_status(target, none)))
    return Error{Errc::invalid, fmt::format("'{}' is there already", target.string()), "choose another name"};
  const auto fd = open_locked(path, O_RDWR, Share::nobody, monotonic_ns() + wait_ns);
  if (!fd) return fd.error();
  if (auto recovered = recover(path, *fd); !recovered) return recovered.error();
  Copy copy(draft_path(path, Draft::renamed));
  auto bytes = copy.fill(*fd);
  if (!bytes) return bytes.error();
  auto pages = std::make_unique<CommitFile>(std::move(*bytes), copy.path());
  auto opened = h5::open_to_append(*pages);
  if (!opened) return about_file(path, *fd, opened.error());
  const auto renamed = rename_in(*opened, name);
  if (!opened->close()) {
    (void)pages.release();  // HDF5 comes back to what it could not close at exit
    return h5::failure(Errc::io, "cannot be written");
  }
  if (!renamed) return about_file(path, *fd, renamed.error());
  if (auto committed = pages->commit(); !committed) return committed.error();
  // Cut off between the two, the old file name has the new application, which everything but adding takes.
  if (auto moved = copy.take_place_of(path); !moved) return moved.error();
  if (target != path && ::renameat2(AT_FDCWD, path.c_str(), AT_FDCWD, target.c_str(), RENAME_NOREPLACE) != 0)
    return system_error("make", target);
  sync_folder(target);
  return target;
}

}  // namespace perun
