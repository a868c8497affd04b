// The two containers of torch.save: they find the pickle and give its storages their bytes.
#pragma once

#include "orrery/formats/bytes.h"
#include "orrery/formats/pickle_arena.h"
#include "orrery/formats/torch_pickle.h"

namespace orrery::formats {

/// PyTorch 1.6 and later: a zip archive with NAME/data.pkl and NAME/data/KEY for each storage. `reader` sees the whole
/// file.
TorchValue read_torch_zip(ByteReader& reader, PickleArena& arena, int64_t budget);

/// Before: pickles of a magic number, the version, facts about the writer, the object and its storages' keys, then the
/// storages, each behind its element count.
TorchValue read_torch_stream(ByteReader& reader, PickleArena& arena, int64_t budget);

}  // namespace orrery::formats
