// SPDX-License-Identifier: BSD-3-Clause
#include "report/page/columns.hpp"

#include <algorithm>
#include <bit>
#include <string_view>

#include "report/gzip.hpp"

namespace perun::page {

namespace {

std::string to_base64(std::string_view bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t three = 0;
    for (std::size_t k = 0; k < 3; ++k)
      three = three << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k) out += i + k <= bytes.size() ? digits[three >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

}  // namespace

Json Columns::add(std::span<const std::int64_t> numbers) {
  std::vector<std::uint64_t> steps;
  steps.reserve(numbers.size());
  std::uint64_t before = 0, all = 0;
  for (const std::int64_t number : numbers) {
    const std::uint64_t step = static_cast<std::uint64_t>(number) - before;
    steps.push_back(step << 1 ^ (0 - (step >> 63)));
    all |= steps.back();
    before = static_cast<std::uint64_t>(number);
  }
  const auto width = static_cast<std::size_t>((std::bit_width(all) + 7) / 8);
  Json place;
  place["at"] = bytes_.size();
  place["n"] = numbers.size();
  place["w"] = width;
  for (std::size_t plane = 0; plane < width; ++plane)
    for (const std::uint64_t step : steps) bytes_ += static_cast<char>(step >> (8 * plane) & 0xFF);
  return place;
}

Json Columns::add_times(std::span<const std::int64_t> numbers) {
  if (last_times_.empty() || !std::ranges::equal(last_times_, numbers)) {
    last_times_.assign(numbers.begin(), numbers.end());
    last_place_ = add(numbers);
  }
  return last_place_;
}

std::string Columns::base64() const {
  return bytes_.empty() ? "" : to_base64(gzip(bytes_));
}

}  // namespace perun::page
