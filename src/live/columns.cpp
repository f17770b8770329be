// SPDX-License-Identifier: BSD-3-Clause
#include "live/columns.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "report/layout.hpp"
#include "report/wording.hpp"

namespace perun::live {

namespace {

constexpr std::size_t most_name = 24, between = 2;

std::string padded(std::string_view cell, std::size_t width, bool left) {
  const std::size_t have = layout::columns(cell);
  const std::string blank(width - std::min(width, have), ' ');
  return left ? std::string(cell) + blank : blank + std::string(cell);
}

}  // namespace

void Columns::row(std::initializer_list<std::string> cells, Kind kind, std::string remark) {
  if (remark.empty()) remark = wording::tag(kind);
  if (!remark.empty() && remark[0] == ' ') remark.erase(0, 1);
  rows_.push_back({cells, std::move(remark)});
}

std::vector<std::pair<std::string, bool>> Columns::lines(std::size_t most) const {
  std::vector<std::pair<std::string, bool>> out;
  if (rows_.size() < 2 || most < 2) return out;
  std::vector<std::size_t> widths(rows_.front().cells.size(), 0);
  std::size_t remark = 0;
  for (const Row& row : rows_) {
    for (std::size_t i = 0; i < row.cells.size(); ++i) widths[i] = std::max(widths[i], layout::columns(row.cells[i]));
    remark = std::max(remark, row.remark.size());
  }
  widths[0] = std::min(widths[0], most_name);
  // A column without any value needs no room; the remark keeps its own before the last columns do.
  std::vector<bool> shown(widths.size(), true);
  for (std::size_t i = 1; i < widths.size(); ++i)
    shown[i] = std::ranges::any_of(rows_.begin() + 1, rows_.end(), [&](const Row& row) { return !row.cells[i].empty(); });
  const auto width = [&] {
    std::size_t sum = remark > 0 ? between + remark : 0;
    for (std::size_t i = 0; i < widths.size(); ++i) sum += shown[i] ? widths[i] + (i > 0 ? between : 0) : 0;
    return sum;
  };
  for (std::size_t i = widths.size(); i-- > 2 && width() > width_;) shown[i] = false;
  const std::size_t rows = std::min(rows_.size(), most), hidden = rows_.size() - rows;
  for (std::size_t r = 0; r < rows; ++r) {
    if (hidden > 0 && r + 1 == rows) {
      out.emplace_back(fmt::format("and {} more", hidden + 1), false);
      break;
    }
    std::string line;
    for (std::size_t i = 0; i < widths.size(); ++i)
      if (shown[i])
        line += (i > 0 ? "  " : "") +
                padded(i == 0 ? layout::clipped(rows_[r].cells[i], widths[i]) : rows_[r].cells[i], widths[i], i == 0);
    if (!rows_[r].remark.empty()) line += "  " + rows_[r].remark;
    while (line.ends_with(' ')) line.pop_back();
    out.emplace_back(std::move(line), r == 0);
  }
  return out;
}

std::vector<std::size_t> share_room(const std::vector<std::size_t>& wanted, std::size_t room) {
  std::vector<std::size_t> order(wanted.size()), out(wanted.size(), 0);
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return wanted[i]; });
  std::size_t tables = order.size();
  for (const std::size_t i : order) {
    out[i] = std::min(wanted[i], room / tables--);
    if (out[i] < 2) out[i] = 0;
    room -= out[i];
  }
  return out;
}

}  // namespace perun::live
