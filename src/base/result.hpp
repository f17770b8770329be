// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace perun {

/// What kind of thing went wrong; decides the exit status and whether a retry or a fallback makes sense.
enum class Errc : unsigned char { invalid, not_found, denied, unsupported, io, format, busy };

/// One failure, told once: what happened (with its place), and what the reader can do about it.
struct Error {
  Errc code = Errc::io;
  std::string what;
  std::string hint = {};
};

/// A value or an Error, for everything that may fail by the world. Reading the wrong one throws
/// std::bad_variant_access, which is a bug of the caller.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const noexcept { return state_.index() == 0; }
  T& operator*() & { return std::get<0>(state_); }
  const T& operator*() const& { return std::get<0>(state_); }
  T&& operator*() && { return std::get<0>(std::move(state_)); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }
  const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

struct Ok {};
using Status = Result<Ok>;

}  // namespace perun
