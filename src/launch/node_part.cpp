// SPDX-License-Identifier: BSD-3-Clause
#include "launch/node_part.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace perun {

namespace {

std::string kept_in(const Error& why, const std::filesystem::path& spool) {
  return fmt::format("{}; this node's part of the job is kept in {}", why.what, spool.string());
}

bool is_in(const std::filesystem::path& folder, const std::filesystem::path& spool) {
  return folder.parent_path().parent_path() == spool;
}

}  // namespace

Result<journal::JobFolder> enter_somewhere(const JobTask& task, std::string& notice) {
  const auto& spool = task.agent.spool;
  auto folder = journal::enter_job(task.agent.data_out, task.place.key, task.place.manager_age_ns);
  if (folder || spool.empty()) return folder;
  auto spooled = journal::enter_job(spool, task.place.key, task.place.manager_age_ns);
  if (!spooled) return folder;
  notice = kept_in(folder.error(), spool);
  return spooled;
}

Result<journal::Writer> begin_part(const JobTask& task, const std::filesystem::path& folder, const Run& run,
                                   const journal::Part& part, std::string& notice) {
  const auto create = [&](const std::filesystem::path& in) {
    return journal::Writer::create_at(journal::part_path(in, part.node_id, part.segment), run, task.agent.data_out, &part);
  };
  const auto& spool = task.agent.spool;
  auto writer = create(folder);
  if (writer || spool.empty() || is_in(folder, spool)) return writer;
  const auto spooled = journal::enter_job(spool, folder.filename().string(), 0);
  if (!spooled) return writer;
  auto second = create(spooled->path);
  if (!second) return writer;
  notice = kept_in(writer.error(), spool);
  return second;
}

std::string go_to_spool(journal::Writer& part, const std::filesystem::path& spool) {
  const auto here = part.path().parent_path();
  if (spool.empty() || is_in(here, spool)) return "what fits is kept";
  const auto nor = [&](const Error& why) {
    return fmt::format("nor can this node's part of the job be kept in {} ({}); what fits is kept", spool.string(), why.what);
  };
  const auto folder = journal::enter_job(spool, here.filename().string(), 0);
  if (!folder) return nor(folder.error());
  if (const auto moved = part.move_as(folder->path / part.path().filename()); !moved) return nor(moved.error());
  return fmt::format("this node's part of the job is kept in {}", spool.string());
}

Past past_of(std::span<const std::filesystem::path> folders, const std::string& node) {
  Past past;
  for (const auto& folder : folders)
    for (const auto& file : journal::parts_of(folder)) {
      if (file.node != node) continue;
      past.segments = std::max(past.segments, file.segment + 1);
      past.counted += file.ended.value_or(0);
      const auto contents = journal::open(file.path);
      if (!contents) continue;  // killed before it had written anything
      for (const auto& r : contents->ranks)
        if (const auto [it, fresh] = past.ranks.try_emplace(r.rank, r); !fresh && r.status >= it->second.status) it->second = r;
    }
  return past;
}

}  // namespace perun
