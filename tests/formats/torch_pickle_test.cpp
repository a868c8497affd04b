#include "orrery/formats/torch_pickle.h"

#include <gtest/gtest.h>

#include "orrery/formats/safetensors.h"
#include "tests/formats/pickle_builder.h"
#include "tests/formats/support.h"

namespace orrery::formats {
namespace {

namespace fs = std::filesystem;
using Kind = TorchValue::Kind;

const fs::path kFixtures = fs::path(ORRERY_SOURCE_DIR) / "tests/fixtures/formats/torch";

std::string pickle_error(const std::string& bytes) {
  return error_message([&] { TorchFile::parse(as_bytes(bytes), "t.pth"); });
}

TEST(TorchPickle, ReadsWhatPyTorchSaved) {
  for (const char* stem : {"dtypes", "dtypes_stream", "nested", "nested_stream", "nested_protocol4"}) {
    SCOPED_TRACE(stem);
    const TorchFile file = TorchFile::open(kFixtures / (std::string(stem) + ".pth"));
    const SafetensorsFile expected = SafetensorsFile::open(kFixtures / (std::string(stem) + ".safetensors"));
    expect_same_tensors(file.tensors(), expected.tensors());
  }
}

TEST(TorchPickle, ShowsTheTree) {
  for (const char* name : {"nested.pth", "nested_stream.pth", "nested_protocol4.pth"}) {
    SCOPED_TRACE(name);
    const TorchFile file = TorchFile::open(kFixtures / name);
    const TorchValue root = file.root();
    EXPECT_EQ(root.kind(), Kind::kDict);
    const TorchValue args = root.find("args");
    EXPECT_EQ(args.kind(), Kind::kNamespace);
    EXPECT_EQ(args.find("hidden_dim").as_int(), 256);
    EXPECT_EQ(args.find("minus").as_int(), -7);
    EXPECT_EQ(args.find("name").as_string(), "détr");
    EXPECT_EQ(args.find("dilation").as_bool(), false);
    EXPECT_EQ(args.find("nothing").kind(), Kind::kNone);
    EXPECT_EQ(args.find("rate").as_float(), -0.5);
    EXPECT_EQ(args.find("absent").find("deeper").as_int(), std::nullopt);
    EXPECT_EQ(root.find("optimizer").find("param_groups").at(0).find("betas").at(1).as_float(), 0.999);
    EXPECT_EQ(root.find("optimizer").find("state").key(0).as_int(), 0);
    EXPECT_EQ(root.find("milestones").size(), 2u);
    EXPECT_EQ(root.find("set").at(0).as_int(), 1);
    EXPECT_EQ(root.find("size").at(1).as_int(), 6);
    EXPECT_EQ(root.find("big").kind(), Kind::kBytes);
    EXPECT_EQ(root.find("negative").as_int(), -(int64_t{1} << 40));
    ASSERT_NE(root.find("views").find("row").as_tensor(), nullptr);
    EXPECT_EQ(root.find("views").find("row").as_tensor()->shape, std::vector<int64_t>{6});
    const TensorView *base = file.find("views.base"), *row = file.find("views.row");
    EXPECT_EQ(row->data, base->data + 2 * 6 * 4) << "shared storages share";
  }
}

TEST(TorchPickle, EveryGoldenCheckpointEqualsTheSafetensorsBesideIt) {
  const auto golden = shared_path("golden");
  if (!golden) GTEST_SKIP() << "no ../shared";
  int compared = 0;
  for (const auto& entry : fs::recursive_directory_iterator(*golden)) {
    if (entry.path().extension() != ".pth") continue;
    SCOPED_TRACE(entry.path());
    const TorchFile file = TorchFile::open(entry.path());
    bool matched = false;
    for (const auto& beside : fs::directory_iterator(entry.path().parent_path())) {
      if (beside.path().extension() != ".safetensors") continue;
      const SafetensorsFile other = SafetensorsFile::open(beside.path());
      // The published files put the state_dict under "model"; its twin has the bare names.
      std::vector<TensorView> tensors = file.tensors();
      const auto bare = [&](const TensorView& t) { return other.find(t.name) || !t.name.starts_with("model."); };
      if (!std::all_of(tensors.begin(), tensors.end(), bare)) {
        for (TensorView& tensor : tensors) tensor.name = tensor.name.substr(std::string_view("model.").size());
      }
      const auto has = [&](const TensorView& t) {
        const TensorView* found = other.find(t.name);
        return found && found->dtype == t.dtype && found->shape == t.shape;
      };
      if (tensors.size() != other.tensors().size() || !std::all_of(tensors.begin(), tensors.end(), has)) continue;
      matched = true;
      expect_same_tensors(tensors, other.tensors());
    }
    EXPECT_TRUE(matched);
    ++compared;
  }
  EXPECT_GE(compared, 14);
}

TEST(TorchPickle, ShardedGoldenEqualsItsSafetensors) {
  const auto folder = shared_path("golden/text/llama-sharded");
  if (!folder) GTEST_SKIP() << "no ../shared";
  const TorchFile file = TorchFile::open(*folder / "pytorch_model.bin.index.json");
  expect_same_tensors(file.tensors(), SafetensorsFile::open(*folder / "model.safetensors.index.json").tensors());
  EXPECT_EQ(file.files().size(), 3u);
}

TEST(TorchPickle, ReadsZip64) {
  const std::string pickle = Pickle{}.op("}").text("w").tensor("0", 2, 0, {2}, {1}).op("s").stop();
  const std::string bytes = torch_zip(pickle, {{"0", "abcdefgh"}}, /*zip64=*/true);
  const TorchFile file = TorchFile::parse(as_bytes(bytes), "t");
  EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(file.find("w")->data), 8), "abcdefgh");
}

