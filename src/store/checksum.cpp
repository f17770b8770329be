// SPDX-License-Identifier: BSD-3-Clause
#include "store/checksum.hpp"

#include <bit>
#include <cstring>

#include "base/crc32c.hpp"
#include "store/layout.hpp"

namespace perun::h5 {

static_assert(std::endian::native == std::endian::little, "the values of a data file are little-endian");

namespace {

constexpr hssize_t most = 1 << 16;

}  // namespace

Status keep_checksums(const Dataset& dataset, std::span<const std::uint32_t> checksums) {
  const hsize_t count = checksums.size();
  const Space space(count == 1 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &count, nullptr));
  const Attribute attribute(
      H5Acreate2(dataset.get(), layout::attr::checksum, H5T_STD_U32LE, space.get(), H5P_DEFAULT, H5P_DEFAULT));
  if (!attribute || H5Awrite(attribute.get(), H5T_NATIVE_UINT32, checksums.data()) < 0)
    return failure(Errc::io, std::string("cannot write the attribute '") + layout::attr::checksum + "'");
  return Ok{};
}

std::vector<std::uint32_t> kept_checksums(const Dataset& dataset) {
  if (H5Aexists(dataset.get(), layout::attr::checksum) <= 0) return {};
  const Attribute attribute(H5Aopen(dataset.get(), layout::attr::checksum, H5P_DEFAULT));
  const Space space(attribute ? H5Aget_space(attribute.get()) : H5I_INVALID_HID);
  const Type type(attribute ? H5Aget_type(attribute.get()) : H5I_INVALID_HID);
  const hssize_t count = space ? H5Sget_simple_extent_npoints(space.get()) : -1;
  if (!type || H5Tget_class(type.get()) != H5T_INTEGER || count < 1 || count > most) return {};
  std::vector<std::uint32_t> checksums(static_cast<std::size_t>(count));
  if (H5Aread(attribute.get(), H5T_NATIVE_UINT32, checksums.data()) < 0) return {};
  return checksums;
}

Status check(std::span<const std::uint32_t> kept, std::size_t row, std::uint32_t found, const std::string& name) {
  if (row >= kept.size() || kept[row] == found) return Ok{};
  return Error{Errc::format, "cannot read the dataset '" + name + "': its checksum is wrong"};
}

template <class T>
std::uint32_t checksum(std::span<const T> values, std::uint32_t before) noexcept {
  return crc32c(std::as_bytes(values), before);
}
template std::uint32_t checksum(std::span<const std::int64_t>, std::uint32_t) noexcept;
template std::uint32_t checksum(std::span<const std::int32_t>, std::uint32_t) noexcept;
template std::uint32_t checksum(std::span<const double>, std::uint32_t) noexcept;

std::uint32_t checksum_of_texts(std::span<const std::string> texts) noexcept {
  std::uint32_t crc = 0;
  for (const auto& text : texts) crc = crc32c(std::as_bytes(std::span(text.c_str(), std::strlen(text.c_str()) + 1)), crc);
  return crc;
}

}  // namespace perun::h5
