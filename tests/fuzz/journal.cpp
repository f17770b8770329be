// SPDX-License-Identifier: BSD-3-Clause
// Journals as they stand, and once more with every checksum made right, so that what is behind the checksums is seen too.
#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "base/crc32c.hpp"
#include "fuzz/driver.hpp"
#include "fuzz/memory_file.hpp"
#include "journal/journal.hpp"

namespace perun::fuzz {

namespace {

using journal::magic;

std::string with_right_checksums(std::string bytes) {
  constexpr std::size_t before = 8, after = 4;  // length and type; checksum
  for (std::size_t at = magic.size(); at + before + after <= bytes.size();) {
    std::uint32_t length = 0;
    std::memcpy(&length, bytes.data() + at, sizeof length);
    length = static_cast<std::uint32_t>(std::min<std::size_t>(length, bytes.size() - at - before - after));
    std::memcpy(bytes.data() + at, &length, sizeof length);
    const std::uint32_t crc = crc32c(std::as_bytes(std::span(bytes).subspan(at, before + length)));
    std::memcpy(bytes.data() + at + before + length, &crc, sizeof crc);
    at += before + length + after;
  }
  return bytes;
}

void read(std::string_view bytes) {
  const MemoryFile file(bytes);
  const auto contents = journal::read(file.path());
  if (!contents) return check(!contents.error().what.empty(), "a refusal says why");
  check(contents->whole >= magic.size() && contents->whole <= bytes.size(), "what is whole lies in the file");
  for (const auto& node : contents->run.nodes) {
    check(node.series.size() == node.sensors.size(), "each sensor has its series");
    for (const Series& s : node.series)
      check(s.t_ns.size() == s.raw.size() && s.raw.size() == s.halfwidth_ns.size(), "the columns are equally long");
  }
  const MemoryFile whole(bytes.substr(0, contents->whole));
  const auto again = journal::read(whole.path());
  check(again && again->whole == contents->whole, "a torn tail changes nothing");
}

}  // namespace

void one_input(std::string_view input) {
  read(input);
  read(with_right_checksums(std::string(input)));
}

std::span<const std::string_view> dictionary() {
  static constexpr std::array<std::string_view, 16> words{magic,
                                                          std::string_view("\x02\0\0\0", 4),
                                                          std::string_view("\x18\0\0\0\x02\0\0\0", 8),
                                                          std::string_view("\xFF\xFF\xFF\xFF", 4),
                                                          std::string_view("\0\0\0\x80", 4),
                                                          "\"sensors\":",
                                                          "\"id\":",
                                                          "null",
                                                          "{}",
                                                          "[]",
                                                          "true",
                                                          "1e400",
                                                          "\"scale\":",
                                                          "\"nodes\":",
                                                          "\"kind\":",
                                                          "-1"};
  return words;
}

}  // namespace perun::fuzz
