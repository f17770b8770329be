// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <array>
#include <string_view>

#include "base/text.hpp"
#include "cli/diagnosis.hpp"

namespace perun {

namespace {

constexpr std::array<std::string_view, 4> standing_names{"ready", "note", "absent", "blocked"};

std::string_view name(Standing s) noexcept {
  return standing_names[static_cast<std::size_t>(s)];
}

/// `text` behind `first`, broken between words into lines of at most 80 columns that are indented alike.
std::string wrapped(const std::string& first, std::string_view text) {
  constexpr std::size_t columns = 80;
  std::string out, line = first;
  for (const auto word : text::split(text, ' ')) {
    const bool empty = line.size() <= first.size();
    if (!empty && line.size() + 1 + word.size() > columns) {
      out += line + "\n";
      line.assign(first.size(), ' ');
    } else if (!empty) {
      line += ' ';
    }
    line += word;
  }
  return out + line + "\n";
}

std::string remedy_text(int number, const Remedy& remedy) {
  std::string out = "\n" + wrapped(fmt::format("  {}. ", number), remedy.title);
  for (const Step& step : remedy.steps) {
    out += wrapped("     ", step.say + ":");
    out += "         " + step.run + "\n";
  }
  if (!remedy.caution.empty()) out += wrapped("     Mind: ", remedy.caution);
  return out;
}

std::string group_text(std::string_view heading, const std::vector<Finding>& findings) {
  if (findings.empty()) return "";
  std::string out = fmt::format("\n{}\n", heading);
  for (const Finding& f : findings) {
    out += wrapped(fmt::format("  {:<8} {:<11} ", name(f.standing), f.name), text::printable(f.text));
    const std::string margin = fmt::format("  {:<8} {:<11} ", "", "");
    if (f.remedy != 0)
      out += margin + fmt::format("to fix: {}. above\n", f.remedy);
    else if (!f.fix.empty())
      out += wrapped(margin + "to fix: ", text::printable(f.fix));
  }
  return out;
}

Json text_or_null(const std::string& s) {
  return s.empty() ? Json(nullptr) : Json(text::to_utf8(s));
}

Json as_json(const std::vector<Finding>& findings) {
  Json out = Json::array();
  for (const Finding& f : findings)
    out.push_back({{"name", f.name},
                   {"standing", name(f.standing)},
                   {"found", text::to_utf8(f.text)},
                   {"fix", text_or_null(f.fix)},
                   {"remedy", f.remedy == 0 ? Json(nullptr) : Json(f.remedy)}});
  return out;
}

Json as_json(const Remedy& remedy) {
  Json steps = Json::array();
  for (const Step& step : remedy.steps) steps.push_back({{"say", step.say}, {"run", step.run}});
  return {{"title", remedy.title}, {"steps", steps}, {"caution", text_or_null(remedy.caution)}};
}

}  // namespace

std::string diagnosis_text(const Patient& patient, const Diagnosis& diagnosis) {
  std::string out = text::printable(
      fmt::format("perun doctor: {}, Linux {}, user {} (uid {})", patient.node, patient.kernel, patient.user, patient.uid));
  out += "\n\n" + wrapped("", text::printable(diagnosis.verdict));
  int number = 0;
  if (!diagnosis.remedies.empty()) out += "\nWhat to do\n";
  for (const Remedy& remedy : diagnosis.remedies) out += remedy_text(++number, remedy);
  out += group_text("Sources", diagnosis.sources);
  out += group_text("Ways to the processor's energy counters", diagnosis.ways);
  return out + group_text("This place", diagnosis.place);
}

Json diagnosis_json(const Patient& patient, const Diagnosis& diagnosis) {
  Json remedies = Json::array();
  for (const Remedy& remedy : diagnosis.remedies) remedies.push_back(as_json(remedy));
  return {{"schema", "perun-doctor/1"},
          {"node", text::to_utf8(patient.node)},
          {"kernel", text::to_utf8(patient.kernel)},
          {"user", text::to_utf8(patient.user)},
          {"uid", patient.uid},
          {"measurable", diagnosis.measurable},
          {"verdict", text::to_utf8(diagnosis.verdict)},
          {"remedies", remedies},
          {"sources", as_json(diagnosis.sources)},
          {"ways", as_json(diagnosis.ways)},
          {"place", as_json(diagnosis.place)}};
}

}  // namespace perun
