// SPDX-License-Identifier: BSD-3-Clause
// /proc/cpuinfo and the names of processors in it.
#include <array>

#include "backends/cpu_tdp.hpp"
#include "base/text.hpp"
#include "fuzz/driver.hpp"
#include "fuzz/tree_input.hpp"
#include "host/machine.hpp"

namespace perun::fuzz {

void one_input(std::string_view input) {
  static TreeInput tree;
  tree.build("@proc/cpuinfo\n" + std::string(input));
  const Processors cpu = processors(tree.host());
  check(cpu.threads >= 1 && cpu.cores >= 1 && cpu.sockets >= 1, "there is at least one of each");
  check(cpu.model == text::printable(cpu.model), "the model can be shown");
  const auto model = find_cpu_model(cpu.model);
  check(!model || (model->tdp_W > 0 && model->tdp_W < 2000), "a TDP is one");
  for (const auto line : text::split(input, '\n'))
    check(plain_cpu_name(line).size() <= line.size(), "a plain name is no longer than the name");
  for (const auto& [key, value] : describe_machine(tree.host())) check(value == text::printable(value), key);
}

std::span<const std::string_view> dictionary() {
  static constexpr std::array<std::string_view, 16> words{
      "processor\t: ", "model name\t: ", "vendor_id\t: ",     "physical id\t: ",     "core id\t\t: ", "flags\t\t: ",
      "hypervisor",    "cpu family\t: ", "model\t\t: ",       "GenuineIntel",        "AuthenticAMD",  "(R)",
      "(TM)",          " CPU @ ",        "16-Core Processor", "with Radeon Graphics"};
  return words;
}

}  // namespace perun::fuzz
