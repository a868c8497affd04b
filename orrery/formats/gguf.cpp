#include "orrery/formats/gguf.h"
