// SPDX-License-Identifier: BSD-3-Clause
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <set>

#include "base/fd.hpp"
#include "base/text.hpp"
#include "cli/commands.hpp"
#include "cli/recovery.hpp"
#include "cli/run_names.hpp"
#include "cli/terminal.hpp"
#include "report/compare_report.hpp"

namespace perun {

namespace fs = std::filesystem;

namespace {

constexpr int gate_failed = 3, gate_undecided = 4;

constexpr std::array<std::string_view, 4> formats{"txt", "json", "md", "html"};

int fail(const Error& error, int status = 1) {
  complain(error);
  return status;
}

/// By the file's suffix, else --format, else txt. Errors: invalid.
Result<std::string> format_for(const CommandLine& line, const std::string& file) {
  auto suffix = fs::path(file).extension().string();
  if (!suffix.empty()) suffix.erase(0, 1);
  if (std::ranges::find(formats, suffix) != formats.end()) return suffix;
  auto name = line.format.value_or(suffix.empty() ? "txt" : suffix);
  if (std::ranges::find(formats, name) != formats.end()) return name;
  return Error{Errc::invalid,
               fmt::format("'{}' is not a format of compare{}", text::to_utf8(name), text::did_you_mean(name, formats)),
               "there are txt, json, md and html"};
}

Result<std::string> written(const CompareReport& report, std::string_view format, const Style& style, bool quiet) {
  if (format == "json") return compare_document(report).dump(2) + "\n";
  if (format == "md") return compare_markdown(report);
  if (format == "html") return compare_html(report);
  return quiet ? compare_lines(report) : compare_text(report, style);
}

Status write_out(const CompareReport& report, const CommandLine& line, const Config& config, const std::string& name) {
  const auto format = format_for(line, name);
  if (!format) return format.error();
  const bool to_stdout = name.empty() || name == "-";
  const auto text = written(report, *format, style_for(to_stdout ? STDOUT_FILENO : -1, config), line.quiet);
  if (!text) return text.error();  // before a file that was there is emptied
  const Fd file(to_stdout ? ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
                          : ::open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!file || (!write_text(file.get(), *text) && errno != EPIPE))
    return Error{Errc::io, fmt::format("cannot write {}: {}", to_stdout ? "the comparison" : name, std::strerror(errno)),
                 "choose another place with -o"};
  return Ok{};
}

Result<std::vector<Side>> sides_of(const CommandLine& line, const Config& config) {
  std::set<fs::path> folders;
  for (const auto& word : line.words) {
    const auto file = file_of(word, config.data_out);
    if (!file) return file.error();
    const auto folder = file->has_parent_path() ? file->parent_path() : fs::path(".");
    if (!folders.insert(folder).second) continue;
    for (const auto& recovered : recover(folder, config)) say(recovered);
  }
  std::vector<Side> sides;
  for (const auto& word : line.words) {
    auto side = side_of(word, config.data_out);
    if (!side) return side.error();
    sides.push_back(*std::move(side));
  }
  return sides;
}

/// What the gates come to.
int status_of(const CompareReport& report, const CommandLine& line) {
  int status = 0;
  for (const auto& [condition, other, judgement] : report.gates) {
    if (judgement.gate == Gate::passed) continue;
    const bool failed = judgement.gate == Gate::failed;
    say(fmt::format("--fail-if '{}' {}: {}", condition.text, failed ? "is met" : "cannot be decided", judgement.reason));
    if (failed)
      status = gate_failed;
    else if (status == 0 && !line.allow_missing)
      status = gate_undecided;
  }
  return status;
}

}  // namespace

int compare(const CommandLine& line, const Resolved& resolved) {
  std::vector<Condition> conditions;
  for (const auto& text : line.fail_if) {
    auto condition = parse_condition(text);
    if (!condition) return fail({Errc::invalid, "--fail-if: " + condition.error().what, condition.error().hint}, 2);
    conditions.push_back(*std::move(condition));
  }
  for (const auto& name : line.outputs.empty() ? std::vector<std::string>{""} : line.outputs)
    if (const auto format = format_for(line, name); !format) return fail(format.error(), 2);
  auto sides = sides_of(line, resolved.config);
  if (!sides) return fail(sides.error());
  CompareReport report{.confidence = line.confidence, .sides = *std::move(sides), .comparisons = {}, .gates = {}};
  for (std::size_t i = 1; i < report.sides.size(); ++i) {
    Comparison& c = report.comparisons.emplace_back(compare(report.sides.front(), report.sides[i], line.confidence));
    c.other = i;
    for (const auto& condition : conditions) report.gates.push_back({condition, i, judge(condition, c)});
  }
  for (const auto& name : line.outputs.empty() ? std::vector<std::string>{""} : line.outputs)
    if (const auto done = write_out(report, line, resolved.config, name); !done) return fail(done.error());
  return status_of(report, line);
}

}  // namespace perun
