// SPDX-License-Identifier: BSD-3-Clause
#include "cli/fix_script.hpp"

#include <array>
#include <string_view>

// Files of share/ as they stand; g++ 12 has no #embed.
asm(".pushsection .rodata\n"
    ".global perun_fix_begin, perun_fix_end\n"
    "perun_fix_begin: .incbin \"" PERUN_SHARE
    "/fix.sh\"\n"
    "perun_fix_end:\n"
    ".global perun_udev_begin, perun_udev_end\n"
    "perun_udev_begin: .incbin \"" PERUN_SHARE
    "/udev/60-perun-powercap.rules\"\n"
    "perun_udev_end:\n"
    ".global perun_tmpfiles_begin, perun_tmpfiles_end\n"
    "perun_tmpfiles_begin: .incbin \"" PERUN_SHARE
    "/tmpfiles.d/perun.conf\"\n"
    "perun_tmpfiles_end:\n"
    ".global perun_sysctl_begin, perun_sysctl_end\n"
    "perun_sysctl_begin: .incbin \"" PERUN_SHARE
    "/sysctl.d/60-perun.conf\"\n"
    "perun_sysctl_end:\n"
    ".popsection\n");
extern "C" const char perun_fix_begin[], perun_fix_end[], perun_udev_begin[], perun_udev_end[], perun_tmpfiles_begin[],
    perun_tmpfiles_end[], perun_sysctl_begin[], perun_sysctl_end[];

namespace perun {

std::string fix_script() {
  struct Place {
    std::string_view line, text;
  };
  const std::array<Place, 3> places{{
      {"@udev/60-perun-powercap.rules@\n", {perun_udev_begin, perun_udev_end}},
      {"@tmpfiles.d/perun.conf@\n", {perun_tmpfiles_begin, perun_tmpfiles_end}},
      {"@sysctl.d/60-perun.conf@\n", {perun_sysctl_begin, perun_sysctl_end}},
  }};
  std::string script(perun_fix_begin, perun_fix_end);
  for (const auto& [line, text] : places)
    if (const auto at = script.find(line); at != std::string::npos) script.replace(at, line.size(), text);
  return script;
}

}  // namespace perun
