// The paths of each API, one function a file.
#pragma once

#include "orrery/serve/router.h"
#include "orrery/serve/service.h"

namespace orrery::serve {

void add_chat_route(Router& router, Service& service);        ///< /v1/chat/completions
void add_completion_route(Router& router, Service& service);  ///< /v1/completions
void add_embedding_route(Router& router, Service& service);   ///< /v1/embeddings
void add_infill_route(Router& router, Service& service);      ///< /infill
void add_model_routes(Router& router, Service& service);      ///< /v1/models
void add_ollama_routes(Router& router, Service& service);     ///< /api/chat, /api/generate, /api/tags
void add_responses_route(Router& router, Service& service);   ///< /v1/responses
void add_studio_routes(Router& router, Service& service);     ///< /, /studio, /api/studio
void add_token_routes(Router& router, Service& service);      ///< /tokenize, /detokenize, /apply-template

}  // namespace orrery::serve
