// SPDX-License-Identifier: BSD-3-Clause
#include "journal/frames.hpp"

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

}  // namespace perun::journal
