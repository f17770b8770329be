// SPDX-License-Identifier: BSD-3-Clause
#include "store/regions.hpp"

#include <algorithm>
#include <limits>
#include <span>

#include "store/datasets.hpp"
#include "store/layout.hpp"
#include "store/region_columns.hpp"
#include "store/times.hpp"

namespace perun::h5 {

namespace {

namespace names = layout::regions;

/// Columns that belong together; the first is their dimension scale.
class Table {
 public:
  Table(const Types& types, hid_t group) : types_(types), group_(group) {}

  template <class T>
  Status add(const char* name, const std::vector<T>& rows, const char* units = "") {
    auto dataset = [&] {
      if constexpr (std::is_same_v<T, std::string>)
        return write_texts(types_, group_, name, rows);
      else
        return write_rows(group_, name, std::span<const T>(rows));
    }();
    if (!dataset) return dataset.error();
    if (*units != '\0')
      if (auto ok = AttributeWriter(types_, dataset->get()).text(layout::attr::units, units).status(); !ok) return ok;
    if (scale_) return scales_.attach(*dataset, std::span(&*number_, 1));
    scale_ = std::move(*dataset);
    const auto number = scales_.add(types_, scale_, name);
    if (!number) return number.error();
    number_ = *number;
    return Ok{};
  }
  Status finish() const { return scales_.finish(); }

