// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/hid.hpp"

namespace perun::h5 {

/// What every attribute needs; made once per session, because a run has hundreds of them.
struct Types {
  Types();
  Type text;  ///< variable-length UTF-8
  Space scalar;
};

/// Writes attributes of one object. The first failure is kept and all later calls do nothing, so that a row of
/// calls is checked once at its end.
class AttributeWriter {
 public:
  /// `anew`: what is there of the same name, of whatever type, is replaced.
  AttributeWriter(const Types& types, hid_t object, bool anew = false) noexcept : types_(types), object_(object), anew_(anew) {}

  AttributeWriter& text(const char* name, std::string_view value);
  AttributeWriter& integer(const char* name, std::int64_t value);
  AttributeWriter& number(const char* name, double value);
  AttributeWriter& texts(const char* name, std::span<const std::string> values);

  /// Text in a field of fixed size, so that a later replace_field() overwrites it where it is.
  AttributeWriter& field(const char* name, std::string_view value, std::size_t size);
  /// Overwrites an attribute that is there, of the same type.
  AttributeWriter& replace_integer(const char* name, std::int64_t value);
  AttributeWriter& replace_number(const char* name, double value);
  AttributeWriter& replace_field(const char* name, std::string_view value);
  /// An attribute that is not there is gone already.
  AttributeWriter& remove(const char* name);

  [[nodiscard]] Status status() const;

 private:
  void create(const char* name, hid_t stored, hid_t space, hid_t given, const void* value);
  void replace(const char* name, hid_t given, const void* value);
  void fail(const char* name);

  const Types& types_;
  hid_t object_;
  bool anew_;
  std::optional<Error> error_;
};

/// Reads attributes of one object that may come from anywhere: what is not there, or is of another type or shape,
/// is nothing.
class AttributeReader {
 public:
  explicit AttributeReader(hid_t object) noexcept : object_(object) {}

  [[nodiscard]] std::optional<std::string> text(const char* name) const;
  [[nodiscard]] std::optional<std::int64_t> integer(const char* name) const;
  [[nodiscard]] std::optional<double> number(const char* name) const;
  /// A row of integers.
  [[nodiscard]] std::optional<std::vector<std::int64_t>> integers(const char* name) const;

  [[nodiscard]] std::string text_or(const char* name, std::string_view other = {}) const;
  [[nodiscard]] std::int64_t integer_or(const char* name, std::int64_t other = 0) const {
    return integer(name).value_or(other);
  }
  [[nodiscard]] double number_or(const char* name, double other = 0) const { return number(name).value_or(other); }

 private:
  /// Opens an attribute that holds exactly one element.
  [[nodiscard]] Attribute open(const char* name) const;

  hid_t object_;
};

}  // namespace perun::h5
