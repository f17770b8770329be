// SPDX-License-Identifier: BSD-3-Clause
#include "serve/shell.hpp"

#include <fmt/format.h>

#include <algorithm>

// web/shell.html as it stands; g++ 12 has no #embed.
asm(R"(
  .pushsection .rodata
  .global perun_shell_begin
  .global perun_shell_end
perun_shell_begin:
  .incbin ")" PERUN_SHELL R"("
perun_shell_end:
  .popsection
)");
extern "C" const char perun_shell_begin[], perun_shell_end[];

namespace perun::serve {

std::string shell_page(std::string_view title, std::string_view nonce) {
  std::string name;
  for (const char c : title) name += c == '<' || c == '>' || c == '&' || c == '"' || c == '@' ? '_' : c;
  std::string_view rest(perun_shell_begin, static_cast<std::size_t>(perun_shell_end - perun_shell_begin));
  std::string out;
  for (;;) {
    const auto title_at = rest.find("@TITLE@"), nonce_at = rest.find("@NONCE@");
    const auto at = std::min(title_at, nonce_at);
    if (at == std::string_view::npos) return out.append(rest);
    out.append(rest.substr(0, at)).append(at == title_at ? std::string_view(name) : nonce);
    rest.remove_prefix(at + 7);
  }
}

std::string shell_policy(std::string_view nonce) {
  return fmt::format(
      "Content-Security-Policy: default-src 'none'; script-src 'nonce-{0}'; style-src 'nonce-{0}'; connect-src 'self'; "
      "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n",
      nonce);
}

}  // namespace perun::serve
