// SPDX-License-Identifier: BSD-3-Clause
#include "serve/http.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace perun::serve {

namespace {

constexpr std::size_t longest_target = 2048;

bool is_token_character(char c) noexcept {
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || others.find(c) != std::string_view::npos;
}

Parsed refused(int status) {
  return {std::nullopt, {status}};
}

/// "name: value" into the request; false for what is no header.
bool take_header(std::string_view line, Request& request, bool& body) {
  const auto colon = line.find(':');
  if (colon == 0 || colon == std::string_view::npos || !std::ranges::all_of(line.substr(0, colon), is_token_character))
    return false;
  const auto value = text::trim(line.substr(colon + 1));
  if (std::ranges::any_of(value, [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7F; })) return false;
  const auto name = text::lower(line.substr(0, colon));
  if (name == "host") {
    if (!request.host.empty()) return false;
    request.host = value;
  }
  if (name == "authorization") request.authorization = value;
  if (name == "transfer-encoding" || (name == "content-length" && value != "0")) body = true;
  return true;
}

}  // namespace

std::optional<std::string_view> Request::parameter(std::string_view name) const {
  for (const auto pair : text::split(query, '&'))
    if (pair.starts_with(name) && pair.size() > name.size() && pair[name.size()] == '=') return pair.substr(name.size() + 1);
  return std::nullopt;
}

Parsed parse_request(std::string_view text) {
  const auto end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) return refused(400);
  text = text.substr(0, end);
  const auto first = text.substr(0, text.find("\r\n"));
  const auto words = text::split(first, ' ');
  if (words.size() != 3 || words[0].empty() || !std::ranges::all_of(words[0], is_token_character)) return refused(400);
  if (words[2] != "HTTP/1.1" && words[2] != "HTTP/1.0") return refused(words[2].starts_with("HTTP/") ? 505 : 400);
  const auto target = words[1];
  if (target.size() > longest_target) return refused(414);
  const bool plain = std::ranges::all_of(target, [](unsigned char c) { return c > 0x20 && c < 0x7F; });
  if (!target.starts_with('/') || !plain) return refused(400);
  Request request;
  request.method = words[0];
  const auto mark = target.find('?');
  request.path = target.substr(0, mark);
  if (mark != std::string_view::npos) request.query = target.substr(mark + 1);
  bool body = false;
  for (auto rest = text.substr(first.size()); !rest.empty();) {
    rest.remove_prefix(2);
    const auto line = rest.substr(0, rest.find("\r\n"));
    if (!take_header(line, request, body)) return refused(400);
    rest.remove_prefix(line.size());
  }
  if (request.host.empty() && words[2] == "HTTP/1.1") return refused(400);
  if (request.method != "GET" && request.method != "HEAD") return refused(405);
  if (body) return refused(413);
  return {std::move(request), {}};
}

std::string_view reason(int status) noexcept {
  switch (status) {
    case 200:
      return "OK";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Bad Request";
  }
}

bool same_secret(std::string_view a, std::string_view b) noexcept {
  unsigned different = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < a.size(); ++i)
    different |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b.empty() ? 0 : b[i % b.size()]);
  return different == 0;
}

bool is_loopback_host(std::string_view host) noexcept {
  const auto without_port = host.starts_with('[') ? host.substr(0, host.find(']') + 1) : host.substr(0, host.find(':'));
  return without_port == "localhost" || without_port == "127.0.0.1" || without_port == "[::1]";
}

}  // namespace perun::serve
