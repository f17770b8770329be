// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/text.hpp"
#include "cli/commands.hpp"
#include "cli/recovery.hpp"

namespace perun {

namespace {

namespace fs = std::filesystem;
using Fate = Recovered::Fate;

std::string_view name(Fate fate) {
  switch (fate) {
    case Fate::stored:
      return "stored";
    case Fate::running:
      return "running";
    case Fate::elsewhere:
      return "elsewhere";
    case Fate::never_started:
      return "never_started";
    default:
      return "failed";
  }
}

std::string told(const Recovered& run) {
  const auto id = text::printable(run.id);
  switch (run.fate) {
    case Fate::stored:
      return fmt::format("{}: recovered as run {} of {}\n", id, run.stored->number, text::printable(run.file.string()));
    case Fate::running:
      return fmt::format("{}: still running\n", id);
    case Fate::elsewhere:
      return fmt::format("{}: written on another machine less than a minute ago; not touched\n", id);
    case Fate::never_started:
      return fmt::format("{}: its program was never started; removed\n", id);
    default:
      return fmt::format("{}: cannot be stored, and is kept in {}: {}\n", id, text::printable(run.journal.string()),
                         run.error->what);
  }
}

std::string as_json(const std::vector<fs::path>& folders, const std::vector<Recovered>& runs,
                    const std::vector<fs::path>& finished) {
  Json out{{"schema", "perun-recover/1"}, {"folders", Json::array()}, {"runs", Json::array()}, {"finished", Json::array()}};
  for (const auto& file : finished) out["finished"].push_back(text::to_utf8(file.string()));
  for (const auto& folder : folders) out["folders"].push_back(text::to_utf8(folder.string()));
  for (const auto& run : runs) {
    const bool stored = run.fate == Fate::stored;
    out["runs"].push_back({{"id", text::to_utf8(run.id)},
                           {"fate", name(run.fate)},
                           {"journal", text::to_utf8(run.journal.string())},
                           {"file", stored ? Json(text::to_utf8(run.file.string())) : Json(nullptr)},
                           {"number", stored ? Json(run.stored->number) : Json(nullptr)},
                           {"reason", run.error ? Json(text::to_utf8(run.error->what)) : Json(nullptr)}});
  }
  return out.dump(2) + "\n";
}

}  // namespace

int recover(const CommandLine& line, const Resolved& resolved) {
  const fs::path folder = line.file ? fs::path(*line.file) : resolved.config.data_out;
  std::error_code none;
  if (line.file && !fs::is_directory(folder, none)) {
    complain({Errc::not_found, fmt::format("'{}' is no directory", text::to_utf8(*line.file)),
              "name the directory of the data files"});
    return 1;
  }
  const fs::path spool = spool_of(resolved.config);
  const auto runs = recover_runs(folder, spool, line.file ? Homes::this_one : Homes::all);
  const auto finished = finish_commits(folder);
  std::vector<fs::path> folders{folder};
  if (!spool.empty()) folders.push_back(spool);
  std::string out;
  if (line.json) {
    out = as_json(folders, runs, finished);
  } else {
    for (const auto& run : runs) out += told(run);
    for (const auto& file : finished)
      out += fmt::format("{}: finished what a killed writer had begun\n", text::printable(file.string()));
    if (out.empty())
      out = fmt::format("nothing to recover in {}{}\n", text::printable(folder.string()),
                        spool.empty() ? "" : " and " + text::printable(spool.string()));
  }
  const bool failed = std::ranges::any_of(runs, [](const auto& run) { return run.fate == Fate::failed; });
  return print(out) && !failed ? 0 : 1;
}

}  // namespace perun
