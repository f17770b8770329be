// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "host/host.hpp"

namespace perun {

/// AMD's library ROCm SMI, for cards whose table no kernel file tells in a known revision. Only functions that take and
/// give plain numbers are used, since its structures change from release to release. To be used by one thread at a time.
class RocmSmi {
 public:
  /// Null where there is no such library or it does not start. May take long.
  [[nodiscard]] static std::unique_ptr<RocmSmi> open(const Host& host);
  ~RocmSmi();
  RocmSmi(const RocmSmi&) = delete;
  RocmSmi& operator=(const RocmSmi&) = delete;

  /// Its number for the card at "0000:c1:00.0".
  [[nodiscard]] std::optional<std::uint32_t> find(std::string_view address) const;

  /// Steps of 2^-16 J, `missing` when it cannot tell.
  [[nodiscard]] std::int64_t energy(std::uint32_t card) const noexcept;
  /// mW, likewise.
  [[nodiscard]] std::int64_t power_mW(std::uint32_t card) const noexcept;

 private:
  RocmSmi() = default;

  using Status = int;  // 0: done
  Library library_;
  Status (*init_)(std::uint64_t) = nullptr;
  Status (*shut_down_)() = nullptr;
  Status (*count_)(std::uint32_t*) = nullptr;
  Status (*address_)(std::uint32_t, std::uint64_t*) = nullptr;
  Status (*energy_)(std::uint32_t, std::uint64_t*, float*, std::uint64_t*) = nullptr;
  Status (*power_)(std::uint32_t, std::uint64_t*, int*) = nullptr;
  Status (*mean_power_)(std::uint32_t, std::uint32_t, std::uint64_t*) = nullptr;
};

}  // namespace perun
