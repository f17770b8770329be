// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "base/fd.hpp"
#include "fuzz/driver.hpp"

namespace perun::fuzz {

/// A file in memory, and the path that leads to it.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes) : file_(::memfd_create("fuzz", MFD_CLOEXEC)) {
    check(::pwrite(file_.get(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()), "memory is there");
  }
  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(file_.get()); }
  [[nodiscard]] int fd() const noexcept { return file_.get(); }
  [[nodiscard]] std::string contents() const {
    std::string all(static_cast<std::size_t>(::lseek(file_.get(), 0, SEEK_END)), '\0');
    check(::pread(file_.get(), all.data(), all.size(), 0) == static_cast<ssize_t>(all.size()), "memory can be read");
    return all;
  }

 private:
  Fd file_;
};

}  // namespace perun::fuzz
