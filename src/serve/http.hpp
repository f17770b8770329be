// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace perun::serve {

/// The longest request that is read, all headers included.
inline constexpr std::size_t longest_request = 8192;

/// What a client asks for. Only what perun answers: GET and HEAD without a body.
struct Request {
  std::string method, path, query, host, authorization;

  /// The value of a parameter of the query, as it stands there.
  [[nodiscard]] std::optional<std::string_view> parameter(std::string_view name) const;
};

struct Refusal {
  int status = 400;
};

/// A whole request, up to its empty line. Anything that is not to the letter is refused: 400, 405 (method), 413 (a body), 414
/// (a long target), 505. Pure.
struct Parsed {
  std::optional<Request> request;
  Refusal refusal;  ///< when there is no request
};
[[nodiscard]] Parsed parse_request(std::string_view text);

/// "OK", "Not Found" ...
[[nodiscard]] std::string_view reason(int status) noexcept;

/// Whether two texts are the same, in a time that does not tell where they differ.
[[nodiscard]] bool same_secret(std::string_view a, std::string_view b) noexcept;

/// Whether a Host header means this machine itself, so that no page from elsewhere asks by a name that it has pointed here.
[[nodiscard]] bool is_loopback_host(std::string_view host) noexcept;

}  // namespace perun::serve
