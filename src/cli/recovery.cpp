// SPDX-License-Identifier: BSD-3-Clause
#include "cli/recovery.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <string_view>

#include "cli/archive.hpp"
#include "journal/job_folder.hpp"
#include "journal/journal.hpp"
#include "launch/in_child.hpp"
#include "launch/job.hpp"
#include "store/store.hpp"

namespace perun {

namespace fs = std::filesystem;

namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

fs::path real_folder(const fs::path& path) {
  std::error_code failed;
  auto real = fs::weakly_canonical(path, failed);
  return failed ? path : real;
}

/// Stores the run of one journal below `home`.
Recovered recover_one(const journal::Found& found, const fs::path& home) {
  using Fate = Recovered::Fate;
  Recovered out{.fate = Fate::running, .journal = found.path, .id = found.path.parent_path().filename().string(), .file = {}};
  const auto standing =
      found.standing == journal::Standing::written ? journal::standing_after_kill(found.path) : found.standing;
  if (standing != journal::Standing::cut_off) {
    out.fate = standing == journal::Standing::written ? Fate::running : Fate::elsewhere;
    return out;
  }
  const auto store = [&](const Run& run, Presence presence) {
    out.file = data_file(home, run.app);
    return in_a_child(storing_into(home))(run, presence);  // the file may be damaged
  };
  auto stored = rescue(found.path, std::nullopt, store);
  std::error_code none;
  if (stored) {
    out.fate = Fate::stored;
    out.stored = *std::move(stored);
  } else if (stored.error().code == Errc::busy) {
    out.fate = Fate::running;
  } else if (stored.error().code == Errc::not_found && !fs::exists(found.path, none)) {
    out.fate = Fate::never_started;
  } else {
    out.fate = Fate::failed;
    out.error = stored.error();
  }
  return out;
}

/// Lines of what became of the jobs of which no part is written to any more.
void recover_jobs(const fs::path& data_out, const fs::path& spool, std::vector<std::string>& lines) {
  for (const auto& name : journal::names_of_jobs(data_out, spool)) {
    const auto folders = journal::folders_of_job(data_out, spool, name);
    if (folders.empty()) continue;  // somebody else was quicker
    const fs::path& folder = folders.front();
    const auto stored = commit_job(folders, in_a_child(storing_into(data_out)));
    if (stored)
      lines.push_back(fmt::format("recovered a job that had been cut off, as run {} ({})", stored->number, name));
    else if (stored.error().code == Errc::unsupported)
      lines.push_back(stored.error().what + ": " + stored.error().hint);
    else if (stored.error().code != Errc::busy && stored.error().code != Errc::not_found)
      lines.push_back(fmt::format("a job that was cut off is kept in {} and could not be stored: {}", folder.string(),
                                  stored.error().what));
  }
}

}  // namespace

fs::path state_folder() {
  std::string state = variable("XDG_STATE_HOME");
  if (state.empty() && !variable("HOME").empty()) state = variable("HOME") + "/.local/state";
  return state.empty() ? fs::path() : fs::path(state) / "perun";
}

fs::path spool_of(const Config& config) {
  if (config.spool == "none") return {};
  std::error_code none;
  return config.spool == "auto" ? state_folder() : fs::absolute(config.spool, none);
}

std::vector<Recovered> recover_runs(const fs::path& data_out, const fs::path& spool, Homes homes) {
  const fs::path here = real_folder(data_out), second = spool.empty() ? fs::path() : real_folder(spool);
  std::vector<Recovered> all;
  // The spool first: what is there for a run is newer than what could not be removed here.
  if (!second.empty() && second != here)
    for (const auto& found : journal::journals(second)) {
      const fs::path home = journal::home_of(found.path);
      if (homes == Homes::all || real_folder(home) == here) all.push_back(recover_one(found, home.empty() ? here : home));
    }
  for (const auto& found : journal::journals(here)) {
    const fs::path home = here == second ? journal::home_of(found.path) : here;
    all.push_back(recover_one(found, home.empty() ? here : home));
  }
  return all;
}

std::vector<fs::path> finish_commits(const fs::path& folder) {
  constexpr std::string_view suffix = ".commit";
  std::vector<fs::path> finished;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none)) {
    const auto name = entry.path().filename().string();
    if (name.size() < 2 + suffix.size() || name[0] != '.' || !name.ends_with(suffix)) continue;
    const fs::path file = folder / name.substr(1, name.size() - 1 - suffix.size());
    static_cast<void>(Store::open(file));  // which does it; a file that is none is told by who wants to read it
    if (!fs::exists(entry.path(), none)) finished.push_back(file);
  }
  return finished;
}

std::vector<std::string> recover(const fs::path& data_out, const Config& config) {
  std::vector<std::string> lines;
  for (const auto& run : recover_runs(data_out, spool_of(config), Homes::this_one)) {
    if (run.fate == Recovered::Fate::stored)
      lines.push_back(fmt::format("recovered a run that had been cut off, as run {} of {} ({})", run.stored->number,
                                  run.file.filename().string(), run.id));
    else if (run.fate == Recovered::Fate::failed)
      lines.push_back(fmt::format("a run that was cut off is kept in {} and could not be stored: {}", run.journal.string(),
                                  run.error->what));
  }
  recover_jobs(data_out, spool_of(config), lines);
  return lines;
}

}  // namespace perun
