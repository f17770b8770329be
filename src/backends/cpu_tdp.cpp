// SPDX-License-Identifier: BSD-3-Clause
#include "backends/cpu_tdp.hpp"

#include <algorithm>
#include <array>

#include "backends/files.hpp"
#include "base/text.hpp"

// share/data/cpu_tdp.csv as it stands; g++ 12 has no #embed.
asm(R"(
  .pushsection .rodata
  .global perun_cpu_tdp_begin
  .global perun_cpu_tdp_end
perun_cpu_tdp_begin:
  .incbin ")" PERUN_CPU_TDP_CSV R"("
perun_cpu_tdp_end:
  .popsection
)");
extern "C" const char perun_cpu_tdp_begin[], perun_cpu_tdp_end[];

namespace perun {

namespace {

/// "16-core", "eight-core", "64-cores", and "13th" of "13th gen".
bool is_filler(std::string_view word) noexcept {
  constexpr std::array<std::string_view, 8> fillers{"intel", "amd", "cpu", "processor", "processors", "genuine", "apu", "gen"};
  if (std::find(fillers.begin(), fillers.end(), word) != fillers.end()) return true;
  if (word.ends_with("-core") || word.ends_with("-cores")) return true;
  const auto digits = word.find_first_not_of("0123456789");
  if (digits == 0 || digits == std::string_view::npos) return false;
  const auto ending = word.substr(digits);
  return ending == "st" || ending == "nd" || ending == "rd" || ending == "th";
}

void replace_all(std::string& s, std::string_view from, std::string_view to) {
  for (auto at = s.find(from); at != std::string::npos; at = s.find(from, at + to.size())) s.replace(at, from.size(), to);
}

/// The longest run of digits; what a row must contain before it is worth a closer look.
std::string_view longest_number(std::string_view s) noexcept {
  std::string_view longest;
  while (!s.empty()) {
    const auto digits = s.substr(0, s.find_first_not_of("0123456789"));
    if (digits.size() > longest.size()) longest = digits;
    s.remove_prefix(std::max<std::size_t>(digits.size(), 1));
  }
  return longest;
}

}  // namespace

std::string plain_cpu_name(std::string_view name) {
  std::string words = text::lower(name);
  for (const std::string_view tail : {"@", " with ", " w/ "}) words.resize(std::min(words.find(tail), words.size()));
  for (const std::string_view mark : {"(r)", "(tm)", "(c)"}) {
    replace_all(words, std::string(mark) + "-", "-");  // "FX(tm)-8350"
    replace_all(words, mark, " ");
  }
  std::string out;
  std::string_view rest = words;
  for (auto word = files::word(rest); !word.empty(); word = files::word(rest)) {
    if (is_filler(word)) continue;
    if (!out.empty()) out += ' ';
    out += word;
  }
  return out;
}

std::optional<CpuModel> find_cpu_model(std::string_view cpuinfo_name) {
  const std::string wanted = plain_cpu_name(cpuinfo_name);
  if (wanted.empty()) return std::nullopt;
  const std::string_view number = longest_number(wanted);
  std::string_view rest(perun_cpu_tdp_begin, static_cast<std::size_t>(perun_cpu_tdp_end - perun_cpu_tdp_begin));
  while (!rest.empty()) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const auto comma = line.rfind(',');
    if (comma == std::string_view::npos || line[0] == '#') continue;
    const auto name = line.substr(0, comma);
    if (name.find(number) == std::string_view::npos || plain_cpu_name(name) != wanted) continue;
    if (const auto watts = text::number(line.substr(comma + 1)); watts && *watts > 0) return CpuModel{name, *watts};
  }
  return std::nullopt;
}

}  // namespace perun
