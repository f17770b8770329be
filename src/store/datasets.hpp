// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "store/attributes.hpp"
#include "store/hid.hpp"

namespace perun::h5 {

/// New datasets of one dimension with checksums. Long ones are chunked and compressed, short ones stored plainly.
[[nodiscard]] Result<Dataset> write_rows(hid_t group, const std::string& name, std::span<const std::int64_t> rows);
[[nodiscard]] Result<Dataset> write_rows(hid_t group, const std::string& name, std::span<const double> rows);
[[nodiscard]] Result<Dataset> write_texts(const Types& types, hid_t group, const std::string& name,
                                          std::span<const std::string> rows);

/// A new scalar dataset of one text, however long.
[[nodiscard]] Status write_text(const Types& types, hid_t group, const char* name, const std::string& text);
/// Nothing when there is no such dataset, or another text than was written.
[[nodiscard]] std::optional<std::string> read_text(hid_t group, const char* name);

/// A new dataset to be filled piece by piece: of one dimension, or with `members` of two. Long ones are chunked by
/// `chunk_rows` and compressed, short ones stored plainly.
template <class T>
[[nodiscard]] Result<Dataset> make_dataset(hid_t group, const std::string& name, std::optional<std::uint64_t> members,
                                           std::uint64_t rows, std::uint64_t chunk_rows);

/// Values from `first` on of a dataset of one dimension, or of row `member` of a table.
template <class T>
[[nodiscard]] Status write_piece(const Dataset& dataset, const std::string& name, std::optional<std::uint64_t> member,
                                 std::uint64_t first, std::span<const T> values);
template <class T>
[[nodiscard]] Status read_piece(const Dataset& dataset, const std::string& name, std::optional<std::uint64_t> member,
                                std::uint64_t first, std::span<T> values);

/// Whole datasets of a file that may come from anywhere. Errors: format (absent, another type or shape, a wrong checksum,
/// or stating more values than the stored bytes can hold), io.
[[nodiscard]] Result<std::vector<std::int64_t>> read_rows(hid_t group, const std::string& name);
[[nodiscard]] Result<std::vector<double>> read_numbers(hid_t group, const std::string& name);
[[nodiscard]] Result<std::vector<std::string>> read_texts(hid_t group, const std::string& name);

/// The shape of a dataset of integers with so many dimensions; errors as for read_rows().
[[nodiscard]] Status integer_shape(const Dataset& dataset, const std::string& name, std::span<std::uint64_t> shape);
[[nodiscard]] Result<Dataset> open_dataset(hid_t group, const std::string& name);

/// Dimension scales as HDF5's H5DS makes them, but each attribute written once instead of rewritten for every dataset
/// that uses the scale, which would cost more than all else of a short run.
class Scales {
 public:
  /// Makes `dataset` a scale called `name`; returns its number. The caller keeps the dataset open until finish().
  [[nodiscard]] Result<std::size_t> add(const Types& types, const Dataset& dataset, const std::string& name);

  /// Dimension i of `dataset` is described by scale `scales[i]`.
  [[nodiscard]] Status attach(const Dataset& dataset, std::span<const std::size_t> scales);

  [[nodiscard]] Status finish() const;

 private:
  struct User {
    hobj_ref_t dataset;
    std::int32_t dimension;
  };
  struct Scale {
    hid_t dataset;
    hobj_ref_t reference;
    std::vector<User> users;
  };
  std::vector<Scale> all_;
};

}  // namespace perun::h5
