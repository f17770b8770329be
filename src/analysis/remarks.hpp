// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "model/summary.hpp"

namespace perun {

/// Remarks collected node by node; what several nodes have in common is said once.
class Remarks {
 public:
  void add(Caveat caveat, std::string text, const std::string& host);

  /// By weight of the caveat; of one caveat at most four notes.
  [[nodiscard]] std::vector<Note> notes(std::size_t nodes) const;

 private:
  struct Remark {
    Caveat caveat;
    std::string text;
    std::vector<std::string> hosts;
  };
  static std::string where(const std::vector<std::string>& hosts, std::size_t nodes);

  std::vector<Remark> remarks_;
};

/// "a, b and c".
[[nodiscard]] std::string joined(const std::vector<std::string>& words);

}  // namespace perun
