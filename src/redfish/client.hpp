// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "base/result.hpp"

namespace perun::redfish {

/// How to reach a service. Passwords come from the environment or from a file, never from words that others see in ps(1).
struct Access {
  std::string address;  ///< "https://bmc.example:8443"
  std::string user, password;
  std::string authority;  ///< file of certificates to trust; empty: the system's
};

/// `url` with PERUN_REDFISH_USER and PERUN_REDFISH_PASSWORD, or "user:password" in the file PERUN_REDFISH_CREDENTIALS, and
/// PERUN_REDFISH_CA. Errors: no https (but on loopback), a password in the address, a file that others may read.
[[nodiscard]] Result<Access> access_of(std::string_view url);

/// One service. An answer takes at most 10 s and 4 MiB, and redirections are not followed. Certificates are checked.
class Client {
 public:
  explicit Client(const Access& access);
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) = delete;

  [[nodiscard]] Result<Json> get(const std::string& path);

 private:
  struct Connection;
  std::unique_ptr<Connection> connection_;
};

}  // namespace perun::redfish
