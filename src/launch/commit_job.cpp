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

namespace perun {

namespace {

constexpr double surely_abandoned_s = 60;
constexpr std::int64_t other_nodes_within_ns = 10'000'000'000;

/// Whether somebody has begun to store this run before; marks that it is begun now.
Presence begin_to_store(const std::filesystem::path& folder) {
  const auto mark = folder / "committing";
  const Fd made(::open(mark.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!made) return Presence::perhaps_there;
  static_cast<void>(::fsync(made.get()));
  return Presence::certainly_new;
}

/// Whether parts of the job lie where this machine does not see them.
bool rest_is_elsewhere(const std::filesystem::path& folder, const Run& run) {
  if (static_cast<int>(run.job->ranks.size()) >= run.job->size || !journal::on_this_machine_only(folder)) return false;
  const auto parts = journal::parts_of(folder);
  const auto first = journal::read(parts.front().path);
  return !first || !first->part || first->part->local_size != run.job->size;
}

Status nobody_writes(const std::filesystem::path& folder) {
  if (std::ranges::any_of(journal::parts_of(folder), journal::alive))
    return Error{Errc::busy, fmt::format("{} may still be written to", folder.string()), "try again in a minute"};
  return Ok{};
}

bool other_nodes_end(const std::filesystem::path& folder, int size) {
  const auto until = monotonic_ns() + other_nodes_within_ns;
  while (monotonic_ns() < until) {
    if (journal::ranks_ended(folder) >= size) return true;
    if (!journal::job_run_id(folder)) return false;  // somebody else has stored it
    ::usleep(50'000);
  }
  return true;
}

/// What the user must know when the other nodes' parts do not come to this folder; empty when they may.
std::string kept_apart(const JobTask& task, const std::filesystem::path& folder) {
  const bool elsewhere = task.place.local_size.value_or(task.place.size) < task.place.size;
  if (!elsewhere || !journal::on_this_machine_only(folder)) return "";
  const auto node = node_id_of(task.place, task.agent.host);
  if (std::ranges::any_of(journal::parts_of(folder), [&](const auto& part) { return part.node != node; })) return "";
  return fmt::format(
      "only this node sees its data_out, so its part of the job is kept in {}; perun merge joins the parts of all nodes",
      folder.string());
}

}  // namespace

Result<Stored> commit_job(const std::filesystem::path& folder, const StoreRun& store) {
  const auto lock = journal::lock_job(folder);
  if (!lock) return Error{Errc::busy, fmt::format("{} is in use", folder.string())};
  if (const auto quiet = nobody_writes(folder); !quiet) return quiet.error();
  const auto id = journal::job_run_id(folder);
  if (!id) return id.error();
  const std::array folders{folder};
  const auto run = journal::read_job(folders, *id);
  if (!run) {
    // One that is just being made has no ranks either.
    if (run.error().code == Errc::not_found && journal::age_s(folder / "run.json").value_or(0) > surely_abandoned_s)
      journal::discard_job(folder);
    return run.error();
  }
  if (rest_is_elsewhere(folder, *run))
    return Error{Errc::unsupported,
                 fmt::format("{} holds {} of the {} ranks of a job", folder.string(), run->job->ranks.size(), run->job->size),
                 "the other nodes have the others; perun merge joins them"};
  auto stored = store(*run, begin_to_store(folder));
  if (!stored) return stored;
  for (const RankRecord& r : run->job->ranks)
    if (r.status == RankStatus::lost || r.status == RankStatus::unfinished)
      forget_region_paths(region_paths(folder, *id, r.rank));
  journal::discard_job(folder);
  return stored;
}

Result<Stored> merge_job(std::span<const std::filesystem::path> folders, const StoreRun& store) {
  std::vector<Fd> locks;
  for (const auto& folder : folders) {
    auto lock = journal::lock_job(folder);
    if (!lock) return Error{Errc::busy, fmt::format("{} is in use", folder.string())};
    locks.push_back(*std::move(lock));
    if (const auto quiet = nobody_writes(folder); !quiet) return quiet.error();
  }
  const auto run = journal::read_job(folders);
  if (!run) return run.error();
  auto stored = store(*run, begin_to_store(folders.front()));
  if (stored)
    for (const auto& folder : folders) journal::discard_job(folder);
  return stored;
}

void conclude_job(const JobTask& task, const std::filesystem::path& folder, Channel& launcher, Patience patience) {
  const bool complete = journal::ranks_ended(folder) >= task.place.size;
  if (!complete) {
    const auto apart = kept_apart(task, folder);
    launcher.send({.type = Message::Type::bye, .text = apart});
    launcher.close();
    if (!apart.empty()) return;
    // Names of files may take their time to appear on other nodes; and some ranks may never come.
    if (patience == Patience::none || !other_nodes_end(folder, task.place.size)) return;
  }
  if (complete) launcher.send({.type = Message::Type::storing});
  const auto stored = commit_job(folder, task.agent.store);
  if (!complete) return;
  if (stored) {
    launcher.send_stored(*stored);
    return;
  }
  const bool others = stored.error().code == Errc::busy;
  launcher.send({.type = others ? Message::Type::bye : Message::Type::kept, .text = folder.string(), .error = stored.error()});
}

}  // namespace perun
