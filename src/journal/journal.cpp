// SPDX-License-Identifier: BSD-3-Clause
#include "journal/journal.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <limits>
#include <optional>
#include <utility>

#include "base/text.hpp"
#include "base/units.hpp"
#include "journal/encode.hpp"
#include "journal/files.hpp"
#include "journal/marks.hpp"

namespace perun::journal {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t most_gathered = 1 << 20;

std::span<const std::byte> bytes_of(std::string_view s) {
  return std::as_bytes(std::span(s));
}

/// A host name as a file name.
std::string file_name(std::string_view host) {
  std::string name;
  for (const char c : host) name += (c == '/' || c == '\0') ? '_' : c;
  return (name.empty() || name[0] == '.' ? "_" + name : name) + ".journal";
}

}  // namespace

void apply(const Frame& frame, Contents& contents) {
  NodeRecord& node = contents.run.nodes.front();
  const std::string_view text(reinterpret_cast<const char*>(frame.payload.data()), frame.payload.size());
  const auto moment = [&] {
    Moment m;
    if (frame.payload.size() >= 16) {
      std::memcpy(&m.mono_ns, frame.payload.data(), 8);
      std::memcpy(&m.real_ns, frame.payload.data() + 8, 8);
    }
    return m;
  };
  switch (frame.type) {
    case FrameType::clock:
      node.clock.push_back(moment());
      break;
    case FrameType::begin:
      contents.run.begin = moment();
      contents.begun = true;
      break;
    case FrameType::outcome:
      static_cast<void>(decode_outcome(text, contents.run));
      break;
    case FrameType::quality:
      static_cast<void>(decode_quality(text, node.quality));
      break;
    case FrameType::joined:
      static_cast<void>(decode_joined(text, node));
      break;
    case FrameType::provenance:
      static_cast<void>(decode_provenance(text, contents.run.provenance));
      break;
    case FrameType::end:
      contents.ended = true;
      break;
    case FrameType::committing:
      contents.committing = true;
      break;
    case FrameType::part:
      if (auto part = decode_part(text)) contents.part = *std::move(part);
      break;
    case FrameType::rank:
      if (auto rank = decode_rank(text)) contents.ranks.push_back(*std::move(rank));
      break;
    case FrameType::writer:
      static_cast<void>(decode_writer(text, contents.writer));
      break;
    case FrameType::header:
    case FrameType::readings:
      break;
    default:
      static_cast<void>(apply_marks(frame, node.marks));
  }
}

namespace {

/// What a journal's readings are given to.
using TakeSamples = std::function<void(std::span<const Sample>)>;

/// Runs through the readings that a journal held when it was opened; without `file`, by its name.
class JournalRecording : public Recording {
 public:
  JournalRecording(Fd file, fs::path path, std::uint64_t begin, std::uint64_t end)
      : file_(std::move(file)), path_(std::move(path)), begin_(begin), end_(end) {}

  Status replay(const TakeSamples& take) const override {
    const Fd opened(file_ ? -1 : ::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file_ && !opened) return failed(path_, "open");
    std::vector<Sample> samples;
    const auto done = each_frame_of(file_ ? file_ : opened, begin_, end_, [&](const Frame& frame) {
      samples.clear();
      if (frame.type == FrameType::readings && parse_samples(frame.payload, samples)) take(samples);
    });
    if (!done) return failed(path_, "read");
    if (*done != end_) return Error{Errc::io, fmt::format("{} changed while it was read", path_.string())};
    return Ok{};
  }

