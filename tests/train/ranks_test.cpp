// One run in several processes on this machine.
#include "orrery/train/ranks.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <map>
#include <memory>

#include "orrery/base/child_process.h"
#include "orrery/base/file.h"
#include "orrery/formats/safetensors.h"
#include "tests/text/tiny_model.h"
#include "tests/train/child.h"

namespace orrery::train {
namespace {
namespace fs = std::filesystem;

/// A port of the loopback address that nobody has now.
int free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof(address);
  EXPECT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&address), size), 0);
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(socket);
  return ntohs(address.sin_port);
}

/// Processes of one run.
class Together {
 public:
  Together(int size, const fs::path& folder, const std::vector<std::string>& more) : folder_(folder) {
    const std::string port = fmt::format("MASTER_PORT={}", free_port());
    std::vector<std::string> command{kResumableRun, folder};
    command.insert(command.end(), more.begin(), more.end());
    for (int rank = 0; rank < size; ++rank)
      children_.push_back(std::make_unique<Child>(
          command,
          std::vector<std::string>{fmt::format("RANK={}", rank), fmt::format("WORLD_SIZE={}", size),
                                   "MASTER_ADDR=127.0.0.1", port, "GLOO_SOCKET_IFNAME=lo"},
          errors_file(rank)));
  }
  Child& child(int rank) { return *children_[static_cast<size_t>(rank)]; }
  /// The exit codes, by rank.
  std::vector<int> wait() {
    std::vector<int> codes;
    for (const auto& child : children_) codes.push_back(child->wait());
    return codes;
  }
  /// What a process said on standard error.
  std::string errors(int rank) const { return read_text(errors_file(rank)); }

 private:
  std::string errors_file(int rank) const { return fmt::format("{}.{}", folder_.string(), rank); }
  const fs::path folder_;
  std::vector<std::unique_ptr<Child>> children_;
};

/// Every value of two files of a checkpoint within 1e-5 of the other's.
void expect_near(const fs::path& a, const fs::path& b, const std::string& name) {
  const auto left = formats::SafetensorsFile::open(a / name), right = formats::SafetensorsFile::open(b / name);
  ASSERT_EQ(left.tensors().size(), right.tensors().size()) << name;
  for (size_t i = 0; i < left.tensors().size(); ++i) {
    const TensorView &x = left.tensors()[i], &y = right.tensors()[i];
    ASSERT_EQ(x.name, y.name);
    ASSERT_EQ(x.bytes, y.bytes) << x.name;
    if (x.dtype != DType::kF32) continue;  // codes of 8 bits, which a last bit may round to a neighbour
    double worst = 0;
    for (int64_t k = 0; k < x.elements(); ++k) {
      float p, q;
      std::memcpy(&p, x.data + 4 * k, 4), std::memcpy(&q, y.data + 4 * k, 4);
      worst = std::max(worst, std::fabs(double{p} - q) / (1 + std::fabs(double{q})));
    }
    EXPECT_LE(worst, 1e-5) << name << ", " << x.name;
  }
}

void expect_same_checkpoints(const fs::path& a, const fs::path& b, int step) {
  const std::string checkpoint = fmt::format("checkpoint-{}", step);
  for (const char* name : {"parameters.safetensors", "optimizer.safetensors", "averages.safetensors"})
    expect_near(a / checkpoint, b / checkpoint, name);
}

class Several : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Ranks, Several, testing::Values("adamw", "adamw_8bit", "adafactor", "lion"),
                         [](const auto& test) { return std::string(test.param); });

TEST_P(Several, EqualOne) {
  const text::TempFolder folder;
  ASSERT_EQ(Child({kResumableRun, folder / "one", GetParam(), "12"}).wait(), 0);
  for (const int size : {2, 4}) {
    if (size == 4 && std::string(GetParam()) != "adamw") continue;
    const fs::path run = folder / std::to_string(size);
    Together together(size, run, {GetParam(), "12"});
    EXPECT_EQ(together.wait(), std::vector<int>(static_cast<size_t>(size), 0))
        << together.errors(0) << together.errors(1);
    expect_same_checkpoints(folder / "one", run, 12);
    EXPECT_TRUE(fs::exists(run / "report.html"));
    EXPECT_EQ(std::ranges::count(read_text(run / "metrics.jsonl"), '\n'), 12);
  }
}

