// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "base/text.hpp"
#include "base/units.hpp"
#include "report/job_text.hpp"
#include "report/layout.hpp"
#include "report/parts_text.hpp"
#include "report/phrases.hpp"
#include "report/regions.hpp"
#include "report/tables.hpp"
#include "report/wording.hpp"
#include "report/writer.hpp"

namespace perun {

namespace {

using layout::printable;

/// Lines of a report as they grow; never wider than 80 columns, and running text not wider than the screen.
class Page {
 public:
  explicit Page(const Style& style) : width_(static_cast<std::size_t>(std::clamp(style.width, 40, int{widest}))) {}

  static constexpr std::uint8_t widest = 80;  ///< tables take as much on any screen
  [[nodiscard]] std::size_t width() const noexcept { return width_; }

  /// "  Label     text", the text wrapped beside the label.
  void field(std::string_view label, std::string_view text) {
    hanging(fmt::format("  {:<10}", label), text, width_, std::string::npos);
  }

  /// Lines behind two spaces; what does not fit into `most` lines is left out.
  void paragraph(std::string_view text, std::size_t most) { hanging("  ", text, width_ - cut.size(), most); }

  /// A block with an empty line before it.
  void block(const std::string& text) {
    if (!text.empty()) text_ += "\n" + text;
  }
  void raw(std::string_view text) { text_ += text; }
  void gap() { text_ += '\n'; }
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  static constexpr std::string_view cut = " ...";

  void hanging(const std::string& front, std::string_view text, std::size_t width, std::size_t most) {
    const std::size_t indent = front.size();
    const auto lines = layout::wrapped(text, width - indent);
    for (std::size_t i = 0; i < std::min(lines.size(), most); ++i) {
      text_ += (i == 0 ? front : std::string(indent, ' ')) + lines[i];
      if (i + 1 == most && lines.size() > most) text_ += cut;
      text_ += '\n';
    }
  }