 private:
  Fd file_;
  fs::path path_;
  std::uint64_t begin_, end_;
};

/// The time on the wall at `mono_ns`, by one pair of clocks; that pair's where the sum makes no sense.
std::int64_t real_at(std::int64_t mono_ns, const Moment& pair) noexcept {
  std::int64_t passed = 0, real = 0;
  const bool absurd =
      __builtin_sub_overflow(mono_ns, pair.mono_ns, &passed) || __builtin_add_overflow(pair.real_ns, passed, &real);
  return absurd ? pair.real_ns : real;
}

/// A run that was cut off ends where its last reading does.
void close_cut_off(Contents& contents, const std::vector<std::int64_t>& last_ns) {
  Run& run = contents.run;
  NodeRecord& node = run.nodes.front();
  if (node.clock.empty()) node.clock.push_back(run.begin);
  if (run.end.mono_ns != 0) return;
  std::int64_t last = run.begin.mono_ns;
  for (const std::int64_t t : last_ns) last = std::max(last, t);
  run.end = {last, real_at(last, node.clock.front())};
  if (run.outcome.interrupted_by.empty()) run.outcome.interrupted_by = "perun was killed before the program ended";
}

}  // namespace

std::string new_run_key() {
  std::uint64_t random = 0;
  if (::getrandom(&random, sizeof random, 0) != sizeof random) random = static_cast<std::uint64_t>(clock_ns(CLOCK_MONOTONIC));
  std::string time = units::iso8601(clock_ns(CLOCK_REALTIME)).substr(0, 19);
  std::erase_if(time, [](char c) { return c == '-' || c == ':'; });
  return fmt::format("{}Z-{:016x}", time, random);
}

fs::path run_folder(const fs::path& data_out, std::string_view run_key) {
  return data_out / ".perun" / run_key;
}

fs::path path_of(const fs::path& data_out, std::string_view run_key, std::string_view host) {
  return run_folder(data_out, run_key) / file_name(host);
}

Result<Writer> Writer::create_at(const fs::path& path, const Run& run, const fs::path& home, const Part* part) {
  auto made = make(path);
  if (!made) return made;
  made->gathered_.assign(bytes_of(magic).begin(), bytes_of(magic).end());
  made->json(FrameType::header, encode_header(run));
  if (part != nullptr) made->json(FrameType::part, encode_part(*part));
  std::error_code none;
  made->json(FrameType::writer, encode_writer({this_process(), fs::absolute(home, none).string()}));
  auto named = made->flush();
  // The name by which others find it appears only when it is locked and holds its header.
  if (named) named = rename_new(hidden_name(path), path);
  if (named) return made;
  forget(path);
  return named.error();
}

Result<Writer> Writer::create(const fs::path& folder, const Run& run, const fs::path& home) {
  return create_at(path_of(folder, run.id, run.nodes.front().host), run, home.empty() ? folder : home);
}

void Writer::json(FrameType type, const std::string& text) {
  append_frame(gathered_, type, bytes_of(text));
}

void Writer::moment(FrameType type, const Moment& m) {
  const std::int64_t pair[] = {m.mono_ns, m.real_ns};
  append_frame(gathered_, type, std::as_bytes(std::span(pair)));
}

void Writer::samples(std::span<const Sample> samples) {
  if (gathered_.size() > most_gathered) {
    dropped_ += samples.size();
    return;
  }
  payload_.clear();
  append_samples(payload_, samples);
  append_frame(gathered_, FrameType::readings, payload_);
}

void Writer::marks(const Marks& marks) {
  append_marks(gathered_, marks, mark_names_);
  mark_names_ += static_cast<std::uint32_t>(marks.names.size());
}

void Writer::joined(std::span<const Sensor> all, std::size_t first, std::span<const BlockedSource> blocked,
                    const Attributes& attributes) {
  json(FrameType::joined, encode_joined(all, first, blocked, attributes));
}

void Writer::clock(const Moment& m) {
  moment(FrameType::clock, m);
}
void Writer::begin(const Moment& m) {
  moment(FrameType::begin, m);
}
void Writer::outcome(const Outcome& outcome, const Moment& end) {
  json(FrameType::outcome, encode_outcome(outcome, end));
}
void Writer::quality(const Quality& quality) {
  json(FrameType::quality, encode_quality(quality));
}
void Writer::rank(const RankRecord& rank) {
  json(FrameType::rank, encode_rank(rank));
}

void Writer::provenance(const Attributes& facts) {
  json(FrameType::provenance, encode_provenance(facts));
}
void Writer::end() {
  append_frame(gathered_, FrameType::end, {});
}
void Writer::committing() {
  append_frame(gathered_, FrameType::committing, {});
}

