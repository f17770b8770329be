// SPDX-License-Identifier: BSD-3-Clause
#include "store/stored_readings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "store/attributes.hpp"
#include "store/checksum.hpp"
#include "store/datasets.hpp"
#include "store/layout.hpp"
#include "store/times.hpp"

namespace perun::h5 {

Result<std::unique_ptr<StoredReadings>> StoredReadings::open(hid_t node_group, const std::vector<std::string>& devices,
                                                             const Moment& anchor) {
  std::unique_ptr<StoredReadings> opened(new StoredReadings(anchor));
  opened->group_ = Group(H5Gopen2(node_group, ".", H5P_DEFAULT));
  if (!opened->group_) return failure(Errc::format, "cannot be read");
  for (const auto& name : devices)
    if (auto added = opened->add_device(name); !added) return added.error();
  if (auto checked = opened->check_tables(); !checked) return checked.error();
  return opened;
}

Status StoredReadings::add_device(const std::string& name) {
  const auto dataset = open_dataset(group_.get(), name);
  if (!dataset) return dataset.error();
  const std::string axis = AttributeReader(dataset->get()).text_or(layout::attr::coordinates, layout::time);
  if (!axis.starts_with(layout::time)) return Error{Errc::format, fmt::format("the dataset '{}' has no time axis", name)};
  const auto lane = find_lane(axis);
  if (!lane) return lane.error();
  std::array<std::uint64_t, 1> rows{};
  if (auto shape = integer_shape(*dataset, name, rows); !shape) return shape;
  if (rows[0] != lanes_[*lane].rows)
    return Error{Errc::format,
                 fmt::format("the dataset '{}' has {} rows, its time axis {}", name, rows[0], lanes_[*lane].rows)};
  devices_.push_back({name, *lane, lanes_[*lane].members++});
  return Ok{};
}

Result<std::size_t> StoredReadings::find_lane(const std::string& axis) {
  const auto known = std::find_if(lanes_.begin(), lanes_.end(), [&](const Lane& l) { return l.axis == axis; });
  if (known != lanes_.end()) return static_cast<std::size_t>(known - lanes_.begin());
  Lane lane{axis};
  auto time = open_dataset(group_.get(), axis);
  if (!time) return time.error();
  std::array<std::uint64_t, 1> rows{};
  if (auto shape = integer_shape(*time, axis, rows); !shape) return shape.error();
  lane.rows = static_cast<std::size_t>(rows[0]);
  lane.time = std::move(*time);
  lane.time_kept = kept_checksums(lane.time);
  const std::string suffix = axis.substr(std::string_view(layout::time).size());
  for (const auto& [name, to] : {std::pair{layout::offset, &lane.offset}, std::pair{layout::halfwidth, &lane.halfwidth}}) {
    auto dataset = open_dataset(group_.get(), name + suffix);
    if (!dataset) return dataset.error();
    *to = std::move(*dataset);
  }
  lane.offset_kept = kept_checksums(lane.offset);
  lane.halfwidth_kept = kept_checksums(lane.halfwidth);
  lanes_.push_back(std::move(lane));
  return lanes_.size() - 1;
}

/// Once all devices are known, so are the lanes' sizes.
Status StoredReadings::check_tables() {
  for (const Lane& lane : lanes_)
    for (const auto& [what, table] : {std::pair{layout::offset, &lane.offset}, std::pair{layout::halfwidth, &lane.halfwidth}}) {
      std::array<std::uint64_t, 2> shape{};
      const std::string name = what + lane.axis.substr(std::string_view(layout::time).size());
      if (auto found = integer_shape(*table, name, shape); !found) return found;
      if (shape[0] != lane.members || shape[1] != lane.rows)
        return Error{Errc::format, fmt::format("cannot read the dataset '{}': unexpected shape", name)};
    }
  return Ok{};
}

Status StoredReadings::read(std::size_t sensor, std::size_t first, std::size_t rows, Series& page) {
  const Device& device = devices_[sensor];
  const Lane& lane = lanes_[device.lane];
  if (!current_ || current_->sensor != sensor) {
    auto raw = open_dataset(group_.get(), device.name);
    if (!raw) return raw.error();
    auto kept = kept_checksums(*raw);
    current_ = Current{sensor, std::move(*raw), std::move(kept)};
  }
  page.t_ns.resize(rows);
  page.raw.resize(rows);
  page.halfwidth_ns.resize(rows);
  // A checksum is kept of rows that come in one piece.
  const auto get = [&](const Dataset& from, const std::string& name, std::optional<std::uint64_t> member, auto& values,
                       std::span<const std::uint32_t> kept) -> Status {
    const std::span to(values);
    if (auto got = read_piece(from, name, member, first, to); !got || kept.empty() || rows != lane.rows) return got;
    return check(kept, member.value_or(0), checksum(std::span<const typename decltype(to)::element_type>(to)), name);
  };
  const std::string suffix = lane.axis.substr(std::string_view(layout::time).size());
  if (auto got = get(current_->raw, device.name, std::nullopt, page.raw, current_->kept); !got) return got;
  if (auto got = get(lane.time, lane.axis, std::nullopt, page.t_ns, lane.time_kept); !got) return got;
  // The half widths come last and hold the offsets until then.
  if (auto got = get(lane.offset, layout::offset + suffix, device.row, page.halfwidth_ns, lane.offset_kept); !got) return got;
  for (std::size_t i = 0; i < rows; ++i) {
    page.t_ns[i] = shifted(to_mono(page.t_ns[i], anchor_), 0, page.halfwidth_ns[i]);
    if (page.raw[i] == layout::fill_value) page.raw[i] = missing;
  }
  return get(lane.halfwidth, layout::halfwidth + suffix, device.row, page.halfwidth_ns, lane.halfwidth_kept);
}

std::size_t StoredReadings::fetch(std::size_t sensor, std::size_t at, Series& page) {
  const Quiet quiet;
  const std::size_t first = at / layout::chunk_rows * layout::chunk_rows;
  const std::size_t rows = std::min<std::size_t>(layout::chunk_rows, size(sensor) - first);
  if (auto got = read(sensor, first, rows, page); !got) {
    if (!error_) error_ = got.error();
    page.t_ns.assign(rows, 0);
    page.raw.assign(rows, missing);
    page.halfwidth_ns.assign(rows, 0);
  }
  return first;
}

Status StoredReadings::status() const {
  if (error_) return *error_;
  return Ok{};
}

Result<Series> StoredReadings::all(std::size_t sensor) {
  Series series;
  if (auto got = read(sensor, 0, size(sensor), series); !got) return got.error();
  return series;
}

}  // namespace perun::h5
