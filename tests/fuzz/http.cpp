// SPDX-License-Identifier: BSD-3-Clause
// What clients of perun serve ask.
#include <algorithm>
#include <array>
#include <string>

#include "fuzz/driver.hpp"
#include "serve/http.hpp"

namespace perun::fuzz {

namespace {

bool visible(std::string_view s) {
  return std::ranges::all_of(s, [](unsigned char c) { return c > 0x20 && c < 0x7F; });
}

bool one_line(std::string_view s) {
  return std::ranges::none_of(s, [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7F; });
}

/// Of the text up to its first empty line; a text of ours with the name in lower case.
bool has_header(std::string_view head, std::string_view name) {
  std::string lower(head);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  return lower.find("\r\n" + std::string(name) + ":") != std::string::npos;
}

void look_at(const serve::Request& request, std::string_view head) {
  check(request.method == "GET" || request.method == "HEAD", "nothing else is answered");
  check(head.starts_with(request.method + " " + request.path), "the path as it was asked for");
  check(request.path.starts_with('/') && visible(request.path), "a path");
  check(request.path.find('?') == std::string::npos && visible(request.query), "without its query");
  check(request.path.size() + request.query.size() <= 2048, "not too long");
  check(one_line(request.host) && one_line(request.authorization), "headers are lines");
  check(!has_header(head, "transfer-encoding"), "no body");
  if (const auto token = request.parameter("token"))
    check(request.query.find("token=" + std::string(*token)) != std::string::npos, "a parameter is what stands there");
  check(!request.parameter("").has_value() || request.query.find('=') != std::string::npos, "a parameter has a value");
  if (serve::is_loopback_host(request.host))
    check(request.host.find("evil") == std::string::npos || request.host.find(':') != std::string::npos,
          "names of this machine");
}

}  // namespace

void one_input(std::string_view input) {
  const serve::Parsed parsed = serve::parse_request(input);
  if (!parsed.request) {
    check(parsed.refusal.status >= 400 && parsed.refusal.status < 600, "a refusal has a status");
    check(!serve::reason(parsed.refusal.status).empty(), "that has a name");
    return;
  }
  const auto end = input.find("\r\n\r\n");
  check(end != std::string_view::npos, "only whole requests");
  look_at(*parsed.request, input.substr(0, end));
  // What follows is not looked at, and less than this is not enough.
  const auto again = serve::parse_request(input.substr(0, end + 4));
  check(again.request && again.request->path == parsed.request->path && again.request->host == parsed.request->host,
        "what follows changes nothing");
  check(!serve::parse_request(input.substr(0, end + 3)).request, "half a request is none");
  check(serve::same_secret(input, input), "the same is the same");
  check(!serve::same_secret(input, input.substr(1)), "less is not");
}

std::span<const std::string_view> dictionary() {
  static constexpr std::array<std::string_view, 22> words{"GET ",
                                                          "HEAD ",
                                                          "POST ",
                                                          " HTTP/1.1\r\n",
                                                          " HTTP/1.0\r\n",
                                                          "HTTP/2",
                                                          "\r\n",
                                                          "\r\n\r\n",
                                                          "Host: localhost\r\n",
                                                          "Host:",
                                                          "Authorization: Bearer ",
                                                          "Content-Length: 0\r\n",
                                                          "Content-Length: 7\r\n",
                                                          "Transfer-Encoding: chunked\r\n",
                                                          "?token=",
                                                          "&",
                                                          "/../",
                                                          "%2e%2e",
                                                          "[::1]",
                                                          "\n",
                                                          "\t",
                                                          "evil.example"};
  return words;
}

}  // namespace perun::fuzz