Status Writer::flush() {
  if (gathered_.empty()) return Ok{};
  if (const auto ok = write_all(file_.get(), gathered_, size_); !ok) {
    if (::ftruncate(file_.get(), static_cast<off_t>(size_)) != 0) { /* a torn tail is cut by every reader too */
    }
    return Error{Errc::io, fmt::format("cannot write {}: {}", path_.string(), ok.error().what)};
  }
  size_ += gathered_.size();
  gathered_.clear();
  struct stat info {};
  if (::fstat(file_.get(), &info) == 0 && info.st_nlink == 0)
    return Error{Errc::not_found, fmt::format("cannot write {}: somebody deleted it", path_.string())};
  return Ok{};
}

Status Writer::sync() {
  if (const auto ok = flush(); !ok) return ok;
  if (::fdatasync(file_.get()) != 0) return failed(path_, "sync");
  if (!std::exchange(name_synced_, true)) sync_folders(path_);
  return Ok{};
}

namespace {

/// Reads everything but the readings, which are given to `take(node, samples)`; those of sensors that the header does not
/// know are left out.
template <class Take>
Result<Contents> read_with(const fs::path& path, Hold hold, Take&& take) {
  Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return failed(path, "open");
  const Error unreadable{Errc::format, fmt::format("{} is not a perun journal, or holds no run", path.string())};
  std::array<char, magic.size()> start{};
  const ssize_t n = ::pread(file.get(), start.data(), start.size(), 0);
  if (n < 0) return failed(path, "read");
  if (std::string_view(start.data(), static_cast<std::size_t>(n)) != magic) return unreadable;

  std::optional<Result<Run>> run;
  Contents contents;
  std::vector<std::int64_t> last_ns;
  std::vector<Sample> samples;
  std::uint64_t begin = magic.size();
  const auto whole = each_frame_of(file, magic.size(), std::numeric_limits<std::uint64_t>::max(), [&](const Frame& frame) {
    if (!run) {
      const std::string_view text(reinterpret_cast<const char*>(frame.payload.data()), frame.payload.size());
      run = frame.type == FrameType::header ? decode_header(text) : Result<Run>(unreadable);
      if (*run) contents.run = *std::move(*run);
      if (*run) last_ns.resize(contents.run.nodes.front().sensors.size(), std::numeric_limits<std::int64_t>::min());
      begin += frame_overhead + frame.payload.size();
    } else if (*run && frame.type == FrameType::readings) {
      samples.clear();
      if (!parse_samples(frame.payload, samples)) return;
      std::erase_if(samples, [&](const Sample& s) { return s.sensor >= last_ns.size(); });
      for (const Sample& s : samples) last_ns[s.sensor] = s.reading.t_ns;
      take(contents.run.nodes.front(), samples);
    } else if (*run) {
      apply(frame, contents);
      last_ns.resize(contents.run.nodes.front().sensors.size(), std::numeric_limits<std::int64_t>::min());
    }
  });
  if (!whole) return failed(path, "read");
  if (!run) return unreadable;
  if (!*run) return run->error();
  contents.whole = *whole;
  close_cut_off(contents, last_ns);
  for (const std::int64_t t : last_ns) contents.last_reading_ns = std::max(contents.last_reading_ns, t);
  contents.recording = std::make_unique<JournalRecording>(hold == Hold::open ? std::move(file) : Fd(), path, begin, *whole);
  return contents;
}

}  // namespace

Result<Contents> read(const fs::path& path) {
  auto contents = read_with(path, Hold::open, [](NodeRecord& node, const std::vector<Sample>& samples) {
    for (const Sample& s : samples) node.series[s.sensor].push(s.reading);
  });
  if (contents) contents->recording.reset();
  return contents;
}

Result<Contents> open(const fs::path& path, Hold hold) {
  auto contents = read_with(path, hold, [](const NodeRecord&, const std::vector<Sample>&) {});
  if (!contents) return contents;
  NodeRecord& node = contents->run.nodes.front();
  node.series.clear();
  node.recording = contents->recording.get();
  return contents;
}

}  // namespace perun::journal