TEST(TorchPickle, ReadsPartsOfStoragesInTheStreamForm) {
  Pickle pickle;
  pickle.global("torch._utils", "_rebuild_tensor")
      .op("((")
      .text("storage")
      .global("torch", "ByteStorage")
      .text("root")
      .text("cpu");
  pickle.integer(8).op("(").text("part").integer(2).integer(4).op("ttQ").integer(1).integers({2}).integers({1}).op(
      "tR");
  const std::string keys = Pickle{}.op("]").text("root").op("a").stop();
  const std::string bytes =
      torch_stream(Pickle{}.op("(").op(pickle.code.substr(2)).op("l").stop(), keys, raw<int64_t>(8) + "abcdefgh");
  const TorchFile file = TorchFile::parse(as_bytes(bytes), "t");
  ASSERT_EQ(file.tensors().size(), 1u);
  EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(file.find("0")->data), 2), "de");
}

TEST(TorchPickle, UnknownGlobalsAreNamedAndNothingRuns) {
  const std::string attack = Pickle{}.global("os", "system").op("(").text("touch /tmp/owned").op("tR").stop();
  EXPECT_CONTAINS(pickle_error(torch_zip(attack)), "found the global \"os.system\"");
  EXPECT_CONTAINS(pickle_error(torch_stream(attack, "", "")), "found the global \"os.system\"");
  EXPECT_CONTAINS(error_message([] { TorchFile::open(kFixtures / "unknown_global.pt"); }), "\"torch.device\"");
  EXPECT_CONTAINS(pickle_error(torch_zip(Pickle{}.text("os").text("system").op("\x93").stop())), "\"os.system\"");
  EXPECT_CONTAINS(pickle_error(torch_zip("ios\nsystem\n.")), "opcode 0x69");
  EXPECT_CONTAINS(pickle_error(torch_zip(Pickle{}.global("torch", "FloatStorage").op(")R").stop())),
                  "a call of torch.FloatStorage");
  EXPECT_CONTAINS(pickle_error(torch_zip(Pickle{}.op("N)R").stop())), "a call of something that is no name");
}

