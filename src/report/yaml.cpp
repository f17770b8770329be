// SPDX-License-Identifier: BSD-3-Clause
#include "report/yaml.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/text.hpp"
#include "report/document.hpp"

namespace perun {

namespace {

/// YAML 1.1 takes 1e+22 for a string and 300 for an integer.
std::string with_point(double value) {
  std::string s = text::shortest(value);
  if (s.find('.') == std::string::npos) s.insert(std::min(s.find('e'), s.size()), ".0");
  return s;
}

/// Words that YAML 1.1 reads as something else, or that have signs in them, are quoted.
bool plain_key(std::string_view key) {
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
  constexpr std::array<std::string_view, 9> words{"y", "n", "yes", "no", "on", "off", "true", "false", "null"};
  return !key.empty() && letters.find(key.front()) < 52 && key.find_first_not_of(letters) == std::string_view::npos &&
         std::find(words.begin(), words.end(), text::lower(key)) == words.end();
}

void emit_text(YAML::Emitter& out, const std::string& s) {
  // DEL is legal in UTF-8 but not in YAML; the emitter escapes it only so.
  if (s.find('\x7F') != std::string::npos) out << YAML::EscapeNonAscii;
  out << YAML::DoubleQuoted << s;
}

void emit(YAML::Emitter& out, const Json& value) {
  switch (value.type()) {
    case Json::value_t::object:
      out << YAML::BeginMap;
      for (const auto& [key, member] : value.items()) {
        out << YAML::Key;
        if (plain_key(key))
          out << key;
        else
          emit_text(out, key);
        out << YAML::Value;
        emit(out, member);
      }
      out << YAML::EndMap;
      break;
    case Json::value_t::array:
      out << YAML::BeginSeq;
      for (const auto& member : value) emit(out, member);
      out << YAML::EndSeq;
      break;
    case Json::value_t::string:
      emit_text(out, value.get_ref<const std::string&>());
      break;
    case Json::value_t::number_float:
      out << with_point(value.get<double>());
      break;
    case Json::value_t::boolean:
      out << value.get<bool>();
      break;
    case Json::value_t::null:
      out << YAML::Null;
      break;
    default:
      out << value.dump();  // integers
  }
}

}  // namespace

std::string write_yaml(const Summary& summary, const Style&) {
  YAML::Emitter out;
  emit(out, document(summary));
  return std::string(out.c_str()) + "\n";
}

extern const ReportWriter yaml_writer{"yaml", "YAML, the same document as json", &write_yaml};

}  // namespace perun