  std::size_t width_;
  std::string text_;
};

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

/// " at 1.58 (default)"
std::string at(double value, int digits, std::string_view unit, std::string_view source) {
  return fmt::format(" at {}{}{}", units::significant(value, digits), unit, source == "default" ? " (default)" : "");
}

/// Gross, baseline and net, in this order and never one without the others.
void net(Page& page, const RunSummary& run) {
  if (!run.net) return;
  const auto tag = wording::tag(run.usage.energy.kind);
  page.field("Baseline", fmt::format("{} +- {} ({})", wording::joules(run.net->baseline_J),
                                     units::si(run.net->baseline_uncertainty_J, "J", 2), phrases::baseline(run)));
  page.field("Net", fmt::format("{} +- {}{} = energy - baseline", wording::joules(run.net->net_J),
                                units::si(run.net->uncertainty_J, "J", 2), tag));
}

void figures(Page& page, const RunSummary& run) {
  const Amount& e = run.usage.energy;
  page.gap();
  if (const std::string text = job_text::ranks(run); !text.empty()) page.field("Ranks", text);
  if (const std::string text = job_text::scheduler(run); !text.empty()) page.field("Job", text);
  page.field("Runtime", phrases::runtime(run));
  if (e.kind == Kind::unavailable) {
    page.field("Energy", "n/a");
    return;
  }
  const auto tag = wording::tag(e.kind);
  const std::string error = e.kind == Kind::measured ? " +- " + units::si(e.uncertainty_J, "J", 2) : "";
  page.field("Energy", fmt::format("{}{} = {}{}", wording::joules(e.joules()), error, units::si(e.joules() / 3600, "Wh"), tag));
  if (e.kind == Kind::mixed) page.field("", phrases::split_energy(run));
  if (const std::string text = phrases::parts(run); !text.empty()) page.field("of", text);
  if (run.nodes.size() == 1) {
    if (const auto text = parts_text::inside(run.nodes.front()); !text.empty()) page.field("Inside", text);
    if (const auto text = parts_text::visible_gpus(run.nodes.front()); !text.empty()) page.field("GPUs", text);
  }
  net(page, run);
  if (run.attributed) page.field("Share", phrases::share(*run.attributed));
  page.field("Power", fmt::format("mean {}{}, peak {}{}", wording::watts(run.usage.power_mean_W), tag,
                                  wording::watts(run.usage.power_max_W), tag));
  if (run.footprint) {
    const Factors& f = run.factors;
    const Footprint& figure = *run.footprint;
    const double joules = e.joules() + run.overhead_J;
    const double part = joules > 0 ? e.uncertainty_J / joules : 0;
    const Kind kind = footprint_kind(e.kind, run.overhead_J);
    if (f.overhead_power_W > 0)
      page.field("Assumed", fmt::format("{} (estimated) at {} a node for parts without a sensor, not in the energy above",
                                        wording::joules(run.overhead_J), wording::watts(f.overhead_power_W)));
    const auto line = [&](const char* name, const auto& print, double value, const std::string& factor) {
      const std::string uncertain = kind == Kind::measured ? " +- " + print(part * value, 2) : "";
      page.field(name, fmt::format("{}{}{}{}", print(value, 4), uncertain, wording::tag(kind), factor));
    };
    line(
        "with PUE", [](double Wh, int digits) { return units::si(Wh, "Wh", digits); }, figure.facility_kWh * 1000,
        at(f.pue, 3, "", f.pue_source));
    line("CO2e", wording::co2e, figure.co2e_kg, at(f.emissions_kg_per_kWh * 1000, 3, " g/kWh", f.emissions_source));
    line("Cost", wording::cost, figure.cost_cent, at(f.price_cent_per_kWh, 4, " ct/kWh", f.price_source));
  }
  page.field("Accuracy", phrases::accuracy(run));
}

void remarks(Page& page, const RunSummary& run) {
  page.gap();
  for (const WorkSummary& w : run.regions.work) page.field("Work", wording::work(w, run.usage.energy.kind));
  if (const std::string text = phrases::activity(run); !text.empty()) page.field("Activity", text);
  if (!run.nodes.empty() && run.origin.empty()) {
    page.field("Quality", phrases::quality(run));
    page.field("Overhead", phrases::overhead(run));
    if (const std::string text = job_text::clocks(run); !text.empty()) page.field("Clocks", text);
  }
  for (const Note& note : run.notes) page.field("Note", printable(note.text));
}

/// The headline of each run bold, the tag of what was not measured dim.
std::string coloured(const std::string& text) {
  std::string out;
  for (const auto line : text::split(text, '\n')) {
    std::string s(line);
    for (const std::string_view tag : {"(estimated)", "(partly estimated)"})
      for (std::size_t i = s.find(tag); i != std::string::npos; i = s.find(tag, i + tag.size() + 8))
        s.replace(i, tag.size(), "\x1b[2m" + std::string(tag) + "\x1b[0m");
    out += (line.starts_with("perun: ") ? "\x1b[1m" + s + "\x1b[0m" : s) + "\n";
  }
  out.pop_back();
  return out;
}

std::string write(const Summary& summary, const Style& style) {
  Page page(style);
  for (std::size_t i = 0; i < summary.runs.size(); ++i) {
    const RunSummary& run = summary.runs[i];
    if (i > 0) page.gap();
    headline(page, summary, run);
    page.paragraph(printable(text::shell_quote(run.command)), 3);
    page.paragraph(phrases::where_and_when(run), 3);
    if (const auto text = phrases::called(run); !text.empty()) page.paragraph(text, 3);
    figures(page, run);
    page.block(tables::domains(run, Page::widest));
    page.block(tables::nodes(run, Page::widest));
    page.block(tables::devices(run, Page::widest));
    page.block(tables::regions(run, Page::widest));
    remarks(page, run);
  }
  if (const std::string text = phrases::total(summary); !text.empty()) {
    page.gap();
    page.field("All runs", text);
  }
  const std::string text = style.utf8 ? page.text() : layout::ascii(page.text());
  return style.color ? coloured(text) : text;
}

}  // namespace

extern const ReportWriter txt_writer{"txt", "plain text for people, at most 80 columns", &write};

}  // namespace perun
