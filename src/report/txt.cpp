// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <string>

#include "base/text.hpp"
#include "report/facts.hpp"
#include "report/job_text.hpp"
#include "report/layout.hpp"
#include "report/mpi.hpp"
#include "report/regions.hpp"
#include "report/tables.hpp"
#include "report/text_page.hpp"
#include "report/writer.hpp"

namespace perun {

namespace {

using layout::printable;

void headline(Page& page, const Summary& summary, const RunSummary& run) {
  std::string left = "perun: " + printable(run.app.empty() ? summary.app : run.app);
  if (!summary.file.empty()) {
    left += run.number < 0 ? "  in " : fmt::format("  run {} in ", run.number);
    left += printable(summary.file);
    left += fmt::format(" ({} {})", summary.runs_in_file, summary.runs_in_file == 1 ? "run" : "runs");
  }
  const std::string right = run.origin.empty() ? job_text::ending(run) : "";
  const std::size_t used = layout::columns(left) + 2 + right.size();
  if (used <= page.width()) {
    page.raw(left + std::string(page.width() - used + 2, ' ') + right + "\n");
    return;
  }
  const auto lines = layout::wrapped(left, page.width() - 2);
  for (std::size_t i = 0; i < lines.size(); ++i) page.raw((i == 0 ? "" : "  ") + lines[i] + "\n");
  page.raw("  " + right + "\n");
}

std::string write(const Summary& summary, const Style& style) {
  Page page(style.width);
  for (std::size_t i = 0; i < summary.runs.size(); ++i) {
    const RunSummary& run = summary.runs[i];
    if (i > 0) page.gap();
    headline(page, summary, run);
    page.paragraph(printable(text::shell_quote(run.command)), 3);
    page.paragraph(facts::where_and_when(run), 3);
    if (const auto text = facts::called(run); !text.empty()) page.paragraph(text, 3);
    page.gap();
    for (const auto& [label, text] : facts::figures(run)) page.field(label, text);
    page.block(tables::domain_bars(run, Page::widest));
    page.block(tables::nodes(run).text(Page::widest));
    page.block(tables::devices(run).text(Page::widest));
    page.block(tables::regions(run).text(Page::widest));
    page.block(tables::ranks(run).text(Page::widest));
    page.block(tables::mpi(run).text(Page::widest));
    page.gap();
    for (const auto& [label, text] : facts::remarks(run)) page.field(label, text);
  }
  for (const auto& [label, text] : facts::total(summary)) {
    page.gap();
    page.field(label, text);
  }
  return page.finished(style);
}

}  // namespace

extern const ReportWriter txt_writer{"txt", "plain text for people, at most 80 columns", &write};

}  // namespace perun
