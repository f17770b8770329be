// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model/readings.hpp"
#include "model/run.hpp"
#include "store/hid.hpp"

namespace perun::h5 {

/// The readings of a node's devices as they are in its group, read chunk by chunk. The file must stay open.
class StoredReadings : public Readings {
 public:
  /// `devices` are the datasets' names. Errors: format (a device without a time axis, or not of its length).
  static Result<std::unique_ptr<StoredReadings>> open(hid_t node_group, const std::vector<std::string>& devices,
                                                      const Moment& anchor);

  [[nodiscard]] std::size_t sensors() const noexcept override { return devices_.size(); }
  [[nodiscard]] std::size_t size(std::size_t sensor) const noexcept override { return lanes_[devices_[sensor].lane].rows; }
  std::size_t fetch(std::size_t sensor, std::size_t at, Series& page) override;
  [[nodiscard]] Status status() const override;

  /// All of one sensor's.
  [[nodiscard]] Result<Series> all(std::size_t sensor);

 private:
  struct Lane {
    std::string axis;
    std::size_t rows = 0, members = 0;
    Dataset time = {}, offset = {}, halfwidth = {};
    std::vector<std::uint32_t> time_kept = {}, offset_kept = {}, halfwidth_kept = {};  ///< checksums, where there are any
  };
  struct Device {
    std::string name;
    std::size_t lane, row;
  };
  /// The device that was read last stays open.
  struct Current {
    std::size_t sensor;
    Dataset raw;
    std::vector<std::uint32_t> kept;  ///< its checksum
  };

  explicit StoredReadings(const Moment& anchor) noexcept : anchor_(anchor) {}
  Status add_device(const std::string& name);
  Result<std::size_t> find_lane(const std::string& axis);
  Status check_tables();
  Status read(std::size_t sensor, std::size_t first, std::size_t rows, Series& page);

  Group group_;
  Moment anchor_;
  std::vector<Lane> lanes_;
  std::vector<Device> devices_;
  std::optional<Current> current_;
  std::optional<Error> error_;
};

}  // namespace perun::h5
