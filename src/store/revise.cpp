// SPDX-License-Identifier: BSD-3-Clause
#include <fcntl.h>

#include <memory>

#include "host/clock.hpp"
#include "store/application.hpp"
#include "store/commit_driver.hpp"
#include "store/copy.hpp"
#include "store/layout.hpp"
#include "store/lock.hpp"
#include "store/read.hpp"
#include "store/sidecar.hpp"
#include "store/write.hpp"

namespace perun {

namespace {

Status revise_run(const h5::Types& types, const h5::Group& group, const RunSummary& summary, std::string_view note) {
  h5::AttributeWriter a(types, group.get(), true);
  if (summary.factors != h5::read_factors(group.get())) a.text(layout::attr::postprocessed, note);
  h5::write_factors(a, summary.factors);
  h5::write_figures(a, summary);
  if (auto written = a.status(); !written) return written;
  if (H5Lexists(group.get(), layout::summary, H5P_DEFAULT) > 0 && H5Ldelete(group.get(), layout::summary, H5P_DEFAULT) < 0)
    return h5::failure(Errc::io, "cannot replace the summary");
  if (auto written = h5::write_summary(types, group.get(), summary); !written) return written;
  const auto names = h5::texts_of_json(h5::AttributeReader(group.get()).text_or(layout::attr::nodes), layout::attr::nodes);
  if (!names) return names.error();
  for (std::size_t i = 0; i < names->size() && i < summary.nodes.size(); ++i) {
    const h5::Group node(H5Gopen2(group.get(), (*names)[i].c_str(), H5P_DEFAULT));
    if (!node) return h5::failure(Errc::format, "cannot open the node '" + (*names)[i] + "'");
    h5::AttributeWriter figures(types, node.get(), true);
    h5::write_figures(figures, summary.nodes[i]);
    if (auto written = figures.status(); !written) return written;
  }
  return Ok{};
}

Result<StoredTotals> revise_all(const h5::File& opened, const Revise& revise, std::string_view note) {
  const h5::Types types;
  const auto application = h5::open_application(opened);
  if (!application) return application.error();
  const auto numbers = h5::run_numbers(application->group.get());
  if (!numbers) return numbers.error();
  StoredTotals totals;
  for (const int number : *numbers) {
    const auto group = h5::open_run(application->group.get(), number);
    if (!group) return group.error();
    const auto summary = revise({application->group.get(), number});
    if (!summary) return summary.error();
    if (auto revised = revise_run(types, *group, *summary, note); !revised) return revised.error();
    totals = h5::with(totals, *summary);
  }
  if (auto written = h5::write_totals(types, *application, totals); !written) return written.error();
  return totals;
}

}  // namespace

Result<StoredTotals> revise_runs(const std::filesystem::path& file, const Revise& revise, std::string_view note, int wait_ms) {
  const h5::Quiet quiet;
  const auto path = real_path(file);
  const auto fd = open_locked(path, O_RDWR, Share::nobody, monotonic_ns() + std::int64_t{wait_ms} * 1'000'000);
  if (!fd) return fd.error();
  if (auto recovered = recover(path, *fd); !recovered) return recovered.error();
  Copy copy(draft_path(path, Draft::revised));
  auto bytes = copy.fill(*fd);
  if (!bytes) return bytes.error();
  auto pages = std::make_unique<CommitFile>(std::move(*bytes), copy.path());
  auto opened = h5::open_to_append(*pages);
  if (!opened) return about_file(path, *fd, opened.error());
  auto totals = revise_all(*opened, revise, note);
  if (!opened->close()) {
    (void)pages.release();  // HDF5 comes back to what it could not close at exit
    return h5::failure(Errc::io, "cannot be written");
  }
  if (!totals) return about_file(path, *fd, totals.error());
  if (auto committed = pages->commit(); !committed) return committed.error();
  if (auto moved = copy.take_place_of(path); !moved) return moved.error();
  return totals;
}

}  // namespace perun
