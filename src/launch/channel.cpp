// SPDX-License-Identifier: BSD-3-Clause
#include "launch/channel.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/json.hpp"
#include "base/text.hpp"

namespace perun {

namespace {

constexpr std::size_t longest = 64 << 10;
constexpr std::size_t longest_text = 8192;

Json stored_json(const Stored& s) {
  const Usage& u = s.total;
  Json json{{"number", s.number},
            {"runs", s.runs_in_file},
            {"measured_J", u.energy.measured_J},
            {"estimated_J", u.energy.estimated_J},
            {"uncertainty_J", u.energy.uncertainty_J},
            {"bounds_J", {u.energy.lower_J, u.energy.upper_J}},
            {"kind", static_cast<int>(u.energy.kind)},
            {"duration_s", u.duration_s},
            {"mean_W", u.power_mean_W},
            {"max_W", u.power_max_W}};
  if (s.footprint) json["footprint"] = {s.footprint->facility_kWh, s.footprint->co2e_kg, s.footprint->cost_cent};
  return json;
}

Stored stored_from(const Json& json) {
  Stored s;
  json.at("number").get_to(s.number);
  json.at("runs").get_to(s.runs_in_file);
  json.at("measured_J").get_to(s.total.energy.measured_J);
  json.at("estimated_J").get_to(s.total.energy.estimated_J);
  json.at("uncertainty_J").get_to(s.total.energy.uncertainty_J);
  json.at("bounds_J").at(0).get_to(s.total.energy.lower_J);
  json.at("bounds_J").at(1).get_to(s.total.energy.upper_J);
  s.total.energy.kind = static_cast<Kind>(json.at("kind").get<int>());
  json.at("duration_s").get_to(s.total.duration_s);
  json.at("mean_W").get_to(s.total.power_mean_W);
  json.at("max_W").get_to(s.total.power_max_W);
  if (const auto f = json.find("footprint"); f != json.end()) s.footprint = Footprint{f->at(0), f->at(1), f->at(2)};
  return s;
}

std::string encode(const Message& m) {
  const auto clip = [](const std::string& s) { return text::to_utf8(std::string_view(s).substr(0, longest_text)); };
  return Json{{"type", static_cast<int>(m.type)},
              {"text", clip(m.text)},
              {"number", m.number},
              {"mono_ns", m.moment.mono_ns},
              {"real_ns", m.moment.real_ns},
              {"finished", m.outcome.finished},
              {"exit_code", m.outcome.exit_code},
              {"signal", m.outcome.signal},
              {"interrupted_by", clip(m.outcome.interrupted_by)},
              {"user_s", m.outcome.user_s},
              {"system_s", m.outcome.system_s},
              {"max_rss_bytes", m.outcome.max_rss_bytes},
              {"code", static_cast<int>(m.error.code)},
              {"what", clip(m.error.what)},
              {"hint", clip(m.error.hint)},
              {"stored", stored_json(m.stored)}}
      .dump();
}

Message decode(std::string_view text) {
  const Json j = Json::parse(text);
  Message m{.type = static_cast<Message::Type>(j.at("type").get<int>())};
  j.at("text").get_to(m.text);
  j.at("number").get_to(m.number);
  m.moment = {j.at("mono_ns"), j.at("real_ns")};
  m.outcome.finished = j.at("finished");
  m.outcome.exit_code = j.at("exit_code");
  m.outcome.signal = j.at("signal");
  m.outcome.interrupted_by = j.at("interrupted_by");
  m.outcome.user_s = j.at("user_s");
  m.outcome.system_s = j.at("system_s");
  m.outcome.max_rss_bytes = j.at("max_rss_bytes");
  m.stored = stored_from(j.at("stored"));
  m.error = {static_cast<Errc>(j.at("code").get<int>()), j.at("what"), j.at("hint")};
  return m;
}

}  // namespace

Result<std::pair<Channel, Channel>> Channel::pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return Error{Errc::io, std::string("cannot make a socket: ") + std::strerror(errno)};
  return std::pair{Channel(Fd(ends[0])), Channel(Fd(ends[1]))};
}

bool Channel::send(const Message& message) noexcept {
  try {
    const std::string bytes = encode(message);
    ssize_t n = 0;
    do n = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n == static_cast<ssize_t>(bytes.size());
  } catch (...) {  // out of memory: as good as gone
    return false;
  }
}

bool Channel::send_stored(const Stored& stored) noexcept try {
  constexpr std::size_t most = longest_text - 4;
  const auto inside_character = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; };
  for (std::string_view rest = stored.summary; !rest.empty();) {
    std::size_t size = std::min(rest.size(), most);
    while (size < rest.size() && inside_character(rest[size])) --size;
    if (!send({.type = Message::Type::summary, .text = std::string(rest.substr(0, size))})) return false;
    rest.remove_prefix(size);
  }
  return send({.type = Message::Type::stored, .stored = stored});
} catch (...) {
  return false;
}

std::optional<Message> Channel::receive() {
  const auto take = [this](char* to, std::size_t size, int flags) {
    ssize_t n = 0;
    do n = ::recv(socket_.get(), to, size, MSG_DONTWAIT | flags);
    while (n < 0 && errno == EINTR);
    return n;
  };
  ssize_t n = take(nullptr, 0, MSG_PEEK | MSG_TRUNC);  // how long the next one is
  std::string bytes(n > 0 ? std::min(longest, static_cast<std::size_t>(n)) : 0, '\0');
  if (n > 0) n = take(bytes.data(), bytes.size(), 0);
  if (n == 0 || (n < 0 && errno != EAGAIN)) closed_ = true;
  if (n <= 0) return std::nullopt;
  try {
    return decode(std::string_view(bytes).substr(0, static_cast<std::size_t>(n)));
  } catch (const nlohmann::json::exception&) {
    closed_ = true;  // not one of ours: treat like a lost connection
    return std::nullopt;
  }
}

}  // namespace perun
