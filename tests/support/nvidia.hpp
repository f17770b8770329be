// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdlib>
#include <string>
#include <string_view>

#include "support/tree.hpp"

namespace perun::test {

/// Puts a library of that name into a machine; `built` is where the build has it.
inline Tree& library(Tree& tree, std::string_view name, const std::string& built) {
  std::filesystem::create_directories(tree.at("lib"));
  const auto link = tree.at("lib") / name;
  std::filesystem::remove(link);
  std::filesystem::create_symlink(built, link);
  return tree;
}

/// A machine with NVIDIA GPUs: lines as tests/support/fake/nvml.cpp has them. One at a time.
inline Tree& nvidia(Tree& tree, const std::string& lines, const std::string& built) {
  tree.file("fake_nvml", "driver 550.54.14\n" + lines);
  ::setenv("FAKE_NVML", tree.at("fake_nvml").c_str(), 1);
  return library(tree, "libnvidia-ml.so.1", built);
}

/// `n` lines of GPUs that differ in power: 100 W, 110 W ...
inline std::string many_gpus(int n, const std::string& more = "") {
  std::string out;
  for (int i = 0; i < n; ++i) {
    const std::string two = (i < 10 ? "0" : "") + std::to_string(i);
    out += "gpu name=NVIDIA_A100-SXM4-40GB uuid=GPU-000000" + two + "-1111-2222-3333-444444444444 pci=0000:" + two +
           ":00.0 watts=" + std::to_string(100 + 10 * i) + " " + more + "\n";
  }
  return out;
}

}  // namespace perun::test
