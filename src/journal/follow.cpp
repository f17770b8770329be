// SPDX-License-Identifier: BSD-3-Clause
#include "journal/follow.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <array>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "journal/files.hpp"

namespace perun::journal {

namespace {

constexpr std::uint64_t to_the_end = std::numeric_limits<std::uint64_t>::max();

bool is_mark(FrameType type) noexcept {
  return type >= FrameType::mark_names && type <= FrameType::mark_losses;
}

}  // namespace

Result<Follower> Follower::open(const std::filesystem::path& path) {
  Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return failed(path, "open");
  // The first frame alone: what follows belongs to poll().
  std::optional<Result<Run>> run;
  std::array<std::byte, magic.size()> start{};
  std::array<std::uint32_t, 2> head{};
  const bool begun = ::pread(file.get(), start.data(), start.size(), 0) == static_cast<ssize_t>(start.size()) &&
                     std::string_view(reinterpret_cast<const char*>(start.data()), start.size()) == magic &&
                     ::pread(file.get(), head.data(), sizeof head, magic.size()) == static_cast<ssize_t>(sizeof head) &&
                     head[0] <= largest_payload;
  if (begun)
    static_cast<void>(each_frame_of(file, magic.size(), magic.size() + frame_overhead + head[0], [&](const Frame& frame) {
      const std::string_view text(reinterpret_cast<const char*>(frame.payload.data()), frame.payload.size());
      if (frame.type == FrameType::header) run = decode_header(text);
    }));
  if (!run) return Error{Errc::format, fmt::format("{} is not a perun journal, or holds no run", path.string())};
  if (!*run) return run->error();
  Contents contents;
  contents.run = *std::move(*run);
  return Follower(path, std::move(file), std::move(contents), magic.size() + frame_overhead + head[0]);
}

Status Follower::poll(const TakeSamples& samples, const TakeMarks& marks) {
  // Whether it was removed is asked first: what its writer wrote before that is then read.
  struct stat facts {};
  const bool known = ::fstat(file_.get(), &facts) == 0;
  removed_ = !known || facts.st_nlink == 0;
  if (known && static_cast<std::uint64_t>(facts.st_size) <= at_) return Ok{};
  std::vector<Sample> read;
  Marks& kept = contents_.run.nodes.front().marks;
  const std::size_t sensors = contents_.run.nodes.front().sensors.size();
  const auto done = each_frame_of(file_, at_, to_the_end, [&](const Frame& frame) {
    if (frame.type == FrameType::readings) {
      read.clear();
      if (!parse_samples(frame.payload, read)) return;
      std::erase_if(read, [&](const Sample& s) { return s.sensor >= sensors; });
      samples(read);
      return;
    }
    apply(frame, contents_);
    if (!is_mark(frame.type)) return;
    marks(kept);
    kept.timeline.clear();
    kept.holes.clear();
  });
  if (!done) return failed(path_, "read");
  at_ = *done;
  return Ok{};
}

bool Follower::over() const noexcept {
  return removed_ || contents_.ended || contents_.committing || contents_.run.outcome.finished;
}

}  // namespace perun::journal