// Whoever dies, the others say so and end; then another number of processes goes on.
TEST(Ranks, OneThatDiesEndsTheOthers) {
  const text::TempFolder folder;
  ASSERT_EQ(Child({kResumableRun, folder / "one", "adamw", "60"}).wait(), 0);
  for (const int dying : {0, 2}) {
    const fs::path run = folder / fmt::format("dying{}", dying);
    Together three(3, run, {"adamw", "60"});
    three.child(dying).watch(9, 0);  // far from the end
    three.child(dying).kill();
    const std::vector<int> codes = three.wait();
    for (int rank = 0; rank < 3; ++rank) {
      EXPECT_EQ(codes[static_cast<size_t>(rank)], rank == dying ? -1 : 2) << three.errors(rank);
      if (rank != dying)
        text::expect_contains(three.errors(rank), {fmt::format("process {}", rank), "gone", "--resume"});
    }
    Together two(2, run, {"adamw", "60"});
    EXPECT_EQ(two.wait(), (std::vector<int>{0, 0})) << two.errors(0) << two.errors(1);
    expect_same_checkpoints(folder / "one", run, 60);
  }
}

// The launcher that others use: it starts two processes, one of which dies, starts both again, and they go on.
TEST(Ranks, TorchrunStartsThemAgain) {
  const auto torchrun = find_program("torchrun");
  if (!torchrun) GTEST_SKIP() << "no torchrun (PyPI's torch) in PATH";
  const text::TempFolder folder;
  ASSERT_EQ(Child({kResumableRun, folder / "one", "adamw", "60"}).wait(), 0);
  Child launcher(
      {*torchrun, "--nproc_per_node=2", "--max_restarts=1", "--master_addr=127.0.0.1",
       fmt::format("--master_port={}", free_port()), "--no-python", kResumableRun, folder / "two", "adamw", "60"},
      {"GLOO_SOCKET_IFNAME=lo", "DIE_ONCE=" + (folder / "died").string()}, folder / "errors");
  EXPECT_EQ(launcher.wait(), 0) << read_text(folder / "errors");
  EXPECT_TRUE(fs::exists(folder / "died"));
  expect_same_checkpoints(folder / "one", folder / "two", 60);
}

TEST(Ranks, AnErrorInOneIsTheErrorOfAll) {
  const text::TempFolder folder;
  Together together(3, folder / "run", {"adamw", "12", "4"});
  EXPECT_EQ(together.wait(), (std::vector<int>{2, 2, 2}));
  for (int rank = 0; rank < 3; ++rank)
    text::expect_contains(together.errors(rank), {"step 5, micro-batch 1 (process 1)", "nan"});
}

TEST(Ranks, WhatTheEnvironmentLacksIsNamed) {
  const auto refusal = [] { return text::error_of([] { Ranks(); }); };
  ::setenv("WORLD_SIZE", "2", 1);
  text::expect_contains(refusal(), {"RANK", "nothing"});
  ::setenv("RANK", "2", 1);
  text::expect_contains(refusal(), {"RANK", "0 to 1"});
  ::setenv("RANK", "one", 1);
  text::expect_contains(refusal(), {"RANK", "one", "a number"});
  ::setenv("RANK", "1", 1);
  text::expect_contains(refusal(), {"MASTER_ADDR"});
  ::setenv("MASTER_ADDR", "127.0.0.1", 1);
  text::expect_contains(refusal(), {"MASTER_PORT"});
  for (const char* name : {"WORLD_SIZE", "RANK", "MASTER_ADDR"}) ::unsetenv(name);
  EXPECT_EQ(Ranks().size(), 1);
}

}  // namespace
}  // namespace orrery::train
