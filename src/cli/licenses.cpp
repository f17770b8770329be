// SPDX-License-Identifier: BSD-3-Clause
#include "cli/licenses.hpp"

#include <cstddef>

// The files as they stand; g++ 12 has no #embed.
asm(R"(
  .pushsection .rodata
  .global perun_license_begin
  .global perun_license_end
  .global perun_third_party_end
perun_license_begin:
  .incbin ")" PERUN_SOURCE R"(/LICENSE"
perun_license_end:
  .incbin ")" PERUN_SOURCE R"(/share/third_party.txt"
perun_third_party_end:
  .popsection
)");
extern "C" const char perun_license_begin[], perun_license_end[], perun_third_party_end[];

namespace perun {

std::string licenses() {
  const std::string own(perun_license_begin, static_cast<std::size_t>(perun_license_end - perun_license_begin));
  return own + "\n\n" + std::string(perun_license_end, static_cast<std::size_t>(perun_third_party_end - perun_license_end));
}

}  // namespace perun
