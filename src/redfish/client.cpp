// SPDX-License-Identifier: BSD-3-Clause
#include "redfish/client.hpp"

#include <fmt/format.h>
#include <httplib.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <utility>

#include "base/text.hpp"

namespace perun::redfish {

namespace {

constexpr std::size_t largest = 4 << 20;
constexpr std::chrono::seconds step_patience{5}, patience{10};

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Status read_credentials(const std::string& path, Access& access) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0)
    return Error{Errc::not_found, fmt::format("cannot read the credentials in '{}'", path), {}};
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return Error{Errc::denied, fmt::format("others may read the credentials in '{}'", path), fmt::format("chmod 600 {}", path)};
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) return Error{Errc::denied, fmt::format("cannot read the credentials in '{}'", path), {}};
  const auto colon = line.find(':');
  if (colon == std::string::npos) return Error{Errc::format, fmt::format("'{}' does not hold user:password", path), {}};
  access.user = line.substr(0, colon);
  access.password = line.substr(colon + 1);
  return Ok{};
}

}  // namespace

Result<Access> access_of(std::string_view url) {
  Access access{.address = std::string(url),
                .user = variable("PERUN_REDFISH_USER"),
                .password = variable("PERUN_REDFISH_PASSWORD"),
                .authority = variable("PERUN_REDFISH_CA")};
  while (access.address.ends_with('/')) access.address.pop_back();
  const auto colons = access.address.find("://");
  const std::string scheme = access.address.substr(0, colons);
  const std::string host = colons == std::string::npos ? "" : access.address.substr(colons + 3);
  const bool loopback = host.starts_with("localhost:") || host == "localhost" || host.starts_with("127.");
  if (host.empty() || host.find_first_of("/?# ") != std::string::npos || (scheme != "https" && scheme != "http"))
    return Error{Errc::invalid, fmt::format("'{}' is not like https://bmc.example", text::printable(url)), {}};
  if (host.find('@') != std::string::npos)
    return Error{Errc::invalid, "a password in the address is seen by everybody",
                 "PERUN_REDFISH_USER and PERUN_REDFISH_PASSWORD, or a file named by PERUN_REDFISH_CREDENTIALS"};
  if (scheme == "http" && !loopback)
    return Error{Errc::invalid, "without https the password is seen by everybody", "https://..."};
  if (const std::string file = variable("PERUN_REDFISH_CREDENTIALS"); !file.empty())
    if (const Status read = read_credentials(file, access); !read) return read.error();
  return access;
}

struct Client::Connection {
  explicit Connection(const std::string& address) : http(address) {}
  httplib::Client http;
};

Client::Client(const Access& access) : connection_(std::make_unique<Connection>(access.address)) {
  httplib::Client& http = connection_->http;
  http.set_connection_timeout(step_patience);
  http.set_read_timeout(step_patience);
  http.set_write_timeout(step_patience);
  http.set_follow_location(false);
  http.set_keep_alive(true);
  http.enable_server_certificate_verification(true);
  if (!access.authority.empty()) http.set_ca_cert_path(access.authority.c_str());
  if (!access.user.empty()) http.set_basic_auth(access.user, access.password);
}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;

Result<Json> Client::get(const std::string& path) {
  if (!path.starts_with('/')) return Error{Errc::format, fmt::format("'{}' is no path", text::printable(path)), {}};
  std::string body;
  const auto begin = std::chrono::steady_clock::now();
  bool too_much = false;
  const auto answer = connection_->http.Get(path, [&](const char* data, std::size_t length) {
    too_much = body.size() + length > largest || std::chrono::steady_clock::now() - begin > patience;
    if (!too_much) body.append(data, length);
    return !too_much;
  });
  if (too_much) return Error{Errc::io, fmt::format("{}: the answer does not end", path), {}};
  if (!answer) {
    const bool certificate = answer.error() == httplib::Error::SSLServerVerification;
    return Error{
        Errc::io,
        certificate ? "its certificate cannot be trusted" : fmt::format("no answer ({})", httplib::to_string(answer.error())),
        certificate ? "PERUN_REDFISH_CA names a file with the one to trust" : ""};
  }
  if (answer->status == 401 || answer->status == 403)
    return Error{Errc::denied, fmt::format("it refuses user and password ({})", answer->status), {}};
  if (answer->status != 200) return Error{Errc::io, fmt::format("{}: HTTP status {}", path, answer->status), {}};
  Json json = Json::parse(body, nullptr, false);
  if (json.is_discarded()) return Error{Errc::format, fmt::format("{}: the answer is no JSON", path), {}};
  return json;
}

}  // namespace perun::redfish
