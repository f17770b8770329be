// SPDX-License-Identifier: BSD-3-Clause
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "journal/job_folder.hpp"
#include "journal/join.hpp"
#include "launch/job.hpp"
#include "launch/region_watch.hpp"
#include "launch/streams.hpp"

namespace perun {

namespace fs = std::filesystem;

namespace {

constexpr double surely_abandoned_s = 60;
constexpr std::int64_t other_nodes_within_ns = 10'000'000'000;

/// Whether somebody has begun to store this run before; marks that it is begun now.
Presence begin_to_store(const fs::path& folder) {
  const auto mark = folder / "committing";
  const Fd made(::open(mark.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!made) return Presence::perhaps_there;
  static_cast<void>(::fsync(made.get()));
  return Presence::certainly_new;
}

/// Whether parts of the job lie where this machine does not see them.
bool rest_is_elsewhere(std::span<const fs::path> folders, const Run& run) {
  if (static_cast<int>(run.job->ranks.size()) >= run.job->size || !journal::on_this_machine_only(folders.front())) return false;
  for (const auto& folder : folders)
    for (const auto& part : journal::parts_of(folder))
      if (const auto contents = journal::open(part.path); contents && contents->part)
        return contents->part->local_size != run.job->size;
  return true;
}

Status nobody_writes(const fs::path& folder) {
  if (std::ranges::any_of(journal::parts_of(folder), journal::alive))
    return Error{Errc::busy, fmt::format("{} may still be written to", folder.string()), "try again in a minute"};
  return Ok{};
}

bool other_nodes_end(const JobTask& task, const std::string& name) {
  const auto until = monotonic_ns() + other_nodes_within_ns;
  while (monotonic_ns() < until) {
    const auto folders = journal::folders_of_job(task.agent.data_out, task.agent.spool, name);
    if (folders.empty()) return false;  // somebody else has stored it
    if (journal::ranks_ended(folders) >= task.place.size) return true;
    ::usleep(50'000);
  }
  return true;
}

/// What the user must know when the other nodes' parts do not come to this folder; empty when they may.
std::string kept_apart(const JobTask& task, const fs::path& folder) {
  if (!journal::on_this_machine_only(folder)) return "";
  const bool spooled = folder.parent_path().parent_path() == task.agent.spool;
  if (spooled)
    return fmt::format("this node's part of the job is kept in {}; perun merge {} {} joins it with the others", folder.string(),
                       task.agent.data_out.string(), folder.string());
  if (task.place.local_size == task.place.size) return "";
  const auto node = node_id_of(task.place, task.agent.host);
  if (std::ranges::any_of(journal::parts_of(folder), [&](const auto& part) { return part.node != node; })) return "";
  if (!task.place.local_size)  // others of this node may come yet
    return fmt::format("{} of the {} ranks are kept in {}, which only this node sees; perun merge joins the parts of all nodes",
                       journal::ranks_ended(std::array{folder}), task.place.size, folder.string());
  return fmt::format(
      "only this node sees its data_out, so its part of the job is kept in {}; perun merge joins the parts of all nodes",
      folder.string());
}

/// The locks of all folders, in which nobody writes.
Result<std::vector<Fd>> lock_all(std::span<const fs::path> folders) {
  std::vector<Fd> locks;
  for (const auto& folder : folders) {
    auto lock = journal::lock_job(folder);
    if (!lock) return Error{Errc::busy, fmt::format("{} is in use", folder.string())};
    locks.push_back(*std::move(lock));
    if (const auto quiet = nobody_writes(folder); !quiet) return quiet.error();
  }
  return locks;
}

}  // namespace

std::string as_text(std::span<const fs::path> folders) {
  std::string text;
  for (const auto& folder : folders) text += folder.string() + '\0';
  return text;
}

std::vector<fs::path> folders_in(std::string_view text) {
  std::vector<fs::path> folders;
  for (std::size_t end = 0; (end = text.find('\0')) != std::string_view::npos; text.remove_prefix(end + 1))
    folders.emplace_back(text.substr(0, end));
  return folders;
}

Result<Stored> commit_job(std::span<const fs::path> folders, const StoreRun& store) {
  const auto locks = lock_all(folders);
  if (!locks) return locks.error();
  const fs::path& first = folders.front();
  const auto id = journal::job_run_id(first);
  if (!id) return id.error();
  const auto job = journal::open_job(folders, *id);
  if (!job) {
    // One that is just being made has no ranks either.
    if (job.error().code == Errc::not_found && journal::age_s(first / "run.json").value_or(0) > surely_abandoned_s)
      journal::discard_job(first);
    return job.error();
  }
  const Run& run = job->run;
  if (rest_is_elsewhere(folders, run))
    return Error{Errc::unsupported,
                 fmt::format("{} holds {} of the {} ranks of a job", first.string(), run.job->ranks.size(), run.job->size),
                 "the other nodes have the others; perun merge joins them"};
  auto stored = store(run, begin_to_store(first));
  if (!stored) return stored;
  for (const auto& folder : folders) {
    for (const RankRecord& r : run.job->ranks)
      if (r.status == RankStatus::lost || r.status == RankStatus::unfinished)
        forget_region_paths(region_paths(folder, *id, r.rank));
    journal::discard_job(folder);
  }
  return stored;
}

Result<Stored> merge_job(std::span<const fs::path> folders, const StoreRun& store) {
  const auto locks = lock_all(folders);
  if (!locks) return locks.error();
  const auto job = journal::open_job(folders);
  if (!job) return job.error();
  auto stored = store(job->run, begin_to_store(folders.front()));
  if (stored)
    for (const auto& folder : folders) journal::discard_job(folder);
  return stored;
}

void conclude_job(const JobTask& task, const fs::path& folder, Channel& launcher, Patience patience, Streams& streams) {
  const auto name = folder.filename().string();
  const auto all = [&] { return journal::folders_of_job(task.agent.data_out, task.agent.spool, name); };
  const bool complete = journal::ranks_ended(all()) >= task.place.size || streams.all_came();
  if (!complete) {
    const auto lacking = streams.lacking();
    const auto apart = lacking.empty() ? kept_apart(task, folder) : lacking;
    launcher.send({.type = Message::Type::bye, .text = apart});
    launcher.close();
    if (!apart.empty() && task.place.local_size) return;
    // Names of files may take their time to appear on other nodes; and some ranks may never come.
    if (patience == Patience::none || !other_nodes_end(task, name)) return;
  }
  const auto folders = all();
  if (folders.empty()) return;
  if (complete) launcher.send({.type = Message::Type::storing});
  const auto stored = commit_job(folders, task.agent.store);
  if (!complete) return;
  if (stored) {
    launcher.send_stored(*stored);
    return;
  }
  const bool others = stored.error().code == Errc::busy;
  launcher.send({.type = others ? Message::Type::bye : Message::Type::kept, .text = as_text(folders), .error = stored.error()});
}

}  // namespace perun