TEST(TorchPickle, RefusalsNameTheirCause) {
  const auto one = [](int64_t numel, int64_t offset, std::vector<int64_t> size, std::vector<int64_t> stride,
                      size_t bytes = 16) {
    return pickle_error(
        torch_zip(Pickle{}.tensor("0", numel, offset, size, stride).stop(), {{"0", std::string(bytes, 'x')}}));
  };
  EXPECT_EQ(one(4, 0, {2, 2}, {2, 1}), "no error");
  EXPECT_CONTAINS(one(4, 1, {2, 2}, {2, 1}), "inside its 16 bytes");
  EXPECT_CONTAINS(one(4, 0, {2, 2}, {3, 1}), "inside its 16 bytes");
  EXPECT_CONTAINS(one(4, INT64_MAX, {1}, {1}), "inside its 16 bytes");
  EXPECT_CONTAINS(one(4, 0, {2}, {INT64_MAX}), "inside its 16 bytes");
  EXPECT_CONTAINS(one(4, 0, {3}, {INT64_MAX}), "inside its 16 bytes");
  EXPECT_CONTAINS(one(4, -1, {1}, {1}), "a product in range");
  EXPECT_CONTAINS(one(4, 0, {2}, {2, 1}), "as many strides as axes");
  EXPECT_CONTAINS(one(4, 0, {-1}, {1}), "integers from 0");
  EXPECT_CONTAINS(one(4, 0, {1}, {-1}), "integers from 0");
  EXPECT_CONTAINS(one(4, 0, {int64_t{1} << 32, int64_t{1} << 32}, {0, 0}), "a product in range");
  EXPECT_CONTAINS(one(4, 0, {int64_t{1} << 60}, {0}), "no more bytes of them than the file has");
  EXPECT_CONTAINS(one(4, 0, {int64_t{1} << 30}, {0}), "no more bytes of them than the file has");
  EXPECT_CONTAINS(one(4, 0, std::vector<int64_t>(65, 1), std::vector<int64_t>(65, 1)), "65 axes");
  EXPECT_CONTAINS(one(5, 0, {1}, {1}), "found 16 bytes, expected 5 elements");
  EXPECT_CONTAINS(one(-4, 0, {1}, {1}), "a storage of -4 elements");
  EXPECT_CONTAINS(one(int64_t{1} << 62, 0, {1}, {1}), "a count in range");
  EXPECT_CONTAINS(pickle_error(torch_zip(Pickle{}.tensor("0", 1, 0, {1}, {1}).stop())), "no bytes of it");
  EXPECT_CONTAINS(
      pickle_error(torch_zip(
          Pickle{}.op("(").tensor("0", 1, 0, {1}, {1}).tensor("0", 1, 0, {1}, {1}, "IntStorage").op("l").stop())),
      "another type or size");
  EXPECT_CONTAINS(pickle_error(torch_zip(Pickle{}.op("}").text("w").op("N").text("w").op("N").op("ss").stop())),
                  "opcode");
  EXPECT_CONTAINS(pickle_error(torch_zip(Pickle{}.op("}(").text("w").op("N").text("w").op("Nu").stop())),
                  "the key \"w\" twice");
  EXPECT_CONTAINS(pickle_error(torch_zip(Pickle{}.op("}(").text("w").op("u").stop())), "a key without a value");
  EXPECT_CONTAINS(pickle_error(torch_zip(Pickle{}
                                             .op("]q\x01h\x01"
                                                 "a")
                                             .stop())),
                  "nested deeper");
  EXPECT_CONTAINS(pickle_error(torch_zip(Pickle{}.op("h\x05").stop())), "memo entry 5");
  EXPECT_CONTAINS(pickle_error(torch_zip(Pickle{}.op("r\xff\xff\xff\xff").stop())), "more values");
  EXPECT_CONTAINS(pickle_error(torch_zip(Pickle{}.stop())), "an empty stack");
  EXPECT_CONTAINS(pickle_error(torch_zip(Pickle{}.op("N(\x85").stop())), "a tuple of more");
  EXPECT_CONTAINS(pickle_error(torch_zip("\x80\x06N.")), "protocol 6");
  EXPECT_CONTAINS(pickle_error(torch_zip("N")), "bytes left");
  EXPECT_CONTAINS(pickle_error(torch_zip("X\xff\xff\xff\xff.")), "pickle string");
}

TEST(TorchPickle, ContainersThatLieAreRefused) {
  const std::string pickle = Pickle{}.tensor("0", 1, 0, {1}, {1}).stop();
  EXPECT_CONTAINS(pickle_error(zip_of({{"a/data.pkl", pickle, 8}})), "compression method 8");
  EXPECT_CONTAINS(pickle_error(zip_of({{"a/data.pkl", "N."}, {"a/byteorder", "big"}})), "big-endian data");
  EXPECT_CONTAINS(pickle_error(zip_of({{"a/other", ""}})), "no data.pkl");
  EXPECT_CONTAINS(pickle_error(zip_of({{"a/data.pkl", "N."}, {"a/data.pkl", "N."}})), "the name twice");
  EXPECT_CONTAINS(pickle_error("PK\3\4"), "zip directory: found none");
  EXPECT_CONTAINS(pickle_error(""), "bytes left");
  EXPECT_CONTAINS(pickle_error("N."), "magic: found another pickle");
  const std::string keys = Pickle{}.op("]").text("0").op("a").stop();
  EXPECT_EQ(pickle_error(torch_stream(pickle, keys, raw<int64_t>(1) + "abcd")), "no error");
  EXPECT_CONTAINS(pickle_error(torch_stream(pickle, keys, raw<int64_t>(2) + "abcd")), "2 elements, expected 1");
  EXPECT_CONTAINS(pickle_error(torch_stream(pickle, keys, raw<int64_t>(1) + "abc")), "3 bytes left");
  EXPECT_CONTAINS(pickle_error(torch_stream(pickle, Pickle{}.op("]").stop(), "")), "no bytes of it");
  EXPECT_CONTAINS(pickle_error(torch_stream(pickle, Pickle{}.op("]").text("1").op("a").stop(), "")), "\"1\"");
  EXPECT_CONTAINS(
      pickle_error(torch_stream(pickle, Pickle{}.op("(").text("0").text("0").op("l").stop(), raw<int64_t>(1) + "abcd")),
      "each storage that the object has, once");
}

}  // namespace
}  // namespace orrery::formats
