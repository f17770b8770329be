// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include "serve/http.hpp"
#include "serve/shell.hpp"

namespace perun::serve {
namespace {

int refused(std::string_view text) {
  const auto parsed = parse_request(text);
  return parsed.request ? 0 : parsed.refusal.status;
}

TEST(Http, ReadsARequest) {
  const auto parsed =
      parse_request("GET /api/v1/runs?a=1&token=ab12 HTTP/1.1\r\nHost: 127.0.0.1:9810\r\nAuthorization: Bearer x\r\n\r\n");
  ASSERT_TRUE(parsed.request);
  EXPECT_EQ(parsed.request->path, "/api/v1/runs");
  EXPECT_EQ(parsed.request->parameter("token"), "ab12");
  EXPECT_EQ(parsed.request->parameter("toke"), std::nullopt);
  EXPECT_EQ(parsed.request->host, "127.0.0.1:9810");
  EXPECT_EQ(parsed.request->authorization, "Bearer x");
}

TEST(Http, RefusesEverythingElse) {
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), 0);
  EXPECT_EQ(refused("GET / HTTP/1.0\r\n\r\n"), 0);
  EXPECT_EQ(refused(""), 400);
  EXPECT_EQ(refused("\r\n\r\n"), 400);
  EXPECT_EQ(refused("GET /\r\n\r\n"), 400);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\n\r\n"), 400);  // no host
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400);
  EXPECT_EQ(refused("GET / HTTP/2\r\nHost: x\r\n\r\n"), 505);
  EXPECT_EQ(refused("GET  / HTTP/1.1\r\nHost: x\r\n\r\n"), 400);
  EXPECT_EQ(refused("GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n"), 400);
  EXPECT_EQ(refused(std::string_view("GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n", 31)), 400);
  EXPECT_EQ(refused("GET /\xC3\xA4 HTTP/1.1\r\nHost: x\r\n\r\n"), 400);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n"), 400);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n"), 400);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: x\r\nA: \x01\r\n\r\n"), 400);
  EXPECT_EQ(refused("POST / HTTP/1.1\r\nHost: x\r\n\r\n"), 405);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"), 413);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"), 413);
  EXPECT_EQ(refused("GET /" + std::string(4000, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n"), 414);
}

TEST(Http, ComparesSecrets) {
  EXPECT_TRUE(same_secret("abc", "abc"));
  EXPECT_FALSE(same_secret("abc", "abd"));
  EXPECT_FALSE(same_secret("", "abc"));
  EXPECT_FALSE(same_secret("abcabc", "abc"));
  EXPECT_FALSE(same_secret("abc", ""));
}

TEST(Http, KnowsNamesOfThisMachine) {
  for (const auto* host : {"localhost", "localhost:9810", "127.0.0.1:1", "[::1]:9810", "[::1]"})
    EXPECT_TRUE(is_loopback_host(host)) << host;
  for (const auto* host : {"evil.example", "127.0.0.1.evil.example", "localhost.evil:80", "[::2]:80", ""})
    EXPECT_FALSE(is_loopback_host(host)) << host;
}

TEST(Shell, HoldsNoMarkupOfNames) {
  const auto page = shell_page("<script>alert(1)</script>&\"", "abc");
  EXPECT_EQ(page.find("<script>alert"), std::string::npos);
  EXPECT_NE(page.find("nonce=\"abc\""), std::string::npos);
  EXPECT_NE(shell_policy("abc").find("default-src 'none'"), std::string::npos);
}

}  // namespace
}  // namespace perun::serve
