// SPDX-License-Identifier: BSD-3-Clause
#include "store/datasets.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <new>
#include <type_traits>

#include "store/checksum.hpp"
#include "store/layout.hpp"
#include "store/transfer.hpp"

namespace perun::h5 {

namespace {

constexpr unsigned deflate_level = 1;
constexpr std::size_t conversion_bytes = 4096;
constexpr std::uint64_t best_deflate_ratio = 1032;  ///< zlib cannot do better
constexpr std::uint64_t slack_bytes = 1 << 20;      ///< a chunk that is not full

Error cannot_write(const std::string& name) {
  return failure(Errc::io, "cannot write the dataset '" + name + "'");
}
Error cannot_read(const std::string& name, const char* why) {
  return {Errc::format, "cannot read the dataset '" + name + "': " + why};
}

/// HDF5 would clear a conversion buffer of 1 MiB, which costs more than the rest of a short run.
Properties small_transfer() {
  Properties transfer(H5Pcreate(H5P_DATASET_XFER));
  H5Pset_buffer(transfer.get(), conversion_bytes, nullptr, nullptr);
  return transfer;
}

Properties chunked(std::span<const hsize_t> shape, std::uint64_t chunk_rows) {
  Properties list(H5Pcreate(H5P_DATASET_CREATE));
  std::array<hsize_t, 2> chunk{1, 1};
  chunk[shape.size() - 1] = std::min<hsize_t>(shape.back(), chunk_rows);
  H5Pset_chunk(list.get(), static_cast<int>(shape.size()), chunk.data());
  H5Pset_shuffle(list.get());
  H5Pset_deflate(list.get(), deflate_level);
  H5Pset_fletcher32(list.get());
  return list;
}

/// Whole chunks are written in their order: one is enough to remember, where HDF5 would keep 1 MiB of each dataset.
Properties one_chunk_held(std::uint64_t chunk_rows) {
  Properties access(H5Pcreate(H5P_DATASET_ACCESS));
  H5Pset_chunk_cache(access.get(), 1, chunk_rows * sizeof(std::int64_t), 1);
  return access;
}

Result<Dataset> make(hid_t group, const std::string& name, hid_t type, std::span<const hsize_t> shape,
                     std::uint64_t chunk_rows = layout::chunk_rows) {
  const Space space(H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr));
  // HDF5 copies every list but its own.
  const bool plain = shape.back() <= layout::plain_rows;
  const Properties list = plain ? Properties() : chunked(shape, chunk_rows);
  const Properties access = plain ? Properties() : one_chunk_held(chunk_rows);
  Dataset made(H5Dcreate2(group, name.c_str(), type, space.get(), H5P_DEFAULT, plain ? H5P_DEFAULT : list.get(),
                          plain ? H5P_DEFAULT : access.get()));
  if (!made) return cannot_write(name);
  return made;
}

/// Chunks have their own.
Result<Dataset> with_checksum(Dataset dataset, std::size_t rows, std::uint32_t crc) {
  if (rows > layout::plain_rows) return dataset;
  if (auto kept = keep_checksums(dataset, std::span(&crc, 1)); !kept) return kept.error();
  return dataset;
}

template <class T>
Result<Dataset> write_numbers(hid_t group, const std::string& name, hid_t stored, hid_t given, std::span<const T> rows) {
  const hsize_t shape[] = {rows.size()};
  auto made = make(group, name, stored, shape);
  if (made && !rows.empty() && !put_numbers(*made, given, H5S_ALL, H5S_ALL, rows.data())) return cannot_write(name);
  if (!made) return made;
  return with_checksum(*std::move(made), rows.size(), checksum(rows));
}

/// How a type is stored and given.
template <class T>
hid_t stored_type() noexcept;
template <>
hid_t stored_type<std::int64_t>() noexcept {
  return H5T_STD_I64LE;
}
template <>
hid_t stored_type<std::int32_t>() noexcept {
  return H5T_STD_I32LE;
}
template <>
hid_t stored_type<double>() noexcept {
  return H5T_IEEE_F64LE;
}
template <class T>
hid_t given_type() noexcept {
  return std::is_same_v<T, double> ? H5T_NATIVE_DOUBLE : sizeof(T) == 8 ? H5T_NATIVE_INT64 : H5T_NATIVE_INT32;
}

/// The place of a piece in memory and in the file.
struct Piece {
  Space memory, file;
  explicit operator bool() const noexcept { return memory && file; }
};
Piece piece_of(const Dataset& dataset, std::optional<std::uint64_t> member, std::uint64_t first, hsize_t count) {
  Piece piece{Space(H5Screate_simple(1, &count, nullptr)), Space(H5Dget_space(dataset.get()))};
  const std::array<hsize_t, 2> start{member.value_or(first), first}, counts{member ? 1 : count, count};
  if (piece && H5Sselect_hyperslab(piece.file.get(), H5S_SELECT_SET, start.data(), nullptr, counts.data(), nullptr) < 0)
    return {};
  return piece;
}

}  // namespace

