// SPDX-License-Identifier: BSD-3-Clause
#include "exchange/source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <system_error>

#include "exchange/json.hpp"
#include "exchange/python.hpp"

namespace perun {

namespace {

constexpr int deepest = 64;  ///< levels of JSON; a file of the Python perun has some 25

/// Whether the first thing in the file is a '{'.
bool looks_like_json(const std::filesystem::path& file) {
  std::error_code none;
  if (!std::filesystem::is_regular_file(file, none)) return false;
  std::ifstream in(file, std::ios::binary);
  char first = 0;
  return in >> first && first == '{';
}

/// What reads a document goes as deep as it does, and must not go deeper than the stack.
bool is_within(const Json& json, int depth) {
  return !json.is_structured() ||
         (depth > 0 && std::ranges::all_of(json, [&](const Json& part) { return is_within(part, depth - 1); }));
}

Result<JsonRuns> read_json_file(const std::filesystem::path& file) try {
  std::ifstream in(file, std::ios::binary);
  const Json document = Json::parse(in);
  if (!is_within(document, deepest)) return Error{Errc::format, fmt::format("is nested more than {} deep", deepest)};
  const auto schema = document.find("schema");
  if (schema != document.end() && *schema == data_schema) return read_json(document);
  if (schema != document.end() && schema->is_string())
    return Error{Errc::format, fmt::format("is of schema '{}', not '{}'", schema->get<std::string>(), data_schema),
                 "what 'perun report' prints has no readings; 'perun export --format json' has"};
  return read_python_json(document);
} catch (const nlohmann::json::exception& e) {
  return Error{Errc::format, fmt::format("is not JSON: {}", e.what())};
} catch (const std::bad_alloc&) {
  return Error{Errc::format, "does not fit into memory"};
}

/// Runs that can be asked for by number: ascending, each number once.
Status order(JsonRuns& read) {
  std::ranges::stable_sort(read.runs, {}, &Run::number);
  for (std::size_t i = 0; i < read.runs.size(); ++i) {
    if (read.runs[i].number < 0) return Error{Errc::format, "holds a run without a number"};
    if (i > 0 && read.runs[i].number == read.runs[i - 1].number)
      return Error{Errc::format, fmt::format("holds run {} twice", read.runs[i].number)};
  }
  return Ok{};
}

}  // namespace

Result<Source> Source::open(const std::filesystem::path& file) {
  Result<JsonRuns> read = Error{};
  if (looks_like_json(file)) {
    read = read_json_file(file);
  } else {
    auto store = Store::open(file);
    if (store) return Source(*std::move(store));
    if (store.error().code != Errc::format) return store.error();
    read = read_python_hdf5(file);
    if (!read && read.error().code == Errc::unsupported) return store.error();
  }
  if (read)
    if (auto ordered = order(*read); !ordered) read = ordered.error();
  if (!read) return Error{read.error().code, fmt::format("'{}' {}", file.string(), read.error().what), read.error().hint};
  return Source(std::move(read->app), std::move(read->runs));
}

Result<std::vector<int>> Source::numbers() const {
  if (store_) return store_->numbers();
  std::vector<int> numbers;
  for (const auto& run : runs_) numbers.push_back(run.number);
  return numbers;
}

Result<std::string> Source::id(int number) const {
  if (store_) return store_->id(number);
  const auto found = std::ranges::find(runs_, number, &Run::number);
  if (found == runs_.end()) return Error{Errc::not_found, fmt::format("there is no run {}", number)};
  return found->id;
}

Result<Run> Source::load(int number) const {
  if (store_) return store_->load(number);
  const auto found = std::ranges::find(runs_, number, &Run::number);
  if (found == runs_.end()) return Error{Errc::not_found, fmt::format("there is no run {}", number)};
  return *found;
}

}  // namespace perun
