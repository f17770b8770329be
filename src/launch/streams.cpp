// SPDX-License-Identifier: BSD-3-Clause
#include "launch/streams.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "journal/job_folder.hpp"

namespace perun {

namespace fs = std::filesystem;

namespace {

constexpr const char* streamed_mark = "streamed";
constexpr std::int64_t ms = 1'000'000;
constexpr std::int64_t begin_after_ns = 500 * ms;
constexpr std::int64_t others_within_ns = 10'000 * ms;
constexpr std::int64_t never_ns = 400 * ms, quiet_ns = 2000 * ms;  // of nobody's having come, of silence since

bool several_nodes(const Place& place) {
  return place.shared() && (!place.local_size || *place.local_size < place.size);
}

bool has_foreign_part(const fs::path& folder, const std::string& node) {
  return std::ranges::any_of(journal::parts_of(folder), [&](const auto& part) { return part.node != node; });
}

/// Whether other nodes share the folder, so that there are parts of them which have not come by streams.
bool shared_with_others(const fs::path& folder, const std::string& node) {
  std::error_code none;
  return !fs::exists(folder / streamed_mark, none) && has_foreign_part(folder, node);
}

stream::Ticket ticket_for(const Place& place) {
  std::vector<std::string> words{place.key, std::to_string(::geteuid())};
  words.insert(words.end(), place.stream_words.begin(), place.stream_words.end());
  return stream::Ticket::of(place.rank0_hosts, words);
}

}  // namespace

Streams::Streams(const JobTask& task, fs::path folder)
    : task_(task),
      folder_(std::move(folder)),
      node_(node_id_of(task.place, task.agent.host)),
      possible_(several_nodes(task.place) && !task.place.rank0_hosts.empty() && journal::on_this_machine_only(folder_)) {}

Streams::~Streams() {
  // One that is still trying ends with this process.
  if (sender_ && !sender_->over()) static_cast<void>(sender_.release());
}

void Streams::look(const fs::path& part, bool has_rank_0, std::int64_t running_ns) {
  if (possible_ && !begun_ && running_ns >= begin_after_ns) begin(part, has_rank_0);
}

void Streams::begin(const fs::path& part, bool has_rank_0) {
  begun_ = true;
  const auto wanted = [folder = folder_, node = node_] { return !shared_with_others(folder, node); };
  if (!wanted()) return;
  const stream::Limits limits{.own_node = node_, .key = task_.place.key, .most_parts = 4 * task_.place.size};
  if (has_rank_0) static_cast<void>(Fd(::open((folder_ / streamed_mark).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666)));
  if (has_rank_0)
    receiver_ = std::make_unique<stream::Receiver>(ticket_for(task_.place), folder_, limits, wanted);
  else
    sender_ = std::make_unique<stream::Sender>(ticket_for(task_.place), part, part.filename().string(), wanted);
}

bool Streams::deliver(const fs::path& part, int ranks) {
  // The last part tells that the ranks have ended, upon which rank 0's node may store the run: it comes last.
  return sender_ && deliver_earlier(part) && sender_->finish(part, ranks);
}

/// Those of sampling processes that were killed.
bool Streams::deliver_earlier(const fs::path& part) const {
  return std::ranges::all_of(journal::parts_of(part.parent_path()), [&](const auto& other) {
    if (other.path == part || other.node != node_) return true;
    const auto name = journal::part_path(folder_, other.node, other.segment).filename().string();
    stream::Sender sender(ticket_for(task_.place), other.path, name, [] { return true; });
    return sender.finish(other.path, other.ended.value_or(0));
  });
}

bool Streams::all_came() {
  if (!receiver_) return false;
  const auto begin_ns = monotonic_ns();
  for (auto quiet_since_ns = begin_ns;; ::usleep(20'000)) {
    if (journal::ranks_ended(std::array{folder_}) >= task_.place.size) return true;
    const auto now_ns = monotonic_ns();
    const bool came = receiver_->ever() || has_foreign_part(folder_, node_);  // perhaps to one that was killed
    if (receiver_->sending() > 0) quiet_since_ns = now_ns;
    if (now_ns - begin_ns > others_within_ns || now_ns - quiet_since_ns > (came ? quiet_ns : never_ns)) return false;
  }
}

std::string Streams::lacking() const {
  if (!receiver_) return "";
  return fmt::format(
      "{} of the {} ranks have come to {}, and nothing more from the other nodes, which keep what is theirs; perun merge joins "
      "the parts of all nodes",
      journal::ranks_ended(std::array{folder_}), task_.place.size, folder_.string());
}

}  // namespace perun
