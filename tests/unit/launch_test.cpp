// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <chrono>
#include <thread>

#include "launch/channel.hpp"
#include "launch/child.hpp"
#include "launch/in_child.hpp"
#include "launch/program.hpp"
#include "launch/signals.hpp"
#include "support/tree.hpp"

namespace perun {
namespace {

TEST(AppName, IsTheStemOfWhatThePersonThinksOf) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> rows{
      {{"./solver"}, "solver"},
      {{"/usr/bin/ls", "-l"}, "ls"},
      {{"train.py", "--epochs", "5"}, "train"},
      {{"path/to/your/script.py"}, "script"},
      {{"python3", "train.py"}, "train"},
      {{"/usr/bin/python3.11", "-u", "-W", "ignore", "a/b/train.py"}, "train"},
      {{"python3", "-m", "torch.distributed.run", "x.py"}, "torch.distributed.run"},
      {{"python3", "-c", "print(1)"}, "python"},
      {{"python3"}, "python"},
      {{"bash", "x.sh"}, "x"},
      {{"sh", "-c", "true"}, "sh"},
      {{"model.v2.bin"}, "model.v2"},
      {{"node", "server.js"}, "server"},
  };
  for (const auto& [words, name] : rows) EXPECT_EQ(app_name(words), name) << words[0];
}

TEST(AppName, MustBeAFileName) {
  EXPECT_TRUE(
      check_app_name("W\xC3\xBC"
                     "rttemberg 2"));
  for (const std::string& bad :
       std::vector<std::string>{"", ".", "..", ".hidden", "a/b", "a\nb", "\xFF", std::string(201, 'x')})
    EXPECT_FALSE(check_app_name(bad)) << bad;
}

class ResolveTest : public ::testing::Test {
 protected:
  std::string make(const std::string& name, const std::string& text, mode_t mode) {
    tree_.file(name, text);
    const auto path = tree_.at(name);
    ::chmod(path.c_str(), mode);
    return path.string();
  }
  ProgramSearch search() { return {tree_.at("bin").string() + ":" + tree_.at("more").string(), ""}; }
  test::Tree tree_;
};

TEST_F(ResolveTest, FindsWhatAShellWouldFind) {
  make("bin/tool", "not this one", 0644);
  const auto second = make("more/tool", "#!/bin/sh\n", 0755);
  const auto program = resolve_program({"tool", "[1,2]", "", "--"}, search());
  ASSERT_TRUE(program) << program.error().what;
  EXPECT_EQ(program->file, second);
  EXPECT_EQ(program->argv, (std::vector<std::string>{"tool", "[1,2]", "", "--"}));
  EXPECT_EQ(program->name, "tool");
}

TEST_F(ResolveTest, ToldApartWhenItCannotRun) {
  EXPECT_EQ(resolve_program({"nothere"}, search()).error().code, Errc::not_found);
  EXPECT_EQ(resolve_program({"./nothere"}, search()).error().code, Errc::not_found);
  EXPECT_EQ(resolve_program({""}, search()).error().code, Errc::not_found);
  EXPECT_EQ(resolve_program({make("plain", "x", 0644)}, search()).error().code, Errc::denied);
  EXPECT_EQ(resolve_program({tree_.root().string()}, search()).error().code, Errc::denied);
  make("bin/plain", "x", 0644);
  EXPECT_EQ(resolve_program({"plain"}, search()).error().code, Errc::denied);
}

TEST_F(ResolveTest, PythonScriptsRunUnderAnInterpreterUnlessTheyNameTheirOwn) {
  const auto python = make("bin/python3", "#!/bin/sh\n", 0755);
  const auto script = make("s/train.py", "print(1)\n", 0644);
  const auto program = resolve_program({script, "a"}, search());
  ASSERT_TRUE(program) << program.error().what;
  EXPECT_EQ(program->file, python);
  EXPECT_EQ(program->argv, (std::vector<std::string>{"python3", script, "a"}));
  EXPECT_EQ(program->name, "train");

  const auto own = make("s/own.py", "#!/usr/bin/env python3\n", 0755);
  EXPECT_EQ(resolve_program({own}, search())->file, own);
  const auto no_shebang = make("s/none.py", "print(1)\n", 0755);
  EXPECT_EQ(resolve_program({no_shebang}, search())->file, python);

  const auto other = make("other/pypy", "#!/bin/sh\n", 0755);
  auto with = search();
  with.python = other;
  EXPECT_EQ(resolve_program({script}, with)->file, other);
  with.python = "nopython";
  EXPECT_EQ(resolve_program({script}, with).error().code, Errc::not_found);
  EXPECT_EQ(resolve_program({"missing.py"}, search()).error().code, Errc::not_found);
}

TEST(ChannelTest, CarriesEveryFieldAndNoticesTheEnd) {
  auto ends = Channel::pair();
  ASSERT_TRUE(ends);
  auto& [a, b] = *ends;
  EXPECT_FALSE(b.receive());
  EXPECT_FALSE(b.closed());
  Message sent{.type = Message::Type::end, .text = "t\n\"", .number = 42, .moment = {1, 2}};
  sent.outcome = {true, 139, 11, "why", 1.25, 0.5, 1 << 20};
  sent.error = {Errc::busy, "what", "hint"};
  sent.stored.number = 3;
  sent.stored.runs_in_file = 4;
  sent.stored.total = {{100.5, 2.25, 0.125, 90, 110, Kind::mixed}, 7.5, 13.7, 20};
  sent.stored.footprint = Footprint{1, 2, 3};
  ASSERT_TRUE(a.send(sent));
  const auto got = b.receive();
  ASSERT_TRUE(got);
  EXPECT_EQ(got->type, sent.type);
  EXPECT_EQ(got->text, sent.text);
  EXPECT_EQ(got->number, 42);
  EXPECT_EQ(got->moment, sent.moment);
  EXPECT_EQ(got->outcome, sent.outcome);
  EXPECT_EQ(got->error.code, Errc::busy);
  EXPECT_EQ(got->error.hint, "hint");
  EXPECT_EQ(got->stored.number, 3);
  EXPECT_EQ(got->stored.runs_in_file, 4);
  const Usage &total = got->stored.total, &expected = sent.stored.total;
  EXPECT_EQ(total.energy.measured_J, expected.energy.measured_J);
  EXPECT_EQ(total.energy.estimated_J, expected.energy.estimated_J);
  EXPECT_EQ(total.energy.uncertainty_J, expected.energy.uncertainty_J);
  EXPECT_EQ(total.energy.lower_J, expected.energy.lower_J);
  EXPECT_EQ(total.energy.upper_J, expected.energy.upper_J);
  EXPECT_EQ(total.energy.kind, Kind::mixed);
  EXPECT_EQ(total.duration_s, 7.5);
  EXPECT_EQ(total.power_mean_W, 13.7);
  EXPECT_EQ(total.power_max_W, 20);
  ASSERT_TRUE(got->stored.footprint);
  EXPECT_EQ(got->stored.footprint->cost_cent, 3);
  a.close();
  EXPECT_FALSE(b.receive());
  EXPECT_TRUE(b.closed());
  EXPECT_FALSE(b.send(sent));
}

Child::Change wait_for(Child& child) {
  for (int i = 0; i < 2000; ++i) {
    if (const auto change = child.poll(); change.what == Child::Change::What::ended) return change;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return {};
}

TEST(ChildTest, RunsAtOnceAndEndsWithItsOwnStatus) {
  auto child = Child::start({"/bin/sh", {"sh", "-c", "exit 42"}, "sh"}, {});
  ASSERT_TRUE(child) << child.error().what;
  const auto change = wait_for(*child);
  EXPECT_EQ(change.exit_code, 42);
  EXPECT_EQ(change.signal, 0);
}

TEST(ChildTest, ASignalIsReportedAsAShellWould) {
  auto child = Child::start({"/bin/sh", {"sh", "-c", "kill -SEGV $$"}, "sh"}, {});
  ASSERT_TRUE(child);
  const auto change = wait_for(*child);
  EXPECT_EQ(change.exit_code, 139);
  EXPECT_EQ(change.signal, 11);
}

TEST(ChildTest, ExecFailuresAreToldApart) {
  test::Tree tree;
  tree.file("bad", "#!/no/such/interpreter\n").file("raw", "echo hi\n");
  for (const auto* name : {"bad", "raw"}) ::chmod(tree.at(name).c_str(), 0755);
  const auto error_of = [](const std::string& file) { return Child::start({file, {file}, "x"}, {}).error().code; };
  EXPECT_EQ(error_of(tree.at("bad").string()), Errc::not_found);
  EXPECT_EQ(error_of(tree.at("raw").string()), Errc::denied);
}

TEST(ChildTest, FindsTheSignalStateThatItIsGiven) {
  SignalState before;
  ::sigaddset(&before.mask, SIGUSR2);
  before.pipe_ignored = true;
  auto child = Child::start({"/bin/grep", {"grep", "-q", "^SigBlk:.*800$", "/proc/self/status"}, "grep"}, before);
  ASSERT_TRUE(child);
  EXPECT_EQ(wait_for(*child).exit_code, 0);
  auto ignoring = Child::start({"/bin/grep", {"grep", "-q", "^SigIgn:.*1...$", "/proc/self/status"}, "grep"}, before);
  ASSERT_TRUE(ignoring);
  EXPECT_EQ(wait_for(*ignoring).exit_code, 0);
}

/// Longer than a message, and of characters that its pieces must not cut.
std::string long_text() {
  std::string text = "s";
  for (int i = 0; i < 100'000; ++i) text += "\u00e9";
  return text;
}

TEST(InAChildTest, GivesBackWhatCameOfItAndOutlivesACrash) {
  const auto with = [](const StoreRun& store) {
    perun::Run run;
    run.app = "train";
    return in_a_child(store)(run, Presence::perhaps_there);
  };
  const auto stored = with([](const perun::Run& run, Presence presence) -> Result<Stored> {
    const int number = run.app == "train" && presence == Presence::perhaps_there ? 7 : -1;
    return Stored{number, 8, {}, Footprint{1, 2, 3}, long_text()};
  });
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->number, 7);
  EXPECT_EQ(stored->runs_in_file, 8);
  EXPECT_EQ(stored->footprint->cost_cent, 3);
  EXPECT_EQ(stored->summary, long_text());
  const auto refused = with([](const perun::Run&, Presence) -> Result<Stored> { return Error{Errc::busy, "in use", "wait"}; });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::busy);
  EXPECT_EQ(refused.error().hint, "wait");
  const auto crashed = with([](const perun::Run&, Presence) -> Result<Stored> {
    ::raise(SIGSEGV);
    return Stored{};
  });
  ASSERT_FALSE(crashed);
  EXPECT_EQ(crashed.error().code, Errc::format);
  EXPECT_EQ(crashed.error().what, "storing the run ended by signal 11: the data file of 'train' is damaged");
}

TEST(SignalRelayTest, ASignalForTheGroupIsNotPassedOnASecondTime) {
  // In a process of its own, since it signals its whole group.
  const pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    ::setpgid(0, 0);
    auto relay = SignalRelay::start();
    if (!relay) ::_exit(10);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // the canary takes its place
    const auto gather = [&] {
      std::vector<int> due;
      const auto until = monotonic_ns() + 150'000'000;
      while (monotonic_ns() < until) {
        relay->collect(monotonic_ns());
        for (const int s : relay->due(monotonic_ns())) due.push_back(s);
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
      return due;
    };
    ::kill(0, SIGUSR1);
    if (!gather().empty()) ::_exit(11);
    ::kill(::getpid(), SIGUSR2);
    if (gather() != std::vector<int>{SIGUSR2}) ::_exit(12);
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace perun
