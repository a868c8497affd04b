#include "orrery/text/tokenizer/tokenizer.h"