 private:
  const Types& types_;
  hid_t group_;
  Scales scales_;
  Dataset scale_;
  std::optional<std::size_t> number_;
};

/// One column: what `of` says of each item.
template <class T = std::int64_t, class Items, class F>
std::vector<T> column(const Items& items, F of) {
  std::vector<T> rows;
  rows.reserve(items.size());
  for (const auto& item : items) rows.push_back(static_cast<T>(of(item)));
  return rows;
}

constexpr const char* wall = "nanoseconds since 1970-01-01 00:00:00";

Status write_threads(const Types& types, hid_t group, const Marks& marks) {
  Table table(types, group);
  const auto& t = marks.threads;
  const std::array columns{column(t, [](const auto& x) { return x.rank; }), column(t, [](const auto& x) { return x.pid; }),
                           column(t, [](const auto& x) { return x.tid; }), column(t, [](const auto& x) { return x.owners; })};
  for (std::size_t i = 0; i < columns.size(); ++i)
    if (auto ok = table.add(names::thread[i], columns[i]); !ok) return ok;
  return table.finish();
}

Status write_timeline(const Types& types, hid_t group, const Marks& marks, const Moment& anchor) {
  Table table(types, group);
  const auto& m = marks.timeline;
  const std::array columns{column(m, [&](const Mark& x) { return to_wall(x.t_ns, anchor); }),
                           column(m, [](const Mark& x) { return x.name; }), column(m, [](const Mark& x) { return x.thread; }),
                           column(m, [](const Mark& x) { return x.kind; })};
  for (std::size_t i = 0; i < columns.size(); ++i)
    if (auto ok = table.add(names::mark[i], columns[i], i == 0 ? wall : ""); !ok) return ok;
  const auto values = column<double>(m, [](const Mark& x) { return x.value; });
  if (auto ok = table.add(names::mark_value, values); !ok) return ok;
  return table.finish();
}

Status write_holes(const Types& types, hid_t group, const Marks& marks, const Moment& anchor) {
  Table table(types, group);
  const auto& h = marks.holes;
  const std::array columns{column(h, [&](const auto& x) { return to_wall(x.from_ns, anchor); }),
                           column(h, [&](const auto& x) { return to_wall(x.to_ns, anchor); }),
                           column(h, [](const auto& x) { return x.name; }),
                           column(h, [](const auto& x) { return x.thread; }),
                           column(h, [](const auto& x) { return x.inclusive_ns; }),
                           column(h, [](const auto& x) { return x.exclusive_ns; })};
  for (std::size_t i = 0; i < columns.size(); ++i)
    if (auto ok = table.add(names::hole[i], columns[i], i < 2 ? wall : i > 3 ? "ns" : ""); !ok) return ok;
  return table.finish();
}

Status write_sums(const Types& types, hid_t group, const Marks& marks) {
  Table table(types, group);
  const auto& s = marks.sums;
  const std::array columns{
      column(s, [](const auto& x) { return x.name; }),         column(s, [](const auto& x) { return x.thread; }),
      column(s, [](const auto& x) { return x.calls; }),        column(s, [](const auto& x) { return x.inclusive_ns; }),
      column(s, [](const auto& x) { return x.exclusive_ns; }), column(s, [](const auto& x) { return x.shortest_ns; }),
      column(s, [](const auto& x) { return x.longest_ns; })};
  for (std::size_t i = 0; i < columns.size(); ++i)
    if (auto ok = table.add(names::sum[i], columns[i], i > 2 ? "ns" : ""); !ok) return ok;
  const auto values = column<double>(s, [](const auto& x) { return x.sum; });
  if (auto ok = table.add(names::sum_value, values); !ok) return ok;
  return table.finish();
}

Status write_report(const Types& types, hid_t group, const RegionReport& report) {
  Table table(types, group);
  const auto& all = report.regions;
  const auto regions = column<std::string>(all, [](const auto& r) { return r.name; });
  if (auto ok = table.add(names::region, regions); !ok) return ok;
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  const auto numbers = [&](auto of) { return column<double>(all, of); };
  using R = const RegionSummary&;
  const std::array columns{numbers([](R r) { return r.time_s; }),
                           numbers([](R r) { return r.exclusive_s; }),
                           numbers([](R r) { return r.wall_s; }),
                           numbers([](R r) { return r.energy.joules(); }),
                           numbers([](R r) { return r.energy.uncertainty_J; }),
                           numbers([](R r) { return r.energy.lower_J; }),
                           numbers([](R r) { return r.energy.upper_J; }),
                           numbers([](R r) { return r.exclusive.joules(); }),
                           numbers([](R r) { return r.exclusive.uncertainty_J; }),
                           numbers([](R r) { return r.power_mean_W; }),
                           numbers([](R r) { return r.share; }),
                           numbers([](R r) { return r.pooled ? r.pooled->joules() : none; }),
                           numbers([](R r) { return r.pooled ? r.pooled->uncertainty_J : none; })};
  static_assert(std::tuple_size_v<decltype(columns)> == names::region_numbers.size());
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::string_view name = names::region_numbers[i];
    const char* units = name.ends_with("_s") ? "s" : name.ends_with("_J") ? "J" : name.ends_with("_W") ? "W" : "1";
    if (auto ok = table.add(names::region_numbers[i], columns[i], units); !ok) return ok;
  }
  const std::array integers{column(all, [](R r) { return r.calls; }), column(all, [](R r) { return r.resolved ? 1 : 0; })};
  for (std::size_t i = 0; i < integers.size(); ++i)
    if (auto ok = table.add(names::region_integers[i], integers[i]); !ok) return ok;
  return table.finish();
}

/// Columns of integers of equal length.
template <std::size_t N>
Result<std::array<std::vector<std::int64_t>, N>> read_columns(hid_t group, const std::array<const char*, N>& wanted) {
  std::array<std::vector<std::int64_t>, N> all;
  for (std::size_t i = 0; i < N; ++i) {
    auto rows = read_rows(group, wanted[i]);
    if (!rows) return rows.error();
    all[i] = std::move(*rows);
    if (all[i].size() != all[0].size())
      return Error{Errc::format, std::string("the columns beside '") + wanted[i] + "' differ in length"};
  }
  return all;
}

/// What a file says within what the type holds.
template <class T>
T within(std::int64_t value) noexcept {
  using Limits = std::numeric_limits<T>;
  if constexpr (sizeof(T) < sizeof value)
    return static_cast<T>(std::clamp<std::int64_t>(value, Limits::min(), Limits::max()));
  else
    return static_cast<T>(std::max<std::int64_t>(value, 0));
}

Status read_timeline(hid_t group, const Moment& anchor, Marks& marks) {
  const auto m = read_columns(group, names::mark);
  if (!m) return m.error();
  const auto values = read_numbers(group, names::mark_value);
  if (!values) return values.error();
  for (std::size_t i = 0; i < (*m)[0].size() && i < values->size(); ++i)
    marks.timeline.push_back({.t_ns = to_mono((*m)[0][i], anchor),
                              .name = within<std::uint32_t>((*m)[1][i]),
                              .thread = within<std::uint16_t>((*m)[2][i]),
                              .kind = static_cast<MarkKind>(within<std::uint8_t>((*m)[3][i])),
                              .value = (*values)[i]});
  return Ok{};
}

Status read_sums(hid_t group, Marks& marks) {
  const auto s = read_columns(group, names::sum);
  if (!s) return s.error();
  const auto values = read_numbers(group, names::sum_value);
  if (!values) return values.error();
  for (std::size_t i = 0; i < (*s)[0].size() && i < values->size(); ++i)
    marks.sums.push_back({.name = within<std::uint32_t>((*s)[0][i]),
                          .thread = within<std::uint16_t>((*s)[1][i]),
                          .calls = within<std::uint64_t>((*s)[2][i]),
                          .inclusive_ns = (*s)[3][i],
                          .exclusive_ns = (*s)[4][i],
                          .shortest_ns = (*s)[5][i],
                          .longest_ns = (*s)[6][i],
                          .sum = (*values)[i]});
  return Ok{};
}

}  // namespace

