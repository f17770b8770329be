// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "host/host.hpp"

namespace perun {

/// The processors of a node as /proc/cpuinfo tells them.
struct Processors {
  std::string model = "unknown";  ///< "model name" of the first, or what Arm gives instead
  int sockets = 1;
  int cores = 1;                 ///< physical, all sockets
  int threads = 1;               ///< logical, online
  bool virtual_machine = false;  ///< the hypervisor flag is set
  bool amd = false;              ///< or Hygon, which is built alike
  bool intel = false;            ///< `family` and `number` are its names for the model; 0 when unknown
  int family = 0, number = 0;
};
[[nodiscard]] Processors processors(const Host& host);

/// Bytes of main memory from /proc/meminfo; 0 when unknown.
[[nodiscard]] std::int64_t memory_bytes(const Host& host);

/// Host name of this process's UTS namespace.
[[nodiscard]] std::string host_name();

/// What a report says of the machine, as (name, text): kernel, cpu_model, sockets, cores, threads, memory_bytes,
/// governor, boot_id, virtual_machine. What cannot be found out is "unknown"; never fails.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> describe_machine(const Host& host);

}  // namespace perun
