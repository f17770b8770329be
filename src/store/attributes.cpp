// SPDX-License-Identifier: BSD-3-Clause
#include "store/attributes.hpp"

#include <algorithm>
#include <vector>

namespace perun::h5 {

namespace {

constexpr std::size_t longest_field = 1 << 20;
constexpr hssize_t most_integers = 1 << 20;

Type fixed_text(std::size_t size) {
  Type type(H5Tcopy(H5T_C_S1));
  H5Tset_size(type.get(), size);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  return type;
}

/// HDF5 takes C strings; a NUL inside would silently cut the rest.
std::string without_nul(std::string_view s) {
  std::string out(s);
  std::erase(out, '\0');
  return out;
}

}  // namespace

Types::Types() : text(H5Tcopy(H5T_C_S1)), scalar(H5Screate(H5S_SCALAR)) {
  H5Tset_size(text.get(), H5T_VARIABLE);
  H5Tset_cset(text.get(), H5T_CSET_UTF8);
}

void AttributeWriter::fail(const char* name) {
  if (!error_) error_ = failure(Errc::io, std::string("cannot write the attribute '") + name + "'");
}

void AttributeWriter::create(const char* name, hid_t stored, hid_t space, hid_t given, const void* value) {
  if (error_) return;
  if (anew_ && H5Aexists(object_, name) > 0 && H5Adelete(object_, name) < 0) return fail(name);
  const Attribute attribute(H5Acreate2(object_, name, stored, space, H5P_DEFAULT, H5P_DEFAULT));
  if (!attribute || H5Awrite(attribute.get(), given, value) < 0) fail(name);
}

void AttributeWriter::replace(const char* name, hid_t given, const void* value) {
  if (error_) return;
  const Attribute attribute(H5Aopen(object_, name, H5P_DEFAULT));
  if (!attribute || H5Awrite(attribute.get(), given, value) < 0) fail(name);
}

AttributeWriter& AttributeWriter::text(const char* name, std::string_view value) {
  const std::string kept = without_nul(value);
  const char* pointer = kept.c_str();
  create(name, types_.text.get(), types_.scalar.get(), types_.text.get(), &pointer);
  return *this;
}

AttributeWriter& AttributeWriter::integer(const char* name, std::int64_t value) {
  create(name, H5T_STD_I64LE, types_.scalar.get(), H5T_NATIVE_INT64, &value);
  return *this;
}

AttributeWriter& AttributeWriter::number(const char* name, double value) {
  create(name, H5T_IEEE_F64LE, types_.scalar.get(), H5T_NATIVE_DOUBLE, &value);
  return *this;
}

AttributeWriter& AttributeWriter::texts(const char* name, std::span<const std::string> values) {
  std::vector<const char*> pointers(values.size());
  std::transform(values.begin(), values.end(), pointers.begin(), [](const std::string& s) { return s.c_str(); });
  const hsize_t count = values.size();
  const Space space(H5Screate_simple(1, &count, nullptr));
  create(name, types_.text.get(), space.get(), types_.text.get(), pointers.data());
  return *this;
}

AttributeWriter& AttributeWriter::field(const char* name, std::string_view value, std::size_t size) {
  std::string padded = without_nul(value);
  padded.resize(size);
  const Type type = fixed_text(size);
  create(name, type.get(), types_.scalar.get(), type.get(), padded.data());
  return *this;
}

AttributeWriter& AttributeWriter::replace_integer(const char* name, std::int64_t value) {
  replace(name, H5T_NATIVE_INT64, &value);
  return *this;
}

AttributeWriter& AttributeWriter::replace_number(const char* name, double value) {
  replace(name, H5T_NATIVE_DOUBLE, &value);
  return *this;
}

AttributeWriter& AttributeWriter::replace_field(const char* name, std::string_view value) {
  if (error_) return *this;
  const Attribute attribute(H5Aopen(object_, name, H5P_DEFAULT));
  const Type type(attribute ? H5Aget_type(attribute.get()) : H5I_INVALID_HID);
  const bool fixed = type && H5Tget_class(type.get()) == H5T_STRING && H5Tis_variable_str(type.get()) == 0;
  const std::size_t size = fixed ? H5Tget_size(type.get()) : 0;
  std::string padded = without_nul(value);
  if (size < padded.size() || size > longest_field) {
    fail(name);
    return *this;
  }
  padded.resize(size);
  if (H5Awrite(attribute.get(), type.get(), padded.data()) < 0) fail(name);
  return *this;
}

AttributeWriter& AttributeWriter::remove(const char* name) {
  if (!error_ && H5Aexists(object_, name) > 0 && H5Adelete(object_, name) < 0) fail(name);
  return *this;
}

Status AttributeWriter::status() const {
  if (error_) return *error_;
  return Ok{};
}

Attribute AttributeReader::open(const char* name) const {
  Attribute attribute(H5Aopen(object_, name, H5P_DEFAULT));
  if (!attribute) return {};
  const Space space(H5Aget_space(attribute.get()));
  if (!space || H5Sget_simple_extent_npoints(space.get()) != 1) return {};
  return attribute;
}

std::optional<std::string> AttributeReader::text(const char* name) const {
  const Attribute attribute = open(name);
  if (!attribute) return std::nullopt;
  const Type type(H5Aget_type(attribute.get()));
  if (!type || H5Tget_class(type.get()) != H5T_STRING) return std::nullopt;
  if (H5Tis_variable_str(type.get()) > 0) {
    char* read = nullptr;
    if (H5Aread(attribute.get(), type.get(), &read) < 0) return std::nullopt;
    std::string out = read == nullptr ? "" : read;
    H5free_memory(read);
    return out;
  }
  const std::size_t size = H5Tget_size(type.get());
  if (size == 0 || size > longest_field) return std::nullopt;
  std::string out(size, '\0');
  if (H5Aread(attribute.get(), type.get(), out.data()) < 0) return std::nullopt;
  out.resize(std::min(out.find('\0'), out.size()));
  return out;
}

std::optional<std::int64_t> AttributeReader::integer(const char* name) const {
  const Attribute attribute = open(name);
  if (!attribute) return std::nullopt;
  const Type type(H5Aget_type(attribute.get()));
  std::int64_t value = 0;
  if (!type || H5Tget_class(type.get()) != H5T_INTEGER) return std::nullopt;
  if (H5Aread(attribute.get(), H5T_NATIVE_INT64, &value) < 0) return std::nullopt;
  return value;
}

std::optional<double> AttributeReader::number(const char* name) const {
  const Attribute attribute = open(name);
  if (!attribute) return std::nullopt;
  const Type type(H5Aget_type(attribute.get()));
  double value = 0;
  const H5T_class_t found = type ? H5Tget_class(type.get()) : H5T_NO_CLASS;
  if (found != H5T_FLOAT && found != H5T_INTEGER) return std::nullopt;
  if (H5Aread(attribute.get(), H5T_NATIVE_DOUBLE, &value) < 0) return std::nullopt;
  return value;
}

std::optional<std::vector<std::int64_t>> AttributeReader::integers(const char* name) const {
  if (H5Aexists(object_, name) <= 0) return std::nullopt;
  const Attribute attribute(H5Aopen(object_, name, H5P_DEFAULT));
  const Space space(attribute ? H5Aget_space(attribute.get()) : H5I_INVALID_HID);
  const Type type(attribute ? H5Aget_type(attribute.get()) : H5I_INVALID_HID);
  const hssize_t count = space ? H5Sget_simple_extent_npoints(space.get()) : -1;
  if (!type || H5Tget_class(type.get()) != H5T_INTEGER || count < 0 || count > most_integers) return std::nullopt;
  std::vector<std::int64_t> values(static_cast<std::size_t>(count));
  if (!values.empty() && H5Aread(attribute.get(), H5T_NATIVE_INT64, values.data()) < 0) return std::nullopt;
  return values;
}

std::string AttributeReader::text_or(const char* name, std::string_view other) const {
  return text(name).value_or(std::string(other));
}

}  // namespace perun::h5
