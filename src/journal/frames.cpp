// SPDX-License-Identifier: BSD-3-Clause
#include "journal/frames.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "base/crc32c.hpp"
#include "journal/bytes.hpp"

namespace perun::journal {

namespace {

constexpr std::size_t sample_size = 4 + 4 + 8 + 8;  // sensor, half width, time, raw

}  // namespace

void append_frame(std::vector<std::byte>& out, FrameType type, std::span<const std::byte> payload) {
  const std::size_t start = out.size();
  put(out, static_cast<std::uint32_t>(payload.size()));
  put(out, static_cast<std::uint32_t>(type));
  out.insert(out.end(), payload.begin(), payload.end());
  put(out, crc32c(std::span(out).subspan(start)));
}

std::size_t parse_frame(std::span<const std::byte> bytes, Frame& frame) noexcept {
  if (bytes.size() < 12) return 0;
  const auto length = get<std::uint32_t>(bytes, 0);
  if (length > largest_payload || bytes.size() - 12 < length) return 0;
  if (crc32c(bytes.first(8 + length)) != get<std::uint32_t>(bytes, 8 + length)) return 0;
  frame = {static_cast<FrameType>(get<std::uint32_t>(bytes, 4)), bytes.subspan(8, length)};
  return 12 + std::size_t{length};
}

void append_samples(std::vector<std::byte>& out, std::span<const Sample> samples) {
  for (const Sample& s : samples) {
    put(out, s.sensor);
    put(out, s.reading.halfwidth_ns);
    put(out, s.reading.t_ns);
    put(out, s.reading.raw);
  }
}

bool parse_samples(std::span<const std::byte> payload, std::vector<Sample>& out) {
  if (payload.size() % sample_size != 0) return false;
  for (std::size_t at = 0; at < payload.size(); at += sample_size)
    out.push_back({get<std::uint32_t>(payload, at),
                   {.t_ns = get<std::int64_t>(payload, at + 8),
                    .raw = get<std::int64_t>(payload, at + 16),
                    .halfwidth_ns = get<std::int32_t>(payload, at + 4)}});
  return true;
}

std::optional<std::uint64_t> each_frame_of(const Fd& file, std::uint64_t from, std::uint64_t to,
                                           const std::function<void(const Frame&)>& take) {
  struct stat info {};
  const std::uint64_t there = ::fstat(file.get(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : gulp;
  std::unique_ptr<std::byte[]> buffer;  // as it comes: it is filled at once
  // One byte more than there is, so that a read that fills less has seen the end.
  const auto left = std::min(there, to) - std::min({there, to, from}) + 1;
  std::size_t size = 0, have = 0, wanted = static_cast<std::size_t>(std::clamp<std::uint64_t>(left, frame_overhead, gulp));
  for (;;) {
    // What is there of the next frame is at the front; the rest follows it.
    if (wanted > size) {
      auto larger = std::make_unique_for_overwrite<std::byte[]>(wanted);
      if (have > 0) std::memcpy(larger.get(), buffer.get(), have);
      buffer = std::move(larger);
      size = wanted;
    }
    while (have < wanted && from + have < to) {
      const auto room = static_cast<std::size_t>(std::min<std::uint64_t>(wanted - have, to - from - have));
      const ssize_t n = ::pread(file.get(), buffer.get() + have, room, static_cast<off_t>(from + have));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return std::nullopt;
      if (n == 0) break;
      have += static_cast<std::size_t>(n);
    }
    const std::span<const std::byte> bytes(buffer.get(), have);
    const std::size_t done = each_frame(bytes, take);
    from += done;
    have -= done;
    std::memmove(buffer.get(), buffer.get() + done, have);
    if (bytes.size() < wanted) return from;  // the end of the file
    const std::size_t length = have < 4 ? 0 : get<std::uint32_t>(bytes, 0);
    if (length > largest_payload || (have >= 4 && have >= length + frame_overhead)) return from;  // a damaged frame
    wanted = std::max(gulp, length + frame_overhead);
  }
}

}  // namespace perun::journal
