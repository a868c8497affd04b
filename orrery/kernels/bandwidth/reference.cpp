#include "orrery/kernels/bandwidth/read_words.h"

namespace orrery::kernels {

uint64_t read_words_reference(const uint64_t* words, size_t count) { return xor_of_words(words, count); }

}  // namespace orrery::kernels
