// SPDX-License-Identifier: BSD-3-Clause
#include "host/ipmi.hpp"

#include <linux/ipmi.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>

namespace perun {

int ask_ipmi(const Fd& device, const IpmiRequest& request, std::span<std::uint8_t> answer) noexcept {
  static std::atomic<long> messages{0};
  constexpr int patience_ms = 5000;
  std::array<unsigned char, 64> data{};
  if (request.data.size() > data.size()) return errno = EINVAL, -1;
  std::memcpy(data.data(), request.data.data(), request.data.size());
  ipmi_system_interface_addr address{};
  address.addr_type = IPMI_SYSTEM_INTERFACE_ADDR_TYPE;
  address.channel = IPMI_BMC_CHANNEL;
  ipmi_req send{};
  send.addr = reinterpret_cast<unsigned char*>(&address);
  send.addr_len = sizeof address;
  send.msgid = ++messages;
  send.msg = {request.network_function, request.command, static_cast<unsigned short>(request.data.size()), data.data()};
  if (::ioctl(device.get(), IPMICTL_SEND_COMMAND, &send) != 0) return -1;
  // An answer that came too late for its own request may be in front of this one's.
  for (int tries = 0; tries < 8; ++tries) {
    pollfd ready{device.get(), POLLIN, 0};
    if (const int n = ::poll(&ready, 1, patience_ms); n <= 0) return errno = n == 0 ? ETIMEDOUT : errno, -1;
    ipmi_addr from{};
    ipmi_recv got{};
    got.addr = reinterpret_cast<unsigned char*>(&from);
    got.addr_len = sizeof from;
    got.msg.data = answer.data();
    got.msg.data_len = static_cast<unsigned short>(answer.size());
    if (::ioctl(device.get(), IPMICTL_RECEIVE_MSG_TRUNC, &got) != 0 && errno != EMSGSIZE) return -1;
    if (got.msgid == send.msgid) return got.msg.data_len;
  }
  return errno = EBADMSG, -1;
}

}  // namespace perun
