// SPDX-License-Identifier: BSD-3-Clause
// Writes the man pages into a folder, while perun is built: perun_man FOLDER
#include <cstdio>
#include <fstream>
#include <string>

#include "cli/grammar.hpp"
#include "cli/man.hpp"

int main(int argc, char** argv) {
  if (argc != 2) return std::fputs("usage: perun_man FOLDER\n", stderr), 2;
  const auto write = [&](perun::Command topic) {
    std::ofstream file(std::string(argv[1]) + "/" + perun::man_name(topic) + ".1");
    file << perun::man_page(topic);
    return static_cast<bool>(file.flush());
  };
  bool good = write(perun::Command::nothing);
  for (const auto& info : perun::commands())
    if (!info.heading.empty()) good = write(info.command) && good;
  return good ? 0 : 1;
}
