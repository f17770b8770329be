// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/recording.hpp"
#include "model/run.hpp"
#include "store/hid.hpp"
#include "store/lanes.hpp"

namespace perun::h5 {

/// Lowest and highest raw value of a device, as far as there are any.
struct RawRange {
  std::int64_t least = 0, most = 0;
};

/// The readings of one lane on their way into its datasets: gathered until all members have filled a block of rows, which
/// is then written. What it holds does not depend on the length of the run.
class LaneWriter {
 public:
  LaneWriter(const Lane& lane, const Moment& anchor);

  /// Makes the datasets; `devices` are the members' names.
  Status make(hid_t group, const std::string& suffix, const std::vector<std::string>& devices);
  /// `member` is a position in the lane.
  Status add(std::size_t member, const Reading& reading);
  /// Writes the last block. Errors also when readings are lacking.
  Status finish();

  [[nodiscard]] const Dataset& device(std::size_t member) const { return columns_[member].dataset; }
  [[nodiscard]] const RawRange& range(std::size_t member) const { return columns_[member].range; }
  [[nodiscard]] Dataset& time() noexcept { return time_; }
  [[nodiscard]] const Dataset& offset() const noexcept { return offset_; }
  [[nodiscard]] const Dataset& halfwidth() const noexcept { return halfwidth_; }

 private:
  struct Column {
    std::string name;
    Dataset dataset;
    RawRange range;
    Series waiting;
    std::uint32_t checksum = 0, offset_checksum = 0, halfwidth_checksum = 0;
  };

  [[nodiscard]] std::size_t block_rows() const noexcept;
  Status write_block(std::size_t rows);
  Status write_column(Column& column, std::size_t member, std::span<const std::int64_t> times);
  [[nodiscard]] Status keep_all_checksums() const;

  const Lane& lane_;
  Moment anchor_;
  std::size_t chunk_rows_;
  std::string axis_;
  Dataset time_, offset_, halfwidth_;
  std::vector<Column> columns_;
  std::size_t written_ = 0;  ///< rows
  std::size_t full_ = 0;     ///< members that have filled the block
  std::uint32_t time_checksum_ = 0;
  std::vector<std::int64_t> wide_;
  std::vector<std::int32_t> narrow_;
};

}  // namespace perun::h5
