// SPDX-License-Identifier: BSD-3-Clause
// A marks file that the measured program writes into: an input is a row of changes, 16 bytes each, with looks in between.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <string>

#include "base/fd.hpp"
#include "fuzz/driver.hpp"
#include "regions/collector.hpp"
#include "regions/marks.h"

namespace perun::fuzz {

namespace {

/// The file as a program has it.
class Mapped {
 public:
  explicit Mapped(const std::string& path) : size_(std::filesystem::file_size(path)) {
    const Fd file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    void* const at = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    check(at != MAP_FAILED, "the file can be mapped");
    bytes_ = static_cast<unsigned char*>(at);
  }
  ~Mapped() { ::munmap(bytes_, size_); }
  Mapped(const Mapped&) = delete;
  Mapped& operator=(const Mapped&) = delete;

  void put(std::uint64_t at, std::uint64_t value, std::size_t size) {
    if (at + size <= size_) std::memcpy(bytes_ + at, &value, size);
  }

 private:
  std::size_t size_;
  unsigned char* bytes_ = nullptr;
};

/// Where a change goes: most of the file is rings, and what matters is at the beginnings.
std::uint64_t place(std::uint8_t part, std::uint64_t offset) {
  constexpr std::uint64_t blocks = 1445888;
  switch (part % 6) {
    case 0:
      return offset % 4096;
    case 1:
      return 4096 + offset % 262144;
    case 2:
      return 266240 + offset % 4096;
    case 3:
      return 397312 + offset % 65536;
    case 4:
      return blocks + part / 6 % 4 * sizeof(perun_block) + offset % 4096;
    default:
      return blocks + part / 6 % 4 * sizeof(perun_block) + offset % sizeof(perun_block);
  }
}

void look(const Marks& marks, Marks& all) {
  check(marks.holes.size() < 1'000'000 && marks.timeline.size() < 2'000'000, "what comes out is bounded");
  all.add(marks);
}

}  // namespace

void one_input(std::string_view input) {
  const std::string path = "/dev/shm/perun-fuzz-" + std::to_string(::getpid()) + ".marks";
  ::unlink(path.c_str());
  MarksCollector collector(1000);
  check(static_cast<bool>(collector.open(path, 0)), "the marks file can be made");
  Mapped file(path);
  file.put(offsetof(perun_marks_header, attached), 1, 4);
  file.put(offsetof(perun_marks_header, blocks_used), 4, 4);
  file.put(offsetof(perun_marks_header, ready), 0x01010101, 4);
  Marks all;
  std::int64_t now_ns = 1'000'000'000;
  for (std::size_t at = 0; at + 16 <= input.size(); at += 16) {
    std::uint32_t offset = 0;
    std::uint64_t value = 0;
    std::memcpy(&offset, input.data() + at + 2, sizeof offset);
    std::memcpy(&value, input.data() + at + 8, sizeof value);
    file.put(place(static_cast<std::uint8_t>(input[at]), offset), value, std::size_t{1} << (input[at + 1] & 3));
    if ((input[at + 1] & 0x30) == 0x30) look(collector.drain(now_ns += 50'000'000), all);
  }
  look(collector.drain(now_ns += 50'000'000), all);
  look(collector.finish(now_ns), all);
  check(!std::filesystem::exists(path), "the file is gone");
  for (const Mark& m : all.timeline) check(m.name < all.names.size(), "a mark has a name");
  for (const MarkSums& s : all.sums) check(s.name < all.names.size(), "a sum has a name");
}

std::span<const std::string_view> dictionary() {
  static constexpr std::array<std::string_view, 6> words{std::string_view("\x04\x33\0\0\0\0\0\0\x01\0\0\0\0\0\0\0", 16),
                                                         std::string_view("\x00\x33\0\0\0\0\0\0\xFF\xFF\xFF\xFF\0\0\0\0", 16),
                                                         std::string_view("\x04\x03\x10\0\0\0\0\0\xFF\xFF\xFF\xFF\0\0\0\0", 16),
                                                         std::string_view("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8),
                                                         std::string_view("\0\0\0\0\0\0\0\x80", 8),
                                                         std::string_view("\x01\0\0\0\0\0\0\0", 8)};
  return words;
}

}  // namespace perun::fuzz