Status write_regions(const Types& types, hid_t node_group, const Marks& marks, const RegionReport* report,
                     const Moment& anchor) {
  if (marks.empty()) return Ok{};
  const Group group(H5Gcreate2(node_group, names::group, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  if (!group) return failure(Errc::io, "cannot make the group of the regions");
  {
    const auto dataset = write_texts(types, group.get(), names::name, marks.names);
    if (!dataset) return dataset.error();
  }
  if (auto ok = write_threads(types, group.get(), marks); !ok) return ok;
  if (auto ok = write_timeline(types, group.get(), marks, anchor); !ok) return ok;
  if (auto ok = write_holes(types, group.get(), marks, anchor); !ok) return ok;
  if (auto ok = write_sums(types, group.get(), marks); !ok) return ok;
  if (report != nullptr)
    if (auto ok = write_report(types, group.get(), *report); !ok) return ok;
  AttributeWriter a(types, group.get());
  const MarkLosses& l = marks.losses;
  const std::array losses{l.marks, l.names, l.threads, l.deep, l.unmatched, l.unended};
  for (std::size_t i = 0; i < losses.size(); ++i) a.integer(names::losses[i], static_cast<std::int64_t>(losses[i]));
  return a.status();
}

Result<Marks> read_regions(hid_t node_group, const Moment& anchor) {
  Marks marks;
  if (H5Lexists(node_group, names::group, H5P_DEFAULT) <= 0) return marks;
  const Group group(H5Gopen2(node_group, names::group, H5P_DEFAULT));
  if (!group) return failure(Errc::format, "the group of the regions cannot be read");
  auto texts = read_texts(group.get(), names::name);
  if (!texts) return texts.error();
  marks.names = std::move(*texts);
  const auto t = read_columns(group.get(), names::thread);
  if (!t) return t.error();
  for (std::size_t i = 0; i < std::min<std::size_t>((*t)[0].size(), 65'535); ++i)
    marks.threads.push_back({.number = static_cast<std::uint16_t>(i),
                             .rank = within<std::int32_t>((*t)[0][i]),
                             .pid = within<std::int32_t>((*t)[1][i]),
                             .tid = within<std::int32_t>((*t)[2][i]),
                             .owners = within<std::uint32_t>((*t)[3][i])});
  if (auto ok = read_timeline(group.get(), anchor, marks); !ok) return ok.error();
  const auto h = read_columns(group.get(), names::hole);
  if (!h) return h.error();
  for (std::size_t i = 0; i < (*h)[0].size(); ++i)
    marks.holes.push_back({.from_ns = to_mono((*h)[0][i], anchor),
                           .to_ns = to_mono((*h)[1][i], anchor),
                           .name = within<std::uint32_t>((*h)[2][i]),
                           .thread = within<std::uint16_t>((*h)[3][i]),
                           .inclusive_ns = (*h)[4][i],
                           .exclusive_ns = (*h)[5][i]});
  if (auto ok = read_sums(group.get(), marks); !ok) return ok.error();
  const AttributeReader a(group.get());
  const auto loss = [&](std::size_t i) { return within<std::uint64_t>(a.integer_or(names::losses[i])); };
  marks.losses = {loss(0), loss(1), loss(2), loss(3), loss(4), loss(5)};
  return marks;
}

}  // namespace perun::h5