Result<Dataset> write_rows(hid_t group, const std::string& name, std::span<const std::int64_t> rows) {
  return write_numbers(group, name, H5T_STD_I64LE, H5T_NATIVE_INT64, rows);
}

Result<Dataset> write_rows(hid_t group, const std::string& name, std::span<const double> rows) {
  return write_numbers(group, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, rows);
}

Result<Dataset> write_texts(const Types& types, hid_t group, const std::string& name, std::span<const std::string> rows) {
  std::vector<const char*> pointers(rows.size());
  std::transform(rows.begin(), rows.end(), pointers.begin(), [](const std::string& s) { return s.c_str(); });
  const hsize_t shape[] = {rows.size()};
  auto made = make(group, name, types.text.get(), shape);
  if (made && !put_texts(*made, types.text.get(), small_transfer().get(), pointers)) return cannot_write(name);
  // What is in chunks are the references to the texts, so that these need a checksum in any case.
  if (!made) return made;
  return with_checksum(*std::move(made), 0, checksum_of_texts(rows));
}

Status write_text(const Types& types, hid_t group, const char* name, const std::string& text) {
  const char* pointer = text.c_str();
  const Dataset made(H5Dcreate2(group, name, types.text.get(), types.scalar.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  if (!made || !put_texts(made, types.text.get(), small_transfer().get(), std::span(&pointer, 1))) return cannot_write(name);
  const std::uint32_t crc = checksum_of_texts(std::span(&text, 1));
  return keep_checksums(made, std::span(&crc, 1));
}

std::optional<std::string> read_text(hid_t group, const char* name) {
  if (H5Lexists(group, name, H5P_DEFAULT) <= 0) return std::nullopt;
  const Dataset dataset(H5Dopen2(group, name, H5P_DEFAULT));
  const Type type(dataset ? H5Dget_type(dataset.get()) : H5I_INVALID_HID);
  const Space space(dataset ? H5Dget_space(dataset.get()) : H5I_INVALID_HID);
  if (!type || !space || H5Tis_variable_str(type.get()) <= 0 || H5Sget_simple_extent_npoints(space.get()) != 1)
    return std::nullopt;
  char* read = nullptr;
  if (H5Dread(dataset.get(), type.get(), H5S_ALL, H5S_ALL, small_transfer().get(), &read) < 0 || read == nullptr)
    return std::nullopt;
  std::string text = read;
  H5free_memory(read);
  if (!check(kept_checksums(dataset), 0, checksum_of_texts(std::span(&text, 1)), name)) return std::nullopt;
  return text;
}

template <class T>
Result<Dataset> make_dataset(hid_t group, const std::string& name, std::optional<std::uint64_t> members, std::uint64_t rows,
                             std::uint64_t chunk_rows) {
  const std::array<hsize_t, 2> shape{members.value_or(0), rows};
  return make(group, name, stored_type<T>(), std::span(shape).subspan(members ? 0 : 1), chunk_rows);
}

template <class T>
Status write_piece(const Dataset& dataset, const std::string& name, std::optional<std::uint64_t> member, std::uint64_t first,
                   std::span<const T> values) {
  if (values.empty()) return Ok{};
  const Piece piece = piece_of(dataset, member, first, values.size());
  if (!piece || !put_numbers(dataset, given_type<T>(), piece.memory.get(), piece.file.get(), values.data()))
    return cannot_write(name);
  return Ok{};
}

template <class T>
Status read_piece(const Dataset& dataset, const std::string& name, std::optional<std::uint64_t> member, std::uint64_t first,
                  std::span<T> values) {
  if (values.empty()) return Ok{};
  const Piece piece = piece_of(dataset, member, first, values.size());
  if (!piece || H5Dread(dataset.get(), given_type<T>(), piece.memory.get(), piece.file.get(), H5P_DEFAULT, values.data()) < 0)
    return failure(Errc::format, "cannot read the dataset '" + name + "'");
  return Ok{};
}

template Result<Dataset> make_dataset<std::int64_t>(hid_t, const std::string&, std::optional<std::uint64_t>, std::uint64_t,
                                                    std::uint64_t);
template Result<Dataset> make_dataset<std::int32_t>(hid_t, const std::string&, std::optional<std::uint64_t>, std::uint64_t,
                                                    std::uint64_t);
template Result<Dataset> make_dataset<double>(hid_t, const std::string&, std::optional<std::uint64_t>, std::uint64_t,
                                              std::uint64_t);
template Status write_piece(const Dataset&, const std::string&, std::optional<std::uint64_t>, std::uint64_t,
                            std::span<const std::int64_t>);
template Status write_piece(const Dataset&, const std::string&, std::optional<std::uint64_t>, std::uint64_t,
                            std::span<const std::int32_t>);
template Status write_piece(const Dataset&, const std::string&, std::optional<std::uint64_t>, std::uint64_t,
                            std::span<const double>);
template Status read_piece(const Dataset&, const std::string&, std::optional<std::uint64_t>, std::uint64_t,
                           std::span<std::int64_t>);
template Status read_piece(const Dataset&, const std::string&, std::optional<std::uint64_t>, std::uint64_t,
                           std::span<std::int32_t>);

namespace {

Status shape_of(const Dataset& dataset, const std::string& name, H5T_class_t wanted, std::span<std::uint64_t> shape) {
  const Type type(H5Dget_type(dataset.get()));
  const Space space(H5Dget_space(dataset.get()));
  if (!type || !space) return cannot_read(name, "no type or shape");
  if (H5Tget_class(type.get()) != wanted)
    return cannot_read(name, wanted == H5T_INTEGER ? "not of integers" : "not of numbers");
  std::array<hsize_t, H5S_MAX_RANK> found{};
  if (H5Sget_simple_extent_ndims(space.get()) != static_cast<int>(shape.size()) ||
      H5Sget_simple_extent_dims(space.get(), found.data(), nullptr) < 0)
    return cannot_read(name, "unexpected number of dimensions");
  const std::uint64_t largest = H5Dget_storage_size(dataset.get()) * best_deflate_ratio + slack_bytes;
  std::uint64_t values = 1;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    shape[i] = found[i];
    if (__builtin_mul_overflow(values, shape[i], &values)) return cannot_read(name, "implausible size");
  }
  if (values > largest / H5Tget_size(type.get())) return cannot_read(name, "implausible size");
  return Ok{};
}

template <class T>
Result<std::vector<T>> read_line(hid_t group, const std::string& name, H5T_class_t kind, hid_t wanted) try {
  const auto dataset = open_dataset(group, name);
  if (!dataset) return dataset.error();
  std::array<std::uint64_t, 1> shape{};
  if (auto found = shape_of(*dataset, name, kind, shape); !found) return found.error();
  std::vector<T> rows(shape[0]);
  if (!rows.empty() && H5Dread(dataset->get(), wanted, H5S_ALL, H5S_ALL, H5P_DEFAULT, rows.data()) < 0)
    return failure(Errc::format, "cannot read the dataset '" + name + "'");
  if (auto same = check(kept_checksums(*dataset), 0, checksum(std::span<const T>(rows)), name); !same) return same.error();
  return rows;
} catch (const std::bad_alloc&) {
  return cannot_read(name, "not enough memory");
}

}  // namespace

Status integer_shape(const Dataset& dataset, const std::string& name, std::span<std::uint64_t> shape) {
  return shape_of(dataset, name, H5T_INTEGER, shape);
}

Result<Dataset> open_dataset(hid_t group, const std::string& name) {
  Dataset dataset(H5Dopen2(group, name.c_str(), H5P_DEFAULT));
  if (!dataset) return failure(Errc::format, "cannot read the dataset '" + name + "'");
  return dataset;
}

Result<std::vector<std::int64_t>> read_rows(hid_t group, const std::string& name) {
  return read_line<std::int64_t>(group, name, H5T_INTEGER, H5T_NATIVE_INT64);
}

Result<std::vector<double>> read_numbers(hid_t group, const std::string& name) {
  return read_line<double>(group, name, H5T_FLOAT, H5T_NATIVE_DOUBLE);
}

Result<std::vector<std::string>> read_texts(hid_t group, const std::string& name) try {
  const auto dataset = open_dataset(group, name);
  if (!dataset) return dataset.error();
  std::array<std::uint64_t, 1> shape{};
  if (auto found = shape_of(*dataset, name, H5T_STRING, shape); !found) return found.error();
  const Space space(H5Dget_space(dataset->get()));
  const Type stored(H5Dget_type(dataset->get()));
  if (H5Tis_variable_str(stored.get()) <= 0) return cannot_read(name, "of another type");
  const Type type(H5Tcopy(H5T_C_S1));
  H5Tset_size(type.get(), H5T_VARIABLE);
  H5Tset_cset(type.get(), H5Tget_cset(stored.get()));
  std::vector<char*> pointers(shape[0]);
  if (!pointers.empty() && H5Dread(dataset->get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()) < 0)
    return failure(Errc::format, "cannot read the dataset '" + name + "'");
  std::vector<std::string> texts;
  texts.reserve(pointers.size());
  for (const char* text : pointers) texts.emplace_back(text == nullptr ? "" : text);
  H5Dvlen_reclaim(type.get(), space.get(), H5P_DEFAULT, pointers.data());
  if (auto same = check(kept_checksums(*dataset), 0, checksum_of_texts(texts), name); !same) return same.error();
  return texts;
} catch (const std::bad_alloc&) {
  return cannot_read(name, "not enough memory");
}

Result<std::size_t> Scales::add(const Types& types, const Dataset& dataset, const std::string& name) {
  AttributeWriter attributes(types, dataset.get());
  attributes.field("CLASS", "DIMENSION_SCALE", sizeof "DIMENSION_SCALE").field("NAME", name, name.size() + 1);
  if (auto written = attributes.status(); !written) return written.error();
  Scale scale{dataset.get(), 0, {}};
  if (H5Rcreate(&scale.reference, dataset.get(), ".", H5R_OBJECT, -1) < 0) return cannot_write(name);
  all_.push_back(std::move(scale));
  return all_.size() - 1;
}

Status Scales::attach(const Dataset& dataset, std::span<const std::size_t> scales) {
  hobj_ref_t own = 0;
  if (H5Rcreate(&own, dataset.get(), ".", H5R_OBJECT, -1) < 0) return cannot_write("DIMENSION_LIST");
  std::vector<hvl_t> lists;
  for (std::size_t i = 0; i < scales.size(); ++i) {
    auto& scale = all_[scales[i]];
    scale.users.push_back({own, static_cast<std::int32_t>(i)});
    lists.push_back({1, &scale.reference});
  }
  const hsize_t rank = lists.size();
  const Space space(H5Screate_simple(1, &rank, nullptr));
  const Type type(H5Tvlen_create(H5T_STD_REF_OBJ));
  const Attribute attribute(H5Acreate2(dataset.get(), "DIMENSION_LIST", type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT));
  if (!attribute || H5Awrite(attribute.get(), type.get(), lists.data()) < 0) return cannot_write("DIMENSION_LIST");
  return Ok{};
}

Status Scales::finish() const {
  constexpr std::size_t most = 4000;  // an attribute holds 64 KiB; readers do without the list
  const Type type(H5Tcreate(H5T_COMPOUND, sizeof(User)));
  H5Tinsert(type.get(), "dataset", offsetof(User, dataset), H5T_STD_REF_OBJ);
  H5Tinsert(type.get(), "dimension", offsetof(User, dimension), H5T_NATIVE_INT32);
  for (const auto& scale : all_) {
    if (scale.users.empty() || scale.users.size() > most) continue;
    const hsize_t count = scale.users.size();
    const Space space(H5Screate_simple(1, &count, nullptr));
    const Attribute attribute(H5Acreate2(scale.dataset, "REFERENCE_LIST", type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT));
    if (!attribute || H5Awrite(attribute.get(), type.get(), scale.users.data()) < 0) return cannot_write("REFERENCE_LIST");
  }
  return Ok{};
}

}  // namespace perun::h5
