// SPDX-License-Identifier: BSD-3-Clause
// perun-otlp URL: sends each line of stdin to URL/v1/metrics (OTLP/JSON). `perun serve --otlp` and `perun monitor --otlp`
// start it. A program of its own, as perun-redfish is: perun itself is linked to no cryptography.
#include <fmt/format.h>
#include <httplib.h>

#include <chrono>
#include <iostream>
#include <string>

#include "base/text.hpp"

int main(int argc, char** argv) {
  if (argc != 2) return std::fputs("usage: perun-otlp URL\n", stderr), 2;
  std::string url = argv[1];
  while (url.ends_with('/')) url.pop_back();
  const auto path_at = url.find('/', url.find("://") + 3);
  std::string path = path_at == std::string::npos ? "" : url.substr(path_at);
  if (!path.ends_with("/v1/metrics")) path += "/v1/metrics";
  httplib::Client client(url.substr(0, path_at));
  constexpr std::chrono::seconds patience{5};
  client.set_connection_timeout(patience);
  client.set_read_timeout(patience);
  client.set_write_timeout(patience);
  std::string said;  // each trouble once
  for (std::string line; std::getline(std::cin, line);) {
    const auto answer = client.Post(path.c_str(), line, "application/json");
    std::string trouble;
    if (!answer)
      trouble = "no answer: " + httplib::to_string(answer.error());
    else if (answer->status / 100 != 2)
      trouble = fmt::format("status {}", answer->status);
    if (!trouble.empty() && trouble != said)
      std::fputs(fmt::format("perun: {} takes no metrics ({})\n", perun::text::printable(url), trouble).c_str(), stderr);
    said = trouble;
  }
}
