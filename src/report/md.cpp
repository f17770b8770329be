// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <string>

#include "base/text.hpp"
#include "report/facts.hpp"
#include "report/job_text.hpp"
#include "report/markdown.hpp"
#include "report/mpi.hpp"
#include "report/regions.hpp"
#include "report/tables.hpp"
#include "report/wording.hpp"
#include "report/writer.hpp"

namespace perun {

namespace {

using markdown::inline_text;

std::string list(const facts::Facts& all) {
  std::string out;
  for (const auto& [label, text] : all) {
    if (label.empty() && !out.empty())
      out.insert(out.size() - 1, ", " + inline_text(text));
    else
      out += fmt::format("- **{}** {}\n", label, inline_text(text));
  }
  return out;
}

std::string block(const std::string& text) {
  return text.empty() ? "" : "\n" + text;
}

std::string block(const tables::Block& shown) {
  if (!shown.table) return "";
  std::string out = "\n" + markdown::table(*shown.table);
  for (const auto& remark : shown.remarks) out += "\n" + inline_text(remark) + "\n";
  return out;
}

std::string domains(const RunSummary& run) {
  const auto parts = tables::domains(run);
  if (parts.empty()) return "";
  layout::Table table({{"Part", layout::Align::left}, {"Energy"}, {"Share"}});
  for (const auto& part : parts)
    table.add({part.name, wording::joules(part.energy.joules()) + std::string(wording::tag(part.energy.kind)),
               wording::percent(part.share)});
  return "\n" + markdown::table(table);
}

std::string headline(const Summary& summary, const RunSummary& run) {
  std::string out = "### " + inline_text(run.app.empty() ? summary.app : run.app);
  if (run.number >= 0) out += fmt::format(", run {}", run.number);
  if (run.origin.empty()) out += ": " + inline_text(job_text::ending(run));
  return out + "\n";
}

std::string write(const Summary& summary, const Style&) {
  std::string out;
  for (const RunSummary& run : summary.runs) {
    out += block(headline(summary, run)).substr(out.empty() ? 1 : 0);
    out += block(markdown::code(text::shell_quote(run.command))) + "\n";
    out += block(inline_text(facts::where_and_when(run)) + "\n");
    if (const auto called = facts::called(run); !called.empty()) out += block(inline_text(called) + "\n");
    if (!summary.file.empty())
      out += block(fmt::format("In {} ({} {})\n", markdown::code(summary.file), summary.runs_in_file,
                               summary.runs_in_file == 1 ? "run" : "runs"));
    out += block(list(facts::figures(run)));
    out += domains(run);
    for (const auto& shown :
         {tables::nodes(run), tables::devices(run), tables::regions(run), tables::ranks(run), tables::mpi(run)})
      out += block(shown);
    out += block(list(facts::remarks(run)));
  }
  return out + block(list(facts::total(summary)));
}

}  // namespace

extern const ReportWriter md_writer{"md", "Markdown, as GitHub and GitLab show it", &write};

}  // namespace perun
