// SPDX-License-Identifier: BSD-3-Clause
#include "cli/watched.hpp"

#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

#include "base/text.hpp"
#include "cli/running.hpp"

namespace perun {

namespace fs = std::filesystem;

namespace {

/// The parent of a process, 0 when it is gone.
pid_t parent_of(std::int64_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto behind_name = text.rfind(") ");  // "(name) S parent"
  if (behind_name == std::string::npos || behind_name + 4 >= text.size()) return 0;
  return static_cast<pid_t>(std::strtol(text.c_str() + behind_name + 4, nullptr, 10));
}

/// Whether the journal is written by the agent of this launcher.
bool belongs_to(const fs::path& journal, pid_t launcher) {
  auto follower = journal::Follower::open(journal);
  if (!follower) return false;
  if (!follower->poll([](std::span<const Sample>) {}, [](Marks&) {})) return false;
  return parent_of(follower->so_far().writer.owner.pid) == launcher;
}

/// The journals of one run, whichever they are by now.
live::Watch::Find journals_of(fs::path data_out, Config config, std::string id) {
  return [data_out = std::move(data_out), config = std::move(config), id = std::move(id)] {
    for (auto& run : runs_in_progress(data_out, config))
      if (run.id == id) return std::move(run.journals);
    return std::vector<fs::path>{};
  };
}

Result<RunInProgress> choose(const fs::path& data_out, const Config& config, const std::string& which) {
  auto runs = runs_in_progress(data_out, config);
  const auto where = text::printable(data_out.string());
  if (runs.empty())
    return Error{Errc::not_found, fmt::format("no run is in progress in {}", where),
                 "name the folder of its data with --data_out"};
  if (which.empty()) return *std::ranges::max_element(runs, {}, &RunInProgress::id);  // ids begin with the time
  std::erase_if(runs, [&](const RunInProgress& run) { return !run.id.starts_with(which); });
  if (runs.size() == 1) return runs.front();
  return Error{runs.empty() ? Errc::not_found : Errc::invalid,
               fmt::format("{} run in progress in {} has an id that begins with '{}'", runs.empty() ? "no" : "more than one",
                           where, text::printable(which)),
               "perun report --running lists them"};
}

}  // namespace

live::Watch::Find journals_of_launcher(fs::path data_out, Config config, pid_t pid) {
  return [data_out = std::move(data_out), config = std::move(config), pid, found = std::vector<fs::path>{}]() mutable {
    if (!found.empty()) return found;
    for (const auto& run : runs_in_progress(data_out, config))
      if (run.journals.size() == 1 && belongs_to(run.journals.front(), pid)) found = run.journals;
    return found;
  };
}

void Watched::RemoveFolder::operator()(const fs::path* folder) const noexcept {
  std::error_code none;
  fs::remove_all(*folder, none);
  delete folder;
}

Watched::~Watched() {
  measuring_.reset();  // before the folder that it writes to
}

Result<Watched> Watched::start(const CommandLine& line, const Config& config, Measuring::Output output) {
  Watched out;
  out.data_out_ = config.data_out;
  if (line.running) {
    const auto run = choose(config.data_out, config, line.program.empty() ? "" : line.program.front());
    if (!run) return run.error();
    out.watch_ = std::make_unique<live::Watch>(journals_of(config.data_out, config, run->id));
    return out;
  }
  CommandLine own = line;
  std::vector<std::string> program = line.program;
  fs::path data_out = config.data_out;
  if (program.empty()) {
    std::error_code none;
    std::string folder = (fs::temp_directory_path(none) / "perun-live-XXXXXX").string();
    if (::mkdtemp(folder.data()) == nullptr)
      return Error{Errc::io, fmt::format("cannot make a folder below the temporary one: {}", std::strerror(errno)),
                   "name a writable one in TMPDIR"};
    data_out = out.data_out_ = folder;
    out.scratch_.reset(new fs::path(data_out));
    for (const auto& [key, text] :
         {std::pair<std::string, std::string>{"data_out", folder}, {"spool", "none"}, {"name", "host"}})
      own.settings.push_back({key, text, Layer::command_line, ""});
    program = {"sleep", "infinity"};
  }
  auto words = monitor_words(own);
  words.insert(words.end(), program.begin(), program.end());
  auto measuring = Measuring::start(words, output);
  if (!measuring) return measuring.error();
  out.measuring_.emplace(*std::move(measuring));
  Config around = config;
  if (out.scratch_) around.spool = "none";
  out.watch_ = std::make_unique<live::Watch>(journals_of_launcher(data_out, std::move(around), out.measuring_->pid()));
  return out;
}

}  // namespace perun
