// The public API: what an application may rely on. Everything else may change.
//
//   auto model = orrery::text::Checkpoint::open("smollm2");   // a .gguf file, a hub folder, or a short name
//   orrery::text::Engine engine(model, {});
//   auto answer = engine.submit({.prompt = model->tokenizer().encode("Once upon a time")});
//   for (orrery::text::StreamEvent event; answer.next(event);) std::cout << event.text << std::flush;
//
// Whatever the user did or gave wrong is thrown as orrery::Error.
#pragma once

#include "orrery/base/error.h"
#include "orrery/formats/image.h"
#include "orrery/splat/file.h"
#include "orrery/text/adapters/adapter.h"
#include "orrery/text/chat/chat.h"
#include "orrery/text/chat/template.h"
#include "orrery/text/checkpoint.h"
#include "orrery/text/documents/document.h"
#include "orrery/text/engine/engine.h"
#include "orrery/text/pictures/picture_prompt.h"
#include "orrery/text/sampling/grammar.h"
#include "orrery/text/sampling/sampler.h"
#include "orrery/text/tokenizer/tokenizer.h"
