// SPDX-License-Identifier: BSD-3-Clause
#include "store/application.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>
#include <system_error>
#include <vector>

#include "base/units.hpp"
#include "store/layout.hpp"
#include "store/sidecar.hpp"
#include "store/write.hpp"

namespace perun {

std::filesystem::path real_path(const std::filesystem::path& file) {
  std::error_code failed;
  auto real = std::filesystem::weakly_canonical(file, failed);
  return failed ? file : real;
}

Error about_file(const std::filesystem::path& file, const Fd& data, const Error& error) {
  constexpr std::array signature{std::byte{0x89}, std::byte{'H'}, std::byte{'D'}, std::byte{'F'}};
  std::array<std::byte, 4> start{};
  if (error.what.find(file.string()) != std::string::npos) return error;
  if (error.code == Errc::invalid) return {error.code, fmt::format("'{}' {}", file.string(), error.what), error.hint};
  if (error.code != Errc::format) return {error.code, fmt::format("'{}': {}", file.string(), error.what), error.hint};
  if (!read_all(data, start, 0) || start != signature)
    return {Errc::format, fmt::format("'{}' is not an HDF5 file", file.string()), "use another --name or --data_out"};
  return {Errc::format, fmt::format("'{}' {}", file.string(), error.what), error.hint};
}

namespace h5 {

namespace {

namespace attr = layout::attr;
constexpr std::size_t heap_bytes = 512;  ///< for the names of some 60 runs; then it grows
constexpr std::size_t longest_kind = 16;
constexpr std::size_t longest_run_link = 16;
constexpr double joules_per_kWh = 3.6e6;
constexpr double cents_per_euro = 100;

std::string default_of_root(const std::string& link, int number) {
  return link + "/" + layout::run_group(number);
}

Kind kind_of(const std::optional<std::string>& text) {
  const auto found = std::find(kind_names.begin(), kind_names.end(), text.value_or(""));
  return found == kind_names.end() ? Kind::unavailable : static_cast<Kind>(found - kind_names.begin());
}

/// Every total, with its value or NaN where there is none yet. All are there from the first run on, because a new
/// attribute would have to move old ones.
std::vector<std::pair<const char*, double>> numbers_of(const StoredTotals& t) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  const auto& e = t.usage.energy;
  const bool known = e.kind != Kind::unavailable;
  const auto or_none = [](bool there, double value) { return there ? value : none; };
  const Footprint f = t.footprint.value_or(Footprint{none, none, none});
  return {{attr::total_runtime, t.usage.duration_s},
          {attr::total_energy, or_none(known, e.joules() / joules_per_kWh)},
          {attr::total_facility_energy, f.facility_kWh},
          {attr::total_co2e, f.co2e_kg},
          {attr::total_price, f.cost_cent / cents_per_euro},
          {attr::energy, or_none(known, e.joules())},
          {attr::measured, or_none(known, e.measured_J)},
          {attr::estimated, or_none(known, e.estimated_J)},
          {attr::uncertainty, or_none(known, e.uncertainty_J)},
          {attr::lower, or_none(known, e.lower_J)},
          {attr::upper, or_none(known, e.upper_J)},
          {attr::power_mean, or_none(known, t.usage.power_mean_W)},
          {attr::power_max, or_none(known, t.usage.power_max_W)}};
}

}  // namespace

std::string application_link(std::string_view app) {
  std::set<std::string> none;
  return link_name(app, "_-.+ ", none);
}

std::size_t default_size(const std::string& link) {
  return default_of_root(link, std::numeric_limits<int>::max()).size() + 1;
}

Result<Application> open_application(const File& file) {
  const AttributeReader root(file.get());
  const auto format = root.integer(attr::format);
  if (!format) return Error{Errc::format, "is an HDF5 file but not one of perun's", "use another --name or --data_out"};
  if (*format > layout::format_version)
    return Error{
        Errc::format,
        fmt::format("was written by a newer perun (its format is {}, this perun knows {})", *format, layout::format_version),
        "update perun"};
  std::vector<std::string> links;
  const auto take = [](hid_t, const char* link, const H5L_info_t*, void* to) -> herr_t {
    static_cast<std::vector<std::string>*>(to)->emplace_back(link);
    return 0;
  };
  hsize_t from = 0;
  if (H5Literate(file.get(), H5_INDEX_NAME, H5_ITER_NATIVE, &from, take, &links) < 0)
    return failure(Errc::format, "cannot be read");
  for (auto& link : links) {
    Group group(H5Gopen2(file.get(), link.c_str(), H5P_DEFAULT));
    if (group && AttributeReader(group.get()).integer(attr::next_run)) return Application{std::move(group), std::move(link)};
  }
  return Error{Errc::format, "holds no application"};
}

Result<Application> create_application(const Types& types, const File& file, const Run& run) {
  const std::string link = application_link(run.app);
  const Properties shape(H5Pcreate(H5P_GROUP_CREATE));
  H5Pset_local_heap_size_hint(shape.get(), heap_bytes);
  Group group(H5Gcreate2(file.get(), link.c_str(), H5P_DEFAULT, shape.get(), H5P_DEFAULT));
  if (!group) return failure(Errc::io, "cannot make the group '" + link + "'");
  const std::string date = units::iso8601(now().real_ns);

  AttributeWriter root(types, file.get());
  root.text(attr::conventions, "CF-1.10").text(attr::nx_class, "NXroot");
  root.field(attr::default_child, "", default_size(link));
  root.text(attr::title, "energy of " + run.app).text(attr::history, date + " made by perun " + run.perun_version);
  root.text(attr::creator, "perun " + run.perun_version).integer(attr::format, layout::format_version);
  if (auto written = root.status(); !written) return written.error();

  AttributeWriter a(types, group.get());
  a.text(attr::nx_class, "NXcollection").text(attr::app, run.app).text(attr::creation_date, date);
  a.field(attr::default_child, "", longest_run_link).integer(attr::next_run, 0).integer(attr::run_count, 0);
  for (const auto& [name, value] : numbers_of({})) a.number(name, value);
  a.field(attr::kind, name(Kind::unavailable), longest_kind);
  if (auto written = a.status(); !written) return written.error();
  return Application{std::move(group), link};
}

Result<int> next_number(const Application& application) {
  const auto next = AttributeReader(application.group.get()).integer_or(attr::next_run, -1);
  if (next < 0 || next >= std::numeric_limits<int>::max())
    return Error{Errc::format, fmt::format("has an implausible next run number, {}", next)};
  if (H5Lexists(application.group.get(), layout::run_group(next).c_str(), H5P_DEFAULT) != 0)
    return Error{Errc::format, fmt::format("already has a run {}, which should come next", next)};
  return static_cast<int>(next);
}

StoredTotals read_totals(const Application& application) {
  const AttributeReader a(application.group.get());
  StoredTotals t;
  t.runs = static_cast<int>(std::clamp<std::int64_t>(a.integer_or(attr::run_count), 0, std::numeric_limits<int>::max()));
  t.usage.duration_s = a.number_or(attr::total_runtime);
  t.usage.energy.kind = kind_of(a.text(attr::kind));
  if (t.usage.energy.kind != Kind::unavailable) {
    auto& e = t.usage.energy;
    e.measured_J = a.number_or(attr::measured);
    e.estimated_J = a.number_or(attr::estimated);
    e.uncertainty_J = a.number_or(attr::uncertainty);
    e.lower_J = a.number_or(attr::lower);
    e.upper_J = a.number_or(attr::upper);
    t.usage.power_mean_W = a.number_or(attr::power_mean);
    t.usage.power_max_W = a.number_or(attr::power_max);
  }
  const Footprint f{a.number_or(attr::total_facility_energy, std::nan("")), a.number_or(attr::total_co2e, std::nan("")),
                    a.number_or(attr::total_price, std::nan("")) * cents_per_euro};
  if (!std::isnan(f.facility_kWh) && !std::isnan(f.co2e_kg) && !std::isnan(f.cost_cent)) t.footprint = f;
  return t;
}

StoredTotals with(StoredTotals totals, const RunSummary& run) {
  ++totals.runs;
  totals.usage.duration_s += run.usage.duration_s;
  if (run.usage.energy.kind != Kind::unavailable) {
    totals.usage.energy += run.usage.energy;
    totals.usage.power_max_W = std::max(totals.usage.power_max_W, run.usage.power_max_W);
  }
  if (totals.usage.duration_s > 0) totals.usage.power_mean_W = totals.usage.energy.joules() / totals.usage.duration_s;
  if (run.footprint) {
    auto& sum = totals.footprint ? *totals.footprint : totals.footprint.emplace();
    sum.facility_kWh += run.footprint->facility_kWh;
    sum.co2e_kg += run.footprint->co2e_kg;
    sum.cost_cent += run.footprint->cost_cent;
  }
  return totals;
}

Status write_totals(const Types& types, const Application& application, const StoredTotals& totals) {
  AttributeWriter a(types, application.group.get());
  a.replace_integer(attr::run_count, totals.runs).replace_field(attr::kind, name(totals.usage.energy.kind));
  for (const auto& [name, value] : numbers_of(totals)) a.replace_number(name, value);
  return a.status();
}

Status count_run(const Types& types, const File& file, const Application& application, const RunSummary& run, int number) {
  AttributeWriter a(types, application.group.get());
  a.replace_field(attr::default_child, layout::run_group(number)).replace_integer(attr::next_run, std::int64_t{number} + 1);
  if (auto written = a.status(); !written) return written;
  if (auto written = write_totals(types, application, with(read_totals(application), run)); !written) return written;
  return AttributeWriter(types, file.get())
      .replace_field(attr::default_child, default_of_root(application.link, number))
      .status();
}

}  // namespace h5
}  // namespace perun
