// SPDX-License-Identifier: BSD-3-Clause
#include "store/lane_writer.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "store/checksum.hpp"
#include "store/datasets.hpp"
#include "store/layout.hpp"
#include "store/times.hpp"
#include "store/transfer.hpp"

namespace perun::h5 {

namespace {

constexpr std::size_t most_waiting = 256 << 10;  ///< readings of all members together in a block
constexpr std::size_t least_chunk = 256;

/// So many sensors that whole chunks of all would take too much memory have smaller ones.
std::size_t chunk_for(std::size_t members) {
  const std::size_t fitting = std::bit_floor(most_waiting / std::max<std::size_t>(members, 1));
  return std::clamp<std::size_t>(fitting, least_chunk, layout::chunk_rows);
}

template <class T>
void drop_front(std::vector<T>& values, std::size_t count) {
  values.erase(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(count));
}

}  // namespace

LaneWriter::LaneWriter(const Lane& lane, const Moment& anchor)
    : lane_(lane), anchor_(anchor), chunk_rows_(chunk_for(lane.members.size())), columns_(lane.members.size()) {}

Status LaneWriter::make(hid_t group, const std::string& suffix, const std::vector<std::string>& devices) {
  axis_ = layout::time + suffix;
  const auto take = [](Result<Dataset> made, Dataset& to) -> Status {
    if (!made) return made.error();
    to = std::move(*made);
    return Ok{};
  };
  if (auto ok = take(make_dataset<std::int64_t>(group, axis_, {}, lane_.rows, chunk_rows_), time_); !ok) return ok;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    columns_[i].name = devices[i];
    auto made = make_dataset<std::int64_t>(group, devices[i], {}, lane_.rows, chunk_rows_);
    if (auto ok = take(std::move(made), columns_[i].dataset); !ok) return ok;
  }
  if (columns_.empty()) return Ok{};
  for (const auto& [name, to] : {std::pair{layout::offset, &offset_}, std::pair{layout::halfwidth, &halfwidth_}}) {
    auto made = make_dataset<std::int32_t>(group, name + suffix, columns_.size(), lane_.rows, chunk_rows_);
    if (auto ok = take(std::move(made), *to); !ok) return ok;
  }
  return Ok{};
}

std::size_t LaneWriter::block_rows() const noexcept {
  return std::min(chunk_rows_ * writers(), lane_.rows - written_);
}

Status LaneWriter::add(std::size_t member, const Reading& reading) {
  Column& column = columns_[member];
  column.waiting.push(reading);
  if (column.waiting.size() != block_rows() || ++full_ < columns_.size()) return Ok{};
  return write_block(block_rows());
}

Status LaneWriter::write_column(Column& column, std::size_t member, std::span<const std::int64_t> times) {
  const std::size_t rows = times.size();
  for (std::size_t k = 0; k < rows; ++k) {
    const std::int64_t raw = column.waiting.raw[k];
    wide_[k] = raw == missing ? layout::fill_value : std::min(raw, layout::fill_value - 1);
    if (raw == missing) continue;
    column.range.least = std::min(column.range.least, raw);
    column.range.most = std::max(column.range.most, wide_[k]);
  }
  column.checksum = checksum(std::span<const std::int64_t>(wide_), column.checksum);
  if (auto ok = write_piece<std::int64_t>(column.dataset, column.name, {}, written_, wide_); !ok) return ok;
  std::transform(times.begin(), times.end(), column.waiting.t_ns.begin(), narrow_.begin(),
                 [](std::int64_t first, std::int64_t t) { return static_cast<std::int32_t>(t - first); });
  column.offset_checksum = checksum(std::span<const std::int32_t>(narrow_), column.offset_checksum);
  if (auto ok = write_piece<std::int32_t>(offset_, layout::offset, member, written_, narrow_); !ok) return ok;
  const auto halfwidths = std::span<const std::int32_t>(column.waiting.halfwidth_ns).first(rows);
  column.halfwidth_checksum = checksum(halfwidths, column.halfwidth_checksum);
  return write_piece(halfwidth_, layout::halfwidth, member, written_, halfwidths);
}

Status LaneWriter::write_block(std::size_t rows) {
  const auto first = std::span<const std::int64_t>(columns_.front().waiting.t_ns).first(rows);
  wide_.resize(rows);
  narrow_.resize(rows);
  std::transform(first.begin(), first.end(), wide_.begin(), [&](std::int64_t t) { return to_wall(t, anchor_); });
  time_checksum_ = checksum(std::span<const std::int64_t>(wide_), time_checksum_);
  if (auto ok = write_piece<std::int64_t>(time_, axis_, {}, written_, wide_); !ok) return ok;
  for (std::size_t i = 0; i < columns_.size(); ++i)
    if (auto ok = write_column(columns_[i], i, first); !ok) return ok;
  written_ += rows;
  full_ = 0;
  for (Column& column : columns_) {
    drop_front(column.waiting.t_ns, rows);
    drop_front(column.waiting.raw, rows);
    drop_front(column.waiting.halfwidth_ns, rows);
    full_ += column.waiting.size() >= block_rows() && block_rows() > 0 ? 1 : 0;
  }
  return full_ == columns_.size() && full_ > 0 ? write_block(block_rows()) : Status(Ok{});
}

Status LaneWriter::finish() {
  if (!columns_.empty() && written_ != lane_.rows) return Error{Errc::io, "the readings changed while they were stored", {}};
  return lane_.rows > layout::plain_rows ? Ok{} : keep_all_checksums();
}

/// Of rows that are not in chunks, which have their own.
Status LaneWriter::keep_all_checksums() const {
  if (auto ok = keep_checksums(time_, std::span(&time_checksum_, 1)); !ok || columns_.empty()) return ok;
  std::vector<std::uint32_t> offsets, halfwidths;
  for (const Column& column : columns_) {
    if (auto ok = keep_checksums(column.dataset, std::span(&column.checksum, 1)); !ok) return ok;
    offsets.push_back(column.offset_checksum);
    halfwidths.push_back(column.halfwidth_checksum);
  }
  auto kept = keep_checksums(offset_, offsets);
  return kept ? keep_checksums(halfwidth_, halfwidths) : kept;
}

}  // namespace perun::h5
