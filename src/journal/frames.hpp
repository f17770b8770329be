// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/fd.hpp"
#include "model/run.hpp"

namespace perun::journal {

/// The journal's bytes, version 1 (docs/format.md, "Journal"). Little-endian throughout.
inline constexpr std::string_view magic = "PERUNJ1\n";
inline constexpr std::uint32_t largest_payload = 64U << 20;

/// What a frame holds. Numbers are never reused; readers skip the ones they do not know.
enum class FrameType : std::uint32_t {
  header = 1,      ///< JSON: the run and the node, sensors included
  readings = 2,    ///< readings of consecutive sensors
  clock = 3,       ///< one pair of clocks: int64 mono_ns, int64 real_ns
  begin = 4,       ///< the program was let go: pair of clocks
  outcome = 5,     ///< JSON: how the program ended, with its pair of clocks
  quality = 6,     ///< JSON: how the sampling went
  end = 7,         ///< nothing follows but `committing`
  committing = 8,  ///< the run is being added to a data file and may be there already
  writer = 9,      ///< JSON: the process that writes here, and the data folder that the run belongs to
  /// JSON: what else shaped the run
  provenance = 12,
  joined = 13,  ///< JSON: sensors that came later, which of all are in the total now, what else their source tells
  // What programs marked (journal/marks.hpp):
  mark_names = 16,
  mark_threads = 17,
  marks = 18,
  mark_holes = 19,
  mark_sums = 20,
  mark_losses = 21,
  part = 32,  ///< JSON: which part of which job this is
  rank = 33,  ///< JSON: what became of one process of the job
};

/// Appends one whole frame to `out`: length, type, payload, CRC-32C over all three.
void append_frame(std::vector<std::byte>& out, FrameType type, std::span<const std::byte> payload);

struct Frame {
  FrameType type;
  std::span<const std::byte> payload;
};

/// Walks the whole frames at the start of `bytes` (without the magic) and calls take(Frame) for each; returns how
/// many bytes were whole. A torn or damaged frame ends the walk.
template <class F>
std::size_t each_frame(std::span<const std::byte> bytes, F&& take);

using perun::Sample;

/// Payload of a `readings` frame: any mixture of sensors.
void append_samples(std::vector<std::byte>& out, std::span<const Sample> samples);
[[nodiscard]] bool parse_samples(std::span<const std::byte> payload, std::vector<Sample>& out);

/// The first whole frame, or an empty payload with size 0 when there is none. Used by each_frame.
[[nodiscard]] std::size_t parse_frame(std::span<const std::byte> bytes, Frame& frame) noexcept;

/// Walks the whole frames of an open file between two of its bytes, without holding more than one frame or `gulp` of it;
/// returns where the last whole one ends, or nothing on an I/O error (errno).
[[nodiscard]] std::optional<std::uint64_t> each_frame_of(const Fd& file, std::uint64_t from, std::uint64_t to,
                                                         const std::function<void(const Frame&)>& take);
inline constexpr std::size_t gulp = 1 << 20;
inline constexpr std::size_t frame_overhead = 12;  ///< length, type, checksum

template <class F>
std::size_t each_frame(std::span<const std::byte> bytes, F&& take) {
  std::size_t done = 0;
  Frame frame{};
  while (const std::size_t n = parse_frame(bytes.subspan(done), frame)) {
    take(frame);
    done += n;
  }
  return done;
}

}  // namespace perun::journal
