// SPDX-License-Identifier: BSD-3-Clause
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <fstream>
#include <functional>
#include <iterator>

#include "base/sha256.hpp"
#include "host/clock.hpp"
#include "journal/job_folder.hpp"
#include "journal/journal.hpp"
#include "stream/receiver.hpp"
#include "stream/sender.hpp"
#include "stream/socket.hpp"
#include "support/rig.hpp"
#include "support/tree.hpp"

namespace perun::stream {
namespace {

namespace fs = std::filesystem;
constexpr std::int64_t second = 1'000'000'000;

std::string hex(std::string_view text) {
  std::string out;
  for (const std::uint8_t byte : sha256(text)) out += "0123456789abcdef"[byte >> 4], out += "0123456789abcdef"[byte & 15];
  return out;
}

TEST(Sha256Test, IsThatOfTheStandard) {
  // FIPS 180-2, appendix B, and the empty text.
  EXPECT_EQ(hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hex(std::string(1'000'000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

std::string content(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool soon(const std::function<bool()>& done, std::int64_t within_ns = 20 * second) {
  for (const auto until = monotonic_ns() + within_ns; monotonic_ns() < until; ::usleep(5000))
    if (done()) return true;
  return false;
}

class StreamTest : public ::testing::Test {
 protected:
  StreamTest() {
    for (const auto& folder : {here_, there_}) fs::create_directories(folder);
  }

  /// A part of the job "k" in `here_`; it grows by more().
  journal::Writer begin_part(const std::string& name = "b~0.part", const std::string& key = "k") {
    perun::Run run;
    run.id = "id";
    run.app = "app";
    NodeRecord node;
    node.host = "b";
    node.sensors = {test::ideal_counter()};
    run.nodes = {node};
    const journal::Part part{.job = {.launcher = "user", .key = key, .size = 2}, .node_id = "b", .boot_id = "b"};
    auto writer = journal::Writer::create_at(here_ / name, run, {}, &part);
    EXPECT_TRUE(writer);
    return *std::move(writer);
  }
  static void more(journal::Writer& writer, int from, int count) {
    for (int i = from; i < from + count; ++i)
      writer.samples(std::array{journal::Sample{0, {.t_ns = i * second, .raw = i, .halfwidth_ns = 1}}});
    EXPECT_TRUE(writer.flush());
  }
  fs::path end_part(journal::Writer& writer) {
    writer.end();
    EXPECT_TRUE(writer.flush());
    const auto ended = journal::end_part(writer.path(), 2);
    EXPECT_TRUE(ended);
    return *ended;
  }

  /// A client that knows the ticket, let in under a name; nothing when it is turned away.
  Fd let_in(const std::string& name) {
    Fd link = connect();
    std::array<char, 24> hello{};
    if (!link || !receive_all(link, hello)) return {};
    Nonce theirs{};
    std::copy(hello.begin() + 8, hello.end(), theirs.begin());
    std::string words(hello_magic);
    words.append(16, 'n');
    Nonce ours{};
    ours.fill('n');
    words.append(bytes_of(proof(ticket_, theirs, ours, Role::sender)));
    put_number(words, name.size(), 2);
    std::array<char, 40> answer{};
    return send_all(link, words + name) && receive_all(link, answer) ? std::move(link) : Fd();
  }
  Fd connect() {
    Fd link;
    EXPECT_TRUE(soon([&] {
      std::size_t which = 0;
      link = connect_next(ticket_, which, 500, 5000);
      return bool(link);
    }));
    return link;
  }
  [[nodiscard]] bool nothing_came() const { return fs::is_empty(there_); }

  test::Tree tree_;
  fs::path here_ = tree_.root() / "here", there_ = tree_.root() / "there";
  // A secret of its own for every test, since tests run side by side and ports come of it.
  Ticket ticket_ = Ticket::of({"127.0.0.1"}, {tree_.root().string()});
  Limits limits_{.own_node = "a", .key = "k", .most_parts = 3, .most_bytes = 1 << 20, .free_bytes = 0};
};

TEST_F(StreamTest, APartComesAsItGrowsAndEndsUnderItsLastName) {
  auto writer = begin_part();
  more(writer, 0, 10);
  Receiver receiver(ticket_, there_, limits_, [] { return true; });
  Sender sender(ticket_, writer.path(), "b~0.part", [] { return true; });
  ASSERT_TRUE(soon([&] { return fs::exists(there_ / "b~0.part") && fs::file_size(there_ / "b~0.part") > 0; }));
  EXPECT_EQ(journal::standing(there_ / "b~0.part"), journal::Standing::written);
  EXPECT_EQ(receiver.sending(), 1);
  more(writer, 10, 5000);
  const auto ended = end_part(writer);
  EXPECT_TRUE(sender.finish(ended, 2));
  EXPECT_EQ(content(there_ / "b~0.2.part"), content(ended));
  EXPECT_EQ(std::distance(fs::directory_iterator(there_), {}), 1);
}

TEST_F(StreamTest, GoesOnWhereAReceiverDied) {
  auto writer = begin_part();
  more(writer, 0, 100);
  Sender sender(ticket_, writer.path(), "b~0.part", [] { return true; });
  {
    Receiver first(ticket_, there_, limits_, [] { return true; });
    ASSERT_TRUE(soon([&] { return fs::exists(there_ / "b~0.part") && fs::file_size(there_ / "b~0.part") > 2000; }));
  }
  Receiver next(ticket_, there_, limits_, [] { return true; });
  ASSERT_TRUE(soon([&] {
    more(writer, 100, 1);
    return next.sending() == 1;
  }));
  const auto ended = end_part(writer);
  EXPECT_TRUE(sender.finish(ended, 2));
  EXPECT_EQ(content(there_ / "b~0.2.part"), content(ended));
}

TEST_F(StreamTest, WhoHasAnotherSecretIsTurnedAway) {
  Receiver receiver(ticket_, there_, limits_, [] { return true; });
  const Ticket right = std::exchange(ticket_, Ticket::of({"127.0.0.1"}, {"guess"}));
  const Ticket wrong = ticket_;
  ticket_ = right;
  const Fd link = connect();
  std::array<char, 24> hello{};
  ASSERT_TRUE(receive_all(link, hello));
  Nonce theirs{};
  std::copy(hello.begin() + 8, hello.end(), theirs.begin());
  std::string words(hello_magic);
  words.append(16, '\0').append(bytes_of(proof(wrong, theirs, Nonce{}, Role::sender)));
  put_number(words, 8, 2);
  std::array<char, 1> answer{};
  EXPECT_TRUE(send_all(link, words + "b~0.part"));
  EXPECT_FALSE(receive_all(link, answer));
  EXPECT_TRUE(nothing_came());
}

TEST_F(StreamTest, NothingIsGivenToWhoOnlySitsOnThePort) {
  const Fd squatter = listen_at(ticket_);
  ASSERT_TRUE(squatter);
  auto writer = begin_part();
  Sender sender(ticket_, writer.path(), "b~0.part", [] { return true; });
  Fd link;
  ASSERT_TRUE(soon([&] { return bool(link = Fd(::accept4(squatter.get(), nullptr, nullptr, SOCK_CLOEXEC))); }));
  ASSERT_TRUE(send_all(link, std::string(hello_magic) + std::string(16, 'x')));
  std::array<char, 8 + 16 + 32 + 2 + 8> greeting{};
  ASSERT_TRUE(receive_all(link, greeting));
  ASSERT_TRUE(send_all(link, std::string(40, 'y')));
  std::array<char, 1> more{};
  EXPECT_FALSE(receive_all(link, more)) << "it was told the name of the part, and no byte of it";
  EXPECT_FALSE(sender.finish(end_part(writer), 2));
}

TEST_F(StreamTest, ASenderWithoutEndIsBounded) {
  Receiver receiver(ticket_, there_, limits_, [] { return true; });
  const Fd link = let_in("b~0.part");
  ASSERT_TRUE(link);
  std::string block;
  put_number(block, 60'000, 4);
  block.append(60'000, 'x');
  int blocks = 0;
  while (blocks < 1000 && send_all(link, block)) ++blocks;
  EXPECT_LT(blocks, 1000);
  EXPECT_TRUE(soon([&] { return nothing_came(); })) << "it was no part, and is removed";
}

TEST_F(StreamTest, NamesAndLengthsThatAreNoneAreRefused) {
  Receiver receiver(ticket_, there_, limits_, [] { return true; });
  for (const auto* name : {"../b~0.part", "a~0.part", "b~0.2.part", "run.json", ".part", "b~0.part/x"})
    EXPECT_FALSE(let_in(name)) << name;
  {
    const Fd link = let_in("b~0.part");
    std::string huge;
    put_number(huge, 0xffffffff, 4);
    EXPECT_TRUE(send_all(link, huge));
    std::array<char, 1> answer{};
    EXPECT_FALSE(receive_all(link, answer));
  }
  // One part has one sender, and there are no more parts than the limit says.
  std::vector<Fd> all;
  for (const auto* name : {"c~0.part", "d~0.part", "e~0.part"}) EXPECT_TRUE(all.emplace_back(let_in(name))) << name;
  EXPECT_FALSE(let_in("c~0.part"));
  EXPECT_FALSE(let_in("f~0.part"));
}

TEST_F(StreamTest, APartOfAnotherJobDoesNotEnd) {
  auto writer = begin_part("b~0.part", "another");
  Receiver receiver(ticket_, there_, limits_, [] { return true; });
  Sender sender(ticket_, writer.path(), "b~0.part", [] { return true; });
  ASSERT_TRUE(soon([&] { return receiver.sending() == 1; }));
  EXPECT_FALSE(sender.finish(end_part(writer), 2));
  EXPECT_TRUE(soon([&] { return !fs::exists(there_ / "b~0.2.part"); }));
}

TEST_F(StreamTest, AStrangerWhoSaysNothingIsShownTheDoor) {
  Receiver receiver(ticket_, there_, limits_, [] { return true; });
  const Fd link = connect();
  std::array<char, 25> hello{};
  const auto begin = monotonic_ns();
  EXPECT_FALSE(receive_all(link, hello)) << "24 bytes, then the end";
  EXPECT_LT(monotonic_ns() - begin, 4 * second + second / 2);
}

TEST_F(StreamTest, WithoutAnybodyThereTheEndIsNotHeldUp) {
  auto writer = begin_part();
  Sender sender(ticket_, writer.path(), "b~0.part", [] { return true; });
  const auto ended = end_part(writer);
  const auto begin = monotonic_ns();
  EXPECT_FALSE(sender.finish(ended, 2));
  EXPECT_LT(monotonic_ns() - begin, 3 * second);
  EXPECT_TRUE(fs::exists(ended));
}

TEST_F(StreamTest, OneWhoReadsNothingHoldsUpNobodyForLong) {
  const Fd listener = listen_at(ticket_);
  auto writer = begin_part();
  more(writer, 0, 20'000);
  std::int64_t slowest_ns = 0;
  Sender sender(ticket_, writer.path(), "b~0.part", [] { return true; });
  Fd link;
  ASSERT_TRUE(soon([&] { return bool(link = Fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC))); }));
  // The agent's thread goes on writing as if there were no network.
  for (int i = 0; i < 200; ++i) {
    const auto begin = monotonic_ns();
    more(writer, 20'000 + i, 1);
    slowest_ns = std::max(slowest_ns, monotonic_ns() - begin);
    ::usleep(1000);
  }
  EXPECT_LT(slowest_ns, second);
  const auto ended = end_part(writer);
  const auto begin = monotonic_ns();
  EXPECT_FALSE(sender.finish(ended, 2));
  EXPECT_LT(monotonic_ns() - begin, 10 * second);
  ASSERT_TRUE(soon([&] { return sender.over(); }));
}

TEST_F(StreamTest, NobodyListensWhereItIsNotWanted) {
  Receiver receiver(ticket_, there_, limits_, [] { return false; });
  std::size_t which = 0;
  ::usleep(200'000);
  EXPECT_FALSE(connect_next(ticket_, which, 500, 500));
}

}  // namespace
}  // namespace perun::stream
